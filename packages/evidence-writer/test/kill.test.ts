import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyEvidence } from '../src/index.ts';
import { type Acknowledgement, FROM_SOURCES, type Load, startWriter } from './killed-writer.ts';
import { openWriter, recordsOf, temporaryFolder } from './support.ts';

/* A few lives; `nx test-faults evidence-writer` has hundreds. */

/** Runs a writer, kills it when it has acknowledged `count` records, and returns these and some more. */
function killAfter(
  dir: string,
  level: Load['levels'][number],
  count: number,
): Promise<readonly Acknowledgement[]> {
  const load: Load = {
    levels: [level],
    lanes: 32,
    textBytes: 0,
    closeAfter: 0,
    erases: false,
    writer: { dir, checkpointIntervalMs: 5, segmentBytes: 65_536 },
  };
  const writer = startWriter(load, FROM_SOURCES, (_line, acknowledged) => {
    if (acknowledged >= count) writer.process.kill('SIGKILL');
  });
  return writer.acknowledged;
}

describe('a writer that is killed', () => {
  it.each([
    // Hundreds of lives are in test/faults.
    ['os', 4],
    ['disk', 4],
    ['checkpointed', 3],
  ] as const)(
    'loses no record that it acknowledged at %s, in %d lives',
    async (level, lives) => {
      const dir = await temporaryFolder();
      const acknowledged: Acknowledgement[] = [];
      for (let run = 0; run < lives; run += 1) {
        acknowledged.push(...(await killAfter(dir, level, 20 + run * 197)));
        const writer = await openWriter({ dir });
        await writer.close();
        const there = new Set((await recordsOf(join(dir, 'default'))).map((record) => record.id));
        expect(acknowledged.filter(({ id }) => !there.has(id))).toEqual([]);
        const report = await verifyEvidence(join(dir, 'default'));
        expect(report.firstFault).toBeNull();
        expect(report.unsignedTail).toBe(0);
      }
      expect(acknowledged.length).toBeGreaterThan(20 * lives);
    },
    180_000,
  );

  it('leaves a log that can be verified as it is, but for a torn last frame', async () => {
    const dir = await temporaryFolder();
    for (let run = 0; run < 3; run += 1) {
      await killAfter(dir, 'disk', 150);
      const { firstFault } = await verifyEvidence(join(dir, 'default'));
      if (firstFault !== null) expect(firstFault.kind).toBe('torn_tail');
      await (await openWriter({ dir })).close();
    }
  }, 60_000);
});

describe('a process that ends by itself without closing its writer', () => {
  it('writes its queue first, and its log is taken over', async () => {
    const dir = await temporaryFolder();
    const script = join(import.meta.dirname, 'fixtures', 'append-and-end.ts');
    const child = spawn(process.execPath, [...FROM_SOURCES, script, dir], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(0);
    const report = await verifyEvidence(join(dir, 'default'));
    expect(report).toMatchObject({ ok: true, records: 7, checkpointSize: 7, live: false });
    await openWriter({ dir });
  }, 60_000);
});
