import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createSharedLimiterMemory, openSharedLimiter } from '../src/index.ts';

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
  const here = await readFile(new URL(import.meta.url), 'utf8');
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
  const code = region?.replace(/^ {2}/gm, '').replaceAll('log.push(', 'console.log(');
  expect(code).toBeTruthy();
  expect(readme).toContain(code);
  expect(example()).toEqual([[true, true, false]]);
});
