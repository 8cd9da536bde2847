import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { KILL_BITS } from '@cortex-governance/core';
import { describe, expect, it, vi } from 'vitest';
import { runChild, startChild } from './child.ts';
import { GLOBAL, listen, order, SHELL, testFolder } from './folder.ts';

const LONG_MS = 60_000;

describe('several processes', () => {
  it(
    'lose no stop when all write at once',
    async () => {
      const folder = await testFolder();
      const names = ['ann', 'ben', 'cem'];
      await Promise.all(names.map((name) => runChild('engage-many.ts', [folder.path, name, '15'])));
      const { entries, revision, history } = await folder.read();
      expect(entries).toHaveLength(45);
      expect(new Set(entries.map(({ agent }) => agent)).size).toBe(45);
      expect(revision).toBe(45);
      expect(history.map((record) => record.revision)).toEqual(entries.map((_, i) => i + 1));
      expect(existsSync(folder.lock)).toBe(false);
    },
    LONG_MS,
  );

  it(
    'leave a whole file when they are killed while writing, and their lock is taken over',
    async () => {
      const folder = await testFolder();
      const watching = await folder.open({ lockTimeoutMs: 30_000 });
      await watching.engage(order(SHELL));
      let looks = 0;
      for (let round = 0; round < 3; round++) {
        const names = ['ann', 'ben', 'cem'];
        const children = names.map((name) => startChild('loop-forever.ts', [folder.path, name]));
        const ends = children.map((child) => once(child, 'close'));
        await Promise.all(children.map((child) => once(child.stdout, 'data')));
        for (const child of children) {
          await sleep(Math.random() * 60);
          child.kill('SIGKILL');
          // Right after the kill and while the others go on: the file is whole.
          const { entries } = await folder.read();
          expect(entries[0]).toMatchObject(SHELL);
          await watching.refresh();
          expect(watching.status()).toMatchObject({ readable: true, problem: '' });
          looks += 1;
        }
        await Promise.all(ends);
      }
      expect(looks).toBe(9);
      const before = (await folder.read()).revision;
      await watching.engage(order(GLOBAL));
      expect((await folder.read()).revision).toBe(before + 1);
      expect((await folder.open()).engaged() & KILL_BITS.global).toBe(KILL_BITS.global);
    },
    LONG_MS,
  );

  it.skipIf(process.platform === 'win32')(
    'keep a stop in force that a full disk keeps from the file, and do not lift one',
    async () => {
      const folder = await testFolder();
      // No file of this process may grow beyond a few kilobytes: EFBIG, after a short write.
      const limited = ['sh', '-c', 'ulimit -f 8; exec "$@"', 'sh', 'env', 'TSX_DISABLE_CACHE=1'];
      const output = await runChild('fill-the-disk.ts', [folder.path], limited);
      const told = JSON.parse(output) as { durable: number };
      expect(told).toMatchObject({
        engage: 'KILL_SWITCH_WRITE_FAILED',
        engaged: true,
        release: 'KILL_SWITCH_WRITE_FAILED',
        stillEngaged: true,
      });
      expect(told.durable).toBeGreaterThan(0);
      expect((await folder.read()).entries).toHaveLength(told.durable);
      expect(existsSync(folder.lock)).toBe(false);
    },
    LONG_MS,
  );
});

describe('the process', () => {
  it.each(['close', 'leave'])(
    'ends by itself (%s)',
    async (end) => {
      const folder = await testFolder();
      const output = await runChild('open-and-end.ts', [folder.path, end]);
      expect(output).toBe(String(KILL_BITS.global));
      expect((await folder.open()).engaged()).toBe(KILL_BITS.global);
    },
    LONG_MS,
  );
});

describe('following the file', () => {
  it('sees the change of another process by the watcher alone', async () => {
    const folder = await testFolder();
    const watching = await folder.open({ watch: true });
    const changes = listen(watching);
    await runChild('engage-many.ts', [folder.path, 'ann', '1']);
    await vi.waitFor(() => expect(watching.engaged()).toBe(KILL_BITS.agent), LONG_MS / 10);
    expect(changes).toEqual([['engaged', 'ann']]);
    const writing = await folder.open();
    await writing.release(order({ scope: 'agent', agent: 'ann-0' }));
    await vi.waitFor(() => expect(watching.engaged()).toBe(0), LONG_MS / 10);
  });

  it('sees it by the timer alone', async () => {
    const folder = await testFolder();
    const polling = await folder.open({ pollMs: 10 });
    const writing = await folder.open();
    await writing.engage(order(SHELL));
    await vi.waitFor(() => expect(polling.engaged()).toBe(KILL_BITS.tool), LONG_MS / 10);
    await folder.remove();
    await vi.waitFor(() => expect(polling.status().readable).toBe(false), LONG_MS / 10);
  });

  it('ends with close', async () => {
    const folder = await testFolder();
    const closed = await folder.open({ pollMs: 10, watch: true });
    const writing = await folder.open();
    await closed.close();
    await writing.engage(order(SHELL));
    await closed.refresh();
    expect(closed.engaged()).toBe(0);
    await expect(closed.engage(order(GLOBAL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
      message: expect.stringContaining('the switch is closed'),
    });
    expect(closed.engaged()).toBe(KILL_BITS.global);
    await expect(closed.release(order(GLOBAL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
    });
  });
});

describe('sharedState', () => {
  it('shows the bits to a worker thread, in the middle of its loop', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const word = new Int32Array(workerData);
       parentPort.postMessage('ready');
       while (Atomics.load(word, 0) === 0);
       parentPort.postMessage(Atomics.load(word, 0));`,
      { eval: true, workerData: killSwitch.sharedState },
    );
    await once(worker, 'message');
    const told = once(worker, 'message');
    await killSwitch.engage(order(SHELL));
    expect(await told).toEqual([KILL_BITS.tool]);
    await worker.terminate();
  });
});
