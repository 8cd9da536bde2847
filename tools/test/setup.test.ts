import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findMissingPart } from '../setup/environment.mjs';

const root = join(import.meta.dirname, '..', '..');
const child = JSON.stringify(join(root, 'tools', 'setup', 'child.mjs'));

/** Starts a Node process that runs `script` through runChild and exits with its code. */
function startRunner(script: string) {
  const program = `
    const { runChild } = await import(${child});
    process.exit(await runChild(process.execPath, ['-e', ${JSON.stringify(script)}], {}));
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('findMissingPart', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('accepts Node %s', (version) => {
    expect(findMissingPart(version, true)).toBeUndefined();
  });

  it.each(['16.20.0', '18.20.8', '20.18.3'])('names what Node %s lacks', (version) => {
    expect(findMissingPart(version, true)).toContain(
      `Node 20.19 or newer is needed; this is Node ${version}`,
    );
  });

  it('names git when it is missing', () => {
    expect(findMissingPart('24.0.0', false)).toContain('git is needed');
  });

  it('agrees with the engines in package.json', () => {
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(engines.node).toBe('>=20.19');
  });
});

describe('runChild', () => {
  it('passes the exit code on', async () => {
    const [code] = await once(startRunner('process.exit(7)'), 'close');
    expect(code).toBe(7);
  });

  it.each([
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const)('passes $signal on, and says so in the exit code', async ({ signal, code }) => {
    const runner = startRunner('console.log("up"); setInterval(() => {}, 1000)');
    await once(runner.stdout, 'data');
    runner.kill(signal);
    expect(await once(runner, 'close')).toEqual([code, null]);
  });

  it('lets a child end in its own way', async () => {
    const runner = startRunner(
      'process.on("SIGTERM", () => process.exit(3)); console.log("up"); setInterval(() => {}, 1000)',
    );
    await once(runner.stdout, 'data');
    runner.kill('SIGTERM');
    expect(await once(runner, 'close')).toEqual([3, null]);
  });
});
