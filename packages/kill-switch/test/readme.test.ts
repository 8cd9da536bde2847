import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createKillSwitch } from '../src/index.ts';
import { testFolder } from './folder.ts';

async function example(root: string): Promise<string[]> {
  const log: string[] = [];
  // #region example
  const killSwitch = await createKillSwitch({ root });
  killSwitch.onChange(({ type, actor, reason }) => log.push(`${type} by ${actor}: ${reason}`));

  await killSwitch.engage({
    scope: 'tool',
    tool: 'shell',
    tenant: 'acme',
    actor: 'ann',
    reason: 'INC-42: deletes files',
  });
  if (killSwitch.engaged() !== 0) {
    const stop = killSwitch.find('acme', 'bot-7', 'shell', 'run');
    if (stop !== null) log.push(`stopped since ${stop.at}`);
  }
  await killSwitch.release({
    scope: 'tool',
    tool: 'shell',
    tenant: 'acme',
    actor: 'ben',
    reason: 'INC-42: fixed',
  });
  await killSwitch.close();
  // #endregion
  return log;
}

describe('README', () => {
  it('shows the example that runs here', async () => {
    const here = await readFile(new URL(import.meta.url), 'utf8');
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
    const code = region
      ?.replace(/^ {2}/gm, '')
      .replaceAll('log.push(', 'console.log(')
      .replace('({ root })', "({ root: '.cortex' })");
    expect(code).toBeTruthy();
    expect(readme).toContain(code);
    const folder = await testFolder();
    expect(await example(folder.path)).toEqual([
      'engaged by ann: INC-42: deletes files',
      expect.stringMatching(/^stopped since \d{4}-/),
      'released by ben: INC-42: fixed',
    ]);
  });
});
