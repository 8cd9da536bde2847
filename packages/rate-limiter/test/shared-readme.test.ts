import { expect, it } from 'vitest';
import { createSharedLimiterMemory, openSharedLimiter } from '../src/index.ts';
import { readmeExample } from './readme-example.ts';

function example(): boolean[][] {
  const log: boolean[][] = [];
  // #region example
  const memory = createSharedLimiterMemory({ maxKeys: 10_000, maxBytes: 16_777_216 });
  // In each thread, with the memory from `workerData` or a message:
  const here = openSharedLimiter(memory);
  const there = openSharedLimiter(structuredClone(memory));

  const twoAMinute = {
    tool: 'git-map',
    action: 'search',
    shadow: false,
    limits: [{ kind: 'window', limit: 2, windowMs: 60_000, by: ['tenant'] }],
  } as const;
  const search = {
    tenant: 'acme',
    subject: { type: 'agent', id: 'ada' },
    action: { name: 'search' },
    resource: { type: 'tool', id: 'git-map' },
  };

  const answers = [
    here.take(twoAMinute, search, 'v-1', performance.now()),
    there.take(twoAMinute, search, 'v-2', performance.now()),
    here.take(twoAMinute, search, 'v-3', performance.now()),
  ];
  log.push(answers.map((waitMs) => waitMs === 0));
  // #endregion
  return log;
}

it('README shows the example of shared memory that runs here', async () => {
  const { readme, code } = await readmeExample(import.meta.url);
  expect(readme).toContain(code);
  expect(example()).toEqual([[true, true, false]]);
});
