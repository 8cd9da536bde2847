import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { realScene } from './real-scene.ts';
import { actionOf } from './scopes.ts';

const LONG = process.env['CORTEX_LONG'] === '1';
const ROUNDS = LONG ? 20_000 : 2_000;
/** If one answer has not been seen after so many rounds more, the disk was never changed in time. */
const MOST_ROUNDS = ROUNDS * 50;
const LONG_TIMEOUT_MS = 600_000;

const PATHS = { p: { type: 'string', format: 'path' } };

/**
 * Without a pause: points one link in and out by turns, at once, and puts a folder and a link out in each
 * other's place, in two steps. Ends when told to.
 */
const FLIPPER = `
  const { renameSync, symlinkSync, rmSync } = require('node:fs');
  const { workerData: { docs, state } } = require('node:worker_threads');
  const swap = docs + '/swap', away = docs + '/away', next = docs + '/next';
  let out = false;
  while (Atomics.load(state, 0) === 0) {
    out = !out;
    symlinkSync(out ? '../../out' : 'sub', next);
    renameSync(next, docs + '/flip');
    if (out) { renameSync(swap, away); symlinkSync('../../out', swap); }
    else { rmSync(swap); renameSync(away, swap); }
    Atomics.add(state, 1, 1);
  }
`;

async function flip(docs: string): Promise<() => number> {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(FLIPPER, { eval: true, workerData: { docs, state } });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject).once('exit', () => resolve());
  });
  onTestFinished(async () => {
    Atomics.store(state, 0, 1);
    await ended;
  });
  await new Promise((resolve) => worker.once('online', resolve));
  return () => Atomics.load(state, 1);
}

describe('while links change', () => {
  it.each([
    ['a folder', ['docs']],
    ['a glob', ['docs/**']],
  ])('no path resolves outside %s', { timeout: LONG_TIMEOUT_MS }, async (_name, fsScope) => {
    const { workspace } = await realScene();
    const docs = join(workspace, 'docs');
    const action = actionOf({ fsScope, args: PATHS }, workspace);
    await mkdir(join(docs, 'swap'));
    await writeFile(join(docs, 'swap', 'secret'), '');
    await writeFile(join(docs, 'sub', 'secret'), '');
    await symlink('sub', join(docs, 'flip'));
    const paths = [
      ...['docs/flip/secret', 'docs/flip', 'docs/flip/new/x', 'docs/flip/../a.md'],
      ...['docs/swap/secret', 'docs/swap/new/x', 'docs/swap/../flip/secret'],
    ];
    const flips = await flip(docs);
    const seen = { inside: 0, refused: 0 };
    for (let i = 0; i < MOST_ROUNDS; i += 1) {
      if (i >= ROUNDS && seen.inside > 0 && seen.refused > 0 && flips() > 10) break;
      const answers = await Promise.all(paths.map((p) => action.resolvePaths({ p })));
      for (const [at, { args, problem }] of answers.entries()) {
        if (problem !== null) {
          seen.refused += 1;
          continue;
        }
        seen.inside += 1;
        const real = String(args['p']);
        const contained = real === docs || real.startsWith(docs + sep);
        if (!contained) expect(real, paths[at]).toBe('a path in scope');
      }
    }
    expect(seen.inside).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
    expect(flips()).toBeGreaterThan(10);
  });
});
