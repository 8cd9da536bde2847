import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchWriterKind } from './bench-writer.ts';
import { folderBytes } from './folder-bytes.ts';
import { recordOf } from './record-of.ts';

/**
 * The least that durable lines take: everything that waits is written and synced together. No hash, no tree,
 * no signature, no recovery.
 */
export const plainLoop: BenchWriterKind = {
  name: 'plain write and fdatasync loop',
  promise: 'disk',
  async open(dir) {
    const file = await open(join(dir, 'log'), 'a');
    let lines: string[] = [];
    let waiting: (() => void)[] = [];
    let running: Promise<void> | null = null;
    const run = async (): Promise<void> => {
      while (lines.length > 0) {
        const [batch, wake] = [lines, waiting];
        lines = [];
        waiting = [];
        await file.write(batch.join(''));
        await file.datasync();
        for (const resolve of wake) resolve();
      }
      running = null;
    };
    return {
      write(request, verdict) {
        lines.push(`${JSON.stringify(recordOf(request, verdict))}\n`);
        running ??= run();
        return new Promise((resolve) => waiting.push(resolve));
      },
      isBusy: () => false,
      async end() {
        while (running !== null) await running;
        await file.close();
      },
    };
  },
  async count(dir) {
    const text = await readFile(join(dir, 'log'), 'utf8').catch(() => '');
    return text.split('\n').length - 1;
  },
  bytes: folderBytes,
};
