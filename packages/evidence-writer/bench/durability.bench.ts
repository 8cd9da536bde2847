import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchGoal, writeSection } from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { renderText } from '../../../tools/bench/page/text-report.ts';
import type { BenchWriterKind } from './writers/bench-writer.ts';
import { KINDS, kindOf } from './writers/kinds.ts';

/*
 * What durable evidence costs, and what is lost when the process is killed: our log at each level beside pino
 * and a plain loop, in one run, interleaved, each in a process of its own on the same disk. What each left on
 * disk is counted before its figures count.
 */

const RECORDS = 100_000;
const ROUNDS = 3;
const KILLS = 3;
const PACED_SECONDS = 5;
const GOAL_PER_SECOND = 50_000;
const GOAL_P99_MS = 50;
const DISK = 'evidence-writer, disk';

interface Run {
  readonly records: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly loopP99: number;
  readonly bytesPerRecord: number;
}

interface Loss {
  readonly taken: number;
  readonly acknowledged: number;
  readonly lostTaken: number;
  readonly lostAcknowledged: number;
}

const CHILD = join(import.meta.dirname, 'writers', 'child.ts');

function startChild(kind: BenchWriterKind, dir: string, args: readonly string[]) {
  const node = ['--import', 'tsx', '--conditions=@cortex-governance/source', CHILD];
  return spawn(process.execPath, [...node, kind.name, dir, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function inFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'durability-'));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function run(kind: BenchWriterKind, ...args: readonly string[]): Promise<Run> {
  return inFolder(async (dir) => {
    const child = startChild(kind, dir, args);
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    const result = JSON.parse(text) as Omit<Run, 'bytesPerRecord'>;
    const bytes = await kind.bytes(dir);
    const found = await kind.count(dir);
    if (found !== result.records)
      throw new Error(`${kind.name}: ${found} of ${result.records} records`);
    return { ...result, bytesPerRecord: bytes / result.records };
  });
}

/** Kills a writer while it is at work, and counts what is left. */
function kill(kind: BenchWriterKind, afterMs: number): Promise<Loss> {
  return inFolder(async (dir) => {
    const child = startChild(kind, dir, ['kill']);
    let text = '';
    child.stdout.on('data', (chunk) => {
      if (text === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
      text += String(chunk);
    });
    await new Promise((resolve) => child.once('close', resolve));
    // The last line may be cut.
    const [taken = 0, acknowledged = 0] = (text.split('\n').at(-2) ?? '').split(' ').map(Number);
    const found = await kind.count(dir);
    return {
      taken,
      acknowledged,
      lostTaken: Math.max(0, taken - found),
      lostAcknowledged: Math.max(0, acknowledged - found),
    };
  });
}

function median(runs: readonly Run[]): Run {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)] as Run;
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

const runs = new Map<string, Run[]>(KINDS.map(({ name }) => [name, []]));
const losses = new Map<string, Loss[]>(KINDS.map(({ name }) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const kind of KINDS) runs.get(kind.name)?.push(await run(kind, 'full', String(RECORDS)));
}
for (let round = 0; round < KILLS; round += 1) {
  for (const kind of KINDS) losses.get(kind.name)?.push(await kill(kind, 300 + 250 * round));
}
const medians = new Map([...runs].map(([name, all]) => [name, median(all)]));
const perSecond = (name: string): number => {
  const { records = 0, seconds = Number.NaN } = medians.get(name) ?? {};
  return records / seconds;
};
const half = Math.floor(perSecond(DISK) / 2);
const paced = await run(kindOf(DISK), 'paced', String(half), String(PACED_SECONDS));
const pacedAtGoal = await run(
  kindOf(DISK),
  'paced',
  String(GOAL_PER_SECOND / 2),
  String(PACED_SECONDS),
);

const lostAcknowledged = [...losses]
  .filter(([name]) => name.startsWith('evidence-writer'))
  .flatMap(([, all]) => all)
  .reduce((sum, loss) => sum + loss.lostAcknowledged, 0);

const goals: BenchGoal[] = [
  {
    goal: `at least ${GOAL_PER_SECOND.toLocaleString('en')} records a second at disk, with hashing, tree and checkpoints`,
    figure: `${Math.round(perSecond(DISK)).toLocaleString('en')} a second, median of ${ROUNDS}`,
    met: perSecond(DISK) >= GOAL_PER_SECOND,
  },
  {
    goal: `at half of that load, p99 of the acknowledgement at disk at most ${GOAL_P99_MS} ms`,
    figure: `${ms(pacedAtGoal.p99)} ms at ${(GOAL_PER_SECOND / 2).toLocaleString('en')} a second; ${ms(paced.p99)} ms at ${half.toLocaleString('en')}`,
    met: pacedAtGoal.p99 <= GOAL_P99_MS,
  },
  {
    goal: 'no acknowledged record lost to SIGKILL',
    figure: `${lostAcknowledged} lost at os, disk and checkpointed`,
    met: lostAcknowledged === 0,
  },
];

const require = createRequire(import.meta.url);
const section = {
  id: 'evidence-durability',
  title: 'Evidence, durable',
  order: 50,
  measuredAt: new Date().toISOString(),
  command: 'npx nx bench evidence-writer -- durability',
  machine: { ...describeMachine() },
  versions: { pino: (require('pino/package.json') as { version: string }).version },
  goals,
  tables: [
    {
      title: `${RECORDS.toLocaleString('en')} records as fast as it takes them`,
      columns: [
        'writer',
        'records/s',
        'of disk',
        'ack p50 ms',
        'ack p99 ms',
        'event loop delay p99 ms',
        'bytes per record',
      ],
      rows: [...medians].map(([name, one]) => [
        name,
        Math.round(perSecond(name)).toLocaleString('en'),
        `${(perSecond(name) / perSecond(DISK)).toFixed(2)}x`,
        kindOf(name).promise === '' ? '-' : ms(one.p50),
        kindOf(name).promise === '' ? '-' : ms(one.p99),
        ms(one.loopP99),
        one.bytesPerRecord.toFixed(0),
      ]),
    },
    {
      title: 'evidence-writer, disk, at a fixed rate',
      columns: ['records/s', 'ack p50 ms', 'ack p99 ms', 'event loop delay p99 ms'],
      rows: [
        [
          (GOAL_PER_SECOND / 2).toLocaleString('en'),
          ms(pacedAtGoal.p50),
          ms(pacedAtGoal.p99),
          ms(pacedAtGoal.loopP99),
        ],
        [half.toLocaleString('en'), ms(paced.p50), ms(paced.p99), ms(paced.loopP99)],
      ],
    },
    {
      title: `Killed with SIGKILL while at work, ${KILLS} times each`,
      columns: ['writer', 'taken', 'of these lost', 'acknowledged', 'of these lost'],
      rows: [...losses].map(([name, all]) => {
        const sum = (pick: (loss: Loss) => number) =>
          all.reduce((total, loss) => total + pick(loss), 0);
        const isPromised = kindOf(name).promise !== '';
        return [
          name,
          sum((loss) => loss.taken).toLocaleString('en'),
          sum((loss) => loss.lostTaken).toLocaleString('en'),
          isPromised ? sum((loss) => loss.acknowledged).toLocaleString('en') : '-',
          isPromised ? sum((loss) => loss.lostAcknowledged).toLocaleString('en') : '-',
        ];
      }),
    },
  ],
  notes: [
    'Each writer runs in a process of its own, on the same file system, one after the other, in rounds; the table shows the round with the median time. What it left on disk was counted, and our logs verified, before its figures count.',
    'All write the same content, with the digest of the arguments: pino and the plain loop as JSON lines without hash, tree, signature or recovery; our log with all of these.',
    `Writers that acknowledge have 512 callers that each wait for one record. The others get 500 records a turn; their time ends when all is written. A dash: it acknowledges nothing.`,
    'Our log at `accepted` acknowledges nothing either: its loss is what was in memory. pino, sync has handed every line to the system when it returns, which a kill does not undo and a power failure does.',
    'The plain loop acknowledges after fdatasync, and so must lose nothing; it is the floor for `disk`.',
    'A kill is not a power failure: levels os and disk look alike here. That `disk` survives more is shown by what the writer calls (the strace tests), and depends on the device.',
    'At a fixed rate a record counts from when it was due, not from when it was taken: no waiting is left out.',
    "Event loop delay is the timer's of Node, with a resolution of 1 ms.",
  ],
};
writeSection(section);
console.log(renderText(section));
