import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadGrant } from '../src/index.ts';
import { GIT_GRANT, Workspace } from './grant-files.ts';

const run = promisify(execFile);

/** A child that does not end by itself is killed then, and the test fails. */
const TIMEOUT_MS = 15_000;

const TSX = import.meta.resolve('tsx');
const SOURCE = new URL('../src/index.ts', import.meta.url).href;
const ARGUMENTS = [
  '--conditions=@cortex-governance/source',
  '--import',
  TSX,
  '--input-type=module',
  '--eval',
];

function script(body: string): string[] {
  return [...ARGUMENTS, `import { loadGrant, enforce } from ${JSON.stringify(SOURCE)};\n${body}`];
}

describe('loadGrant', () => {
  it('reads below the working folder, and lets the process end by itself', async () => {
    const { folder } = await Workspace.create({ git: GIT_GRANT });
    const body = `console.log((await loadGrant('git')).tool);`;
    const { stdout, stderr } = await run(process.execPath, script(body), {
      cwd: folder,
      timeout: TIMEOUT_MS,
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'git-map\n', stderr: '' });
  });

  it('invalidates in a process that lives, and warns of a bad file', async () => {
    const workspace = await Workspace.create({ git: GIT_GRANT });
    const body = `
      process.on('warning', (warning) => console.log(warning.code, warning.message));
      const seen = new Set();
      const look = async () => {
        const { rate } = await loadGrant('git');
        if (!seen.has(rate.perMinute)) console.log('rate', rate.perMinute);
        seen.add(rate.perMinute);
      };
      const timer = setInterval(look, 5);
      process.stdin.once('data', () => { clearInterval(timer); process.stdin.destroy(); });`;
    const child = spawn(process.execPath, script(body), {
      cwd: workspace.folder,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void child.kill());
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => String((await lines.next()).value);
    expect(await next()).toBe('rate 30');
    await workspace.put('git', { ...GIT_GRANT, rate: { perMinute: 31 } });
    expect(await next()).toBe('rate 31');
    await workspace.put('git', '{');
    expect(await next()).toMatch(/^POLICY_UPDATE_FAILED .*git\.json:1:2/);
    await workspace.put('git', { ...GIT_GRANT, rate: { perMinute: 32 } });
    expect(await next()).toBe('rate 32');
    child.stdin.write('end\n');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('follows the working folder', async () => {
    const one = await Workspace.create({ git: GIT_GRANT });
    const two = await Workspace.create({ git: { ...GIT_GRANT, tool: 'other' } });
    const body = `
      const tools = [];
      for (const folder of ${JSON.stringify([one.folder, two.folder, one.folder])}) {
        process.chdir(folder);
        tools.push((await loadGrant('git')).tool);
      }
      console.log(tools.join());`;
    const { stdout } = await run(process.execPath, script(body), {
      cwd: one.folder,
      timeout: TIMEOUT_MS,
    });
    expect(stdout).toBe('git-map,other,git-map\n');
  });

  it('rejects, and does not throw, for a bad id', async () => {
    await expect(loadGrant('../x')).rejects.toMatchObject({ code: 'GRANT_ID_INVALID' });
    await expect(loadGrant('not-there')).rejects.toMatchObject({ code: 'GRANT_NOT_FOUND' });
  });
});
