import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { verifyEvidence } from '../../src/index.ts';
import type { Acknowledgement } from '../killed-writer.ts';
import { temporaryFolder } from '../support.ts';
import { isPermitted } from './needed-tool.ts';
import { expectRecovered, expectWholeAsLeft } from './settled-log.ts';

const run = promisify(execFile);
const FIXTURES = join(import.meta.dirname, '..', 'fixtures');

/** What the fixture says of one level and one number of free pages. */
interface FullDisk {
  readonly level: string;
  readonly pages: number;
  readonly code: string;
  readonly restart: string;
  readonly boot: readonly string[];
  readonly fault: string | null;
  readonly missing: number;
  readonly ok: boolean;
  readonly shortWrites: number;
  readonly failed: readonly string[];
}

// A user namespace of its own lets anybody mount a small file system, where the system permits it.
const mount = isPermitted(
  ['unshare', '-Urm', 'mount', '-t', 'tmpfs', 'none', '/tmp'],
  'allow user namespaces (unshare -Urm)',
);

describe(`a disk that is full${mount.note}`, () => {
  it.skipIf(!mount.works)(
    'ends the writer wherever it is met, and loses nothing',
    async () => {
      const folder = await temporaryFolder();
      const script = join(FIXTURES, 'fill-small-disk.mjs');
      const inner = `mount -t tmpfs -o size=512k none "$1" && exec "$2" "$3" "$1"`;
      const args = ['-Urm', 'sh', '-c', inner, 'sh', folder, process.execPath, script];
      const { stdout } = await run('unshare', args, { maxBuffer: 2 ** 24 });
      const results = JSON.parse(stdout) as readonly FullDisk[];
      expect(results.length).toBe(75);
      for (const result of results) {
        expect(result).toMatchObject({ missing: 0, ok: true });
        expect(result.code).toMatch(/^(start )?EVIDENCE_WRITE_FAILED$/);
        expect(result.restart).toMatch(/^(start )?EVIDENCE_WRITE_FAILED$/);
        expect([null, 'torn_tail']).toContain(result.fault);
        expect(result.failed.every((failure) => failure.endsWith(' ENOSPC'))).toBe(true);
      }
      // The disk was met full at each of these, and boot.json was refused and passed over.
      const failed = new Set(results.flatMap((result) => result.failed));
      for (const operation of ['write', 'placeFile', 'replaceFile']) {
        expect(failed).toContain(`${operation} ENOSPC`);
      }
      expect(results.some(({ code }) => code.startsWith('start '))).toBe(true);
      expect(results.some(({ code }) => !code.startsWith('start '))).toBe(true);
      expect(results.some(({ shortWrites }) => shortWrites > 0)).toBe(true);
      const boots = results.map(({ boot }) => boot.join(', '));
      expect(boots).toContain('EVIDENCE_WRITE_FAILED, written false');
    },
    120_000,
  );
});

describe('a file that may not grow', () => {
  it('ends the writer after a short write, and loses nothing', async () => {
    const dir = await temporaryFolder();
    const script = join(FIXTURES, 'append-until-failure.mjs');
    // The shell's unit is 512 bytes; without the trap the first long write is a deadly signal.
    const inner = `trap '' XFSZ; ulimit -f 65; exec "$1" "$2" "$3"`;
    const { stdout } = await run('sh', ['-c', inner, 'sh', process.execPath, script, dir]);
    const { acknowledged, code, problem } = JSON.parse(stdout) as {
      acknowledged: Acknowledgement[];
      code: string;
      problem: string;
    };
    expect(code).toBe('EVIDENCE_WRITE_FAILED');
    expect(problem).toContain('EFBIG');
    expect(acknowledged.length).toBeGreaterThan(10);
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toMatchObject({
      kind: 'torn_tail',
    });
    await expectWholeAsLeft(join(dir, 'default'), acknowledged);
    await expectRecovered({ dir }, acknowledged);
  }, 30_000);
});
