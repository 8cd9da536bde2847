import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SERVER_DEFAULTS } from '../src/index.ts';
import { makeWorkspace } from './workspace.ts';

const PACKAGE = join(import.meta.dirname, '..');
const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');

it('the example of the README prints what the README says', async () => {
  const code = /```js\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const folder = await makeWorkspace();
  // Only the folder differs from what the page shows.
  const script = code.replace("'.cortex'", JSON.stringify(join(folder, '.cortex')));
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: PACKAGE,
    encoding: 'utf8',
  });
  const printed = /It prints `([^`]+)`/.exec(readme)?.[1];
  expect([run.stdout, run.status]).toEqual([`${printed}\n`, 0]);
});

it('the README has every default', () => {
  for (const [name, value] of Object.entries(SERVER_DEFAULTS)) {
    expect(readme).toContain(`| \`${name}\` | ${value.toLocaleString('en-US')} |`);
  }
});
