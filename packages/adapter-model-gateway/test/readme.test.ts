import { readFile } from 'node:fs/promises';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import { expect, it } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { answerEvents, event, openUpstream } from './upstream.ts';
import { openWorkspace } from './workspace.ts';

async function example(
  root: string,
  upstream: string,
  request: Request,
  log: (value: unknown) => void,
): Promise<void> {
  const logger = silentLogger;
  // #region example
  const governor = await createGovernor({ root, logger });
  const gateway = createModelGateway({ governor, upstream, apiKey: 'key-of-the-upstream' });

  // In a web-standard server: who calls comes from your authentication, never from the body.
  const response = await gateway.handle(request, { tenant: 'default', agent: 'researcher' });
  log(response.status);
  for await (const chunk of response.body ?? []) log(Buffer.from(chunk).toString());
  // #endregion
  await governor.close();
}

it('the example of the README runs here', async () => {
  const here = await readFile(new URL(import.meta.url), 'utf8');
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
  const code = region
    ?.replace(/^ {2}/gm, '')
    .replaceAll('log(', 'console.log(')
    .replace('{ root, logger }', '');
  expect(code).toBeTruthy();
  expect(readme).toContain(code);

  const json = /```json\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const { governor } = await openWorkspace([JSON.parse(json)]);
  const upstream = await openUpstream((arrival) => {
    answerEvents(arrival);
    arrival.response.end('data: [DONE]\n\n');
  });
  const lines: unknown[] = [];
  const ask = (model: string): Promise<void> => {
    const request = new Request('http://gateway.test/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages: [] }),
    });
    return example(governor.paths.root, upstream.base, request, (line) => lines.push(line));
  };
  await ask('gpt-4o-mini');
  expect(lines[0]).toBe(200);
  expect(lines.slice(1).join('')).toBe(`${event('first')}data: [DONE]\n\n`);
  expect(upstream.arrivals[0]?.headers.authorization).toBe('Bearer key-of-the-upstream');
  lines.length = 0;
  await ask('another-model');
  expect(lines[0]).toBe(403);
  expect(String(lines[1])).toContain('"type":"governance_denied","code":"ARGUMENT_INVALID"');
});
