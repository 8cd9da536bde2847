import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { type BenchGoal, writeSection } from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { renderText } from '../../../tools/bench/page/text-report.ts';
import { createEvidenceWriter, verifyEvidence, writeBootEvidence } from '../src/index.ts';
import { sampleRequest, sampleVerdict } from './writers/samples.ts';

/*
 * What evidence costs the request path, how long a start takes, and how many records a second come under a
 * signed checkpoint. Answers are checked before figures count.
 */

const RECORDS = 100_000;
const STARTS = 31;
const GOAL_APPEND_NS = 250;
const GOAL_START_MS = 100;

/** Records in the queue above which the bench waits. */
const MOST_QUEUED = 20_000;

const root = mkdtempSync(join(tmpdir(), 'append-bench-'));

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Nanoseconds of an append, the caller's part alone: nothing is written while it is timed. */
async function timeAppend(): Promise<{ readonly p50: number; readonly p99: number }> {
  const never = 2_000_000_000;
  const writer = await createEvidenceWriter({
    dir: root,
    name: 'append',
    groupRecords: never,
    groupBytes: never,
    groupMaxAgeMs: never,
    groupIdleMs: never,
    maxQueueRecords: never,
    maxQueueBytes: 1e12,
  });
  const [request, verdict] = [sampleRequest(1), sampleVerdict()];
  check(writer.appendDecision(request, verdict) > 0, 'append is taken');
  const bench = new Bench({ iterations: 50_000, time: 0, warmupIterations: 5_000, warmupTime: 0 });
  bench.add('append', () => void writer.appendDecision(request, verdict));
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result === undefined || !('latency' in result)) throw new Error('not timed');
  await writer.close();
  return { p50: result.latency.p50 * 1e6, p99: result.latency.p99 * 1e6 };
}

/** Records a second that come under a checkpoint, appended as fast as the queue takes them. */
async function timeCheckpointed(): Promise<number> {
  const writer = await createEvidenceWriter({ dir: root, name: 'full' });
  const startMs = performance.now();
  for (let done = 0; done < RECORDS; done += 1_000) {
    for (let i = 0; i < 1_000; i += 1) writer.appendDecision(sampleRequest(i), sampleVerdict());
    await nextTurn();
    while (writer.status().queuedRecords > MOST_QUEUED) await nextTurn();
  }
  await writer.flush();
  const seconds = (performance.now() - startMs) / 1000;
  check(writer.status().checkpointed === RECORDS, 'every record is under the checkpoint');
  await writer.close();
  check((await verifyEvidence(join(root, 'full'))).ok, 'the log is whole');
  return RECORDS / seconds;
}

/** Milliseconds to open a log of {@link RECORDS} and to record the boot in it, on disk. */
async function timeStarts(): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    const startMs = performance.now();
    const writer = await createEvidenceWriter({ dir: root, name: 'full' });
    const { written } = await writeBootEvidence({
      dir: join(root, 'runtime'),
      policyHash: 'a'.repeat(64),
      configDigest: 'b'.repeat(64),
      writer,
    });
    times.push(performance.now() - startMs);
    check(written && writer.status().records === RECORDS + i + 1, 'the boot is in the log');
    await writer.close();
  }
  return times.sort((a, b) => a - b);
}

try {
  const append = await timeAppend();
  const perSecond = await timeCheckpointed();
  const starts = await timeStarts();
  const start = starts[Math.floor(STARTS / 2)] ?? Number.NaN;
  const goals: BenchGoal[] = [
    {
      goal: `append: at most ${GOAL_APPEND_NS} ns at the median`,
      figure: `${append.p50.toFixed(0)} ns`,
      met: append.p50 <= GOAL_APPEND_NS,
    },
    {
      goal: `start: below ${GOAL_START_MS} ms at the median`,
      figure: `${start.toFixed(1)} ms, the slowest of ${STARTS} ${starts.at(-1)?.toFixed(1)} ms`,
      met: start < GOAL_START_MS,
    },
  ];
  const section = {
    id: 'evidence',
    title: 'Evidence, on the request path and at the start',
    order: 40,
    measuredAt: new Date().toISOString(),
    command: 'npx nx bench evidence-writer -- append',
    machine: { ...describeMachine() },
    versions: {},
    goals,
    tables: [
      {
        title: 'What it costs',
        columns: ['what', 'figure'],
        rows: [
          ['append, three arguments, p50 ns', append.p50.toFixed(0)],
          ['append, p99 ns', append.p99.toFixed(0)],
          ['records/s under a signed checkpoint, one thread', perSecond.toFixed(0)],
          [
            `start with a log of ${RECORDS.toLocaleString('en')} records, median ms`,
            start.toFixed(1),
          ],
        ],
      },
    ],
    notes: [
      'An append copies what the record needs: no I/O, no hash, no JSON. One is timed by itself, the clock included.',
      'A start opens the log, checks its edge against the signed checkpoint, writes boot.json and has the boot event synced.',
      'Records a second: with the appending, the encoding, hashes, tree, tiles, syncs and checkpoints in one process.',
    ],
  };
  writeSection(section);
  console.log(renderText(section));
} finally {
  rmSync(root, { recursive: true, force: true });
}
