import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchGoal, writeSection } from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { renderText } from '../../../tools/bench/page/text-report.ts';
import { createEvidenceWriter } from '../src/index.ts';
import { sampleRequest, sampleVerdict } from './writers/samples.ts';

/*
 * Records a second verified, in one thread and in several; the best of three runs, the start of the
 * threads in it. The processor's time for a record tells more on a machine that others use, too.
 */

const SIZES = [200_000, 600_000] as const;
const GOAL_PER_SECOND = 200_000;
const THREADS = Math.min(4, Math.max(2, availableParallelism()));

interface Measured {
  readonly records: number;
  readonly seconds: number;
  /** Processor time of all threads, in microseconds. */
  readonly perRecord: number;
  /** Resident memory at the end. */
  readonly bytes: number;
}

const root = mkdtempSync(join(tmpdir(), 'evidence-verify-bench-'));

async function writeLog(records: number): Promise<string> {
  const name = `log-${records}`;
  const writer = await createEvidenceWriter({ dir: root, name });
  for (let n = 0; n < records; n += 1) {
    writer.appendDecision(sampleRequest(n), sampleVerdict());
    if (n % 2_000 === 0) await writer.flush();
  }
  await writer.close();
  return join(root, name);
}

function measure(log: string, records: number, workers: number): Measured {
  const threads = join(import.meta.dirname, '../test/fixtures/threads-read-typescript.mjs');
  const script = join(import.meta.dirname, 'verify-once.ts');
  const condition = '--conditions=@cortex-governance/source';
  const args = ['--import', 'tsx', '--import', threads, condition, script];
  const output = execFileSync(process.execPath, [...args, log, String(workers)]);
  const measured = JSON.parse(String(output)) as Measured;
  if (measured.records !== records) throw new Error(`wrong answer: ${measured.records} records`);
  return measured;
}

function perSecond({ records, seconds }: Measured): number {
  return records / seconds;
}

try {
  const rows: string[][] = [];
  let best = 0;
  for (const records of SIZES) {
    const log = await writeLog(records);
    for (const threads of [1, THREADS]) {
      const measured = measure(log, records, threads === 1 ? 0 : threads);
      best = Math.max(best, perSecond(measured));
      rows.push([
        records.toLocaleString('en'),
        String(threads),
        Math.round(perSecond(measured)).toLocaleString('en'),
        measured.perRecord.toFixed(1),
        (measured.bytes / 1e6).toFixed(0),
      ]);
    }
  }
  const goals: BenchGoal[] = [
    {
      goal: `at least ${GOAL_PER_SECOND.toLocaleString('en')} records a second`,
      figure: `${Math.round(best).toLocaleString('en')} a second, the best of the table`,
      met: best >= GOAL_PER_SECOND,
    },
  ];
  const section = {
    id: 'evidence-verify',
    title: 'Evidence, verified',
    order: 60,
    measuredAt: new Date().toISOString(),
    command: 'npx nx bench evidence-writer -- verify',
    machine: { ...describeMachine() },
    versions: {},
    goals,
    tables: [
      {
        title: 'A whole log',
        columns: ['records', 'threads', 'records/s', 'processor µs per record', 'resident MB'],
        rows,
      },
    ],
    notes: [
      'Everything is recomputed and compared: signature, records, leaf hashes, every hash tile, journal, left-over files.',
      'The best of three runs in a process of its own, with the start of the threads in it; with more threads than one, the first thread folds the tree and the others check records.',
      'Resident memory is that of the whole process, Node included, after the third run.',
    ],
  };
  writeSection(section);
  console.log(renderText(section));
} finally {
  rmSync(root, { recursive: true, force: true });
}
