import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import { expect, it } from 'vitest';
import { createFileWriteGuard, governTool, governTools, isToolDenial } from '../src/index.ts';
import { openWorkspace } from './workspace.ts';

/** The text of a README's grant, which the example runs on. */
async function readmeGrants(readme: string) {
  return [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json ?? ''));
}

async function example(root: string, log: (value: unknown) => void): Promise<void> {
  const logger = silentLogger;
  // #region example
  const governor = await createGovernor({ root, logger });
  const who = { tenant: 'default', agent: 'researcher' };

  // One function.
  const search = governTool(
    governor,
    { ...who, tool: 'git-map', action: 'search' },
    async ({ path, text }: { path: string; text: string }, _extra, { signal }) =>
      searchFiles(path, text, signal), // `path` is the absolute real path that was decided on
  );
  log(await search({ path: 'docs', text: 'TODO' }));

  // A record of them; each key is an action. A model reads the denial instead of an exception.
  const git = governTools(
    governor,
    { ...who, tool: 'git-map', onDenied: 'return' },
    { tree: ({ path }: { path: string }) => [path], push: () => 'pushed' },
  );
  const result = await git.push();
  if (isToolDenial(result)) log(result.message);

  // Files that a supervisor writes.
  const files = createFileWriteGuard(governor, who);
  const { bytes } = await files.writeFile('docs/report.md', '# Done\n', { mkdir: true });
  log(bytes);
  // #endregion
  await governor.close();
}

async function searchFiles(path: string, text: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return `${text} in ${path}`;
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

  const { folder, governor } = await openWorkspace(await readmeGrants(readme));
  await mkdir(join(folder, 'docs'), { recursive: true });
  const lines: unknown[] = [];
  await example(governor.paths.root, (line) => lines.push(line));
  expect(lines).toEqual([
    `TODO in ${join(folder, 'docs')}`,
    'Denied by governance (ACTION_NOT_ALLOWED): action not allowed.',
    7,
  ]);
  expect(await readFile(join(folder, 'docs', 'report.md'), 'utf8')).toBe('# Done\n');
});
