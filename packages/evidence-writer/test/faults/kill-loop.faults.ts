import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { type Acknowledgement, type Load, startWriter } from '../killed-writer.ts';
import { errorOf, openWriter, temporaryFolder } from '../support.ts';
import { type Random, randomFrom, runSeed } from './random.ts';
import { expectRecovered, expectWholeAsLeft } from './settled-log.ts';
import { sideBySide } from './side-by-side.ts';

/** `CORTEX_LONG=1` (`nx test-long evidence-writer`) kills a thousand writers. */
const KILLS = process.env['CORTEX_LONG'] === '1' ? 1000 : 200;

/** Lives of one log: what one life leaves is what the next starts with. */
const LIVES = 5;

const SEED = runSeed();

/** When a writer is killed: so long after it has said so much. */
interface KillMoment {
  readonly line: 'opening' | 'ready' | 'erasing' | 'closing' | 'acknowledged';
  /** For `acknowledged`: how many records; for the others: which of these lines. */
  readonly count: number;
  readonly delayMs: number;
}

function randomMoment(random: Random): KillMoment {
  const line = random.pick([
    'opening',
    'ready',
    'erasing',
    'closing',
    'acknowledged',
    'acknowledged',
  ] as const);
  const count = line === 'acknowledged' ? random.integer(1, 600) : random.integer(1, 2);
  return { line, count, delayMs: random.integer(0, line === 'acknowledged' ? 5 : 25) };
}

function randomLoad(random: Random, moment: KillMoment, dir: string): Load {
  const all = ['os', 'disk', 'checkpointed'] as const;
  const closes = moment.line === 'closing' || (moment.line !== 'erasing' && moment.count === 2);
  return {
    levels: random.pick([...all.map((level) => [level]), all]),
    lanes: random.pick([1, 4, 32, 200]),
    textBytes: random.pick([0, 0, 10, 10, 400, 400, 3_000, 20_000]),
    closeAfter: closes ? random.integer(1, 400) : 0,
    erases: moment.line === 'erasing',
    writer: {
      dir,
      segmentBytes: random.pick([4136, 30_000, 500_000]),
      checkpointIntervalMs: random.pick([0, 5, 200]),
      groupRecords: random.pick([1, 10, 100]),
      groupMaxAgeMs: random.pick([0, 5, 100]),
    },
  };
}

/** Runs one writer until its moment has come. */
async function live(load: Load, moment: KillMoment): Promise<readonly Acknowledgement[]> {
  let seen = 0;
  const writer = startWriter(load, [], (line, acknowledged) => {
    if (line === moment.line) seen += 1;
    if ((moment.line === 'acknowledged' ? acknowledged : seen) < moment.count) return;
    void wait(moment.delayMs).then(() => writer.process.kill('SIGKILL'));
  });
  return writer.acknowledged;
}

/** The lives of one log, and what must hold after each. */
async function liveAndDie(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const dir = await mkdtemp(join(tmpdir(), 'evidence-'));
  const acknowledged: Acknowledgement[] = [];
  for (let life = 0; life < LIVES; life += 1) {
    const moment = randomMoment(random);
    const load = randomLoad(random, moment, dir);
    acknowledged.push(...(await live(load, moment)));
    // A writer that dies before it made its log leaves none; the next life makes it.
    const exists = await readFile(join(dir, 'default/checkpoint')).then(
      () => true,
      () => false,
    );
    if (exists || acknowledged.length > 0)
      await expectWholeAsLeft(join(dir, 'default'), acknowledged);
    // Now and then the next life finds what this one left, and may die while it recovers that.
    if (life === LIVES - 1 || random.integer(0, 1) === 0)
      await expectRecovered({ dir }, acknowledged);
  }
  await rm(dir, { recursive: true });
}

describe(`${KILLS} writers that are killed`, () => {
  it('lose no record that they acknowledged, and leave a log that the next start recovers', async () => {
    const seeds = Array.from({ length: KILLS / LIVES }, (_, i) => SEED + i);
    await sideBySide(seeds, async (seed) => {
      try {
        await liveAndDie(seed);
      } catch (error) {
        throw new Error(`with FAULT_SEED=${seed}`, { cause: error });
      }
    });
  }, 1_200_000);
});

describe('a writer that is stopped and goes on', () => {
  it('keeps its log meanwhile, acknowledges on, and loses nothing', async () => {
    const dir = await temporaryFolder();
    let counted = 0;
    const load: Load = {
      levels: ['os', 'disk', 'checkpointed'],
      lanes: 16,
      textBytes: 100,
      closeAfter: 0,
      erases: false,
      writer: { dir, checkpointIntervalMs: 5, segmentBytes: 30_000 },
    };
    const writer = startWriter(load, [], (_line, acknowledged) => {
      counted = acknowledged;
    });
    for (let round = 1; round <= 5; round += 1) {
      await vi.waitFor(() => expect(counted).toBeGreaterThan(round * 200), 20_000);
      writer.process.kill('SIGSTOP');
      await vi.waitFor(async () => {
        const status = await readFile(`/proc/${writer.process.pid}/stat`, 'utf8');
        expect(status.replace(/^.*\) /, '')).toMatch(/^T/);
      });
      expect((await errorOf(openWriter({ dir }))).code).toBe('EVIDENCE_LOCKED');
      const before = counted;
      writer.process.kill('SIGCONT');
      await vi.waitFor(() => expect(counted).toBeGreaterThan(before + 100), 20_000);
    }
    writer.process.kill('SIGKILL');
    const acknowledged = await writer.acknowledged;
    await expectWholeAsLeft(join(dir, 'default'), acknowledged);
    await expectRecovered({ dir }, acknowledged);
  }, 60_000);
});
