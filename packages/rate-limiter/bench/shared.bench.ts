import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Limit, LimitRule } from '@cortex-governance/core';
import { type BenchTable, writeSection } from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { createSharedLimiterMemory } from '../src/index.ts';
import type { Job, JobResult } from './workers/take-many.ts';

/*
 * Nanoseconds of one take by each of 1 to 8 threads that count in one memory, on one key and on 1,000. More threads
 * than processors share them: the time of a take then holds the time in which its thread does not run.
 */

const WORKERS = [1, 2, 4, 8] as const;
const KEYS = [1, 1000] as const;
const TAKES = 200_000;
const ROUNDS = 3;
const GOAL_NS = 150;

interface Subject {
  readonly name: string;
  readonly limit: Limit;
  /** Time between two calls of a thread; 0 for calls at one time. */
  stepMs(workers: number, keys: number): number;
  readonly admits: boolean;
}

const by = ['tenant'] as const;

const SUBJECTS: readonly Subject[] = [
  {
    name: 'gcra, admitted',
    limit: { kind: 'gcra', limit: 1_000_000, windowMs: 1000, burst: 100_000_000, by },
    stepMs: () => 0,
    admits: true,
  },
  {
    name: 'window of 100, admitted',
    limit: { kind: 'window', limit: 100, windowMs: 1000, by },
    // Some 60 calls of all threads for each key in each window.
    stepMs: (workers, keys) => (17 * workers) / keys,
    admits: true,
  },
  {
    name: 'window of 30, refused',
    limit: { kind: 'window', limit: 30, windowMs: 3_600_000, by },
    stepMs: () => 0,
    admits: false,
  },
  {
    name: 'budget, admitted',
    limit: { kind: 'budget', unit: 'calls', limit: 2 ** 40, perCall: 1, windowMs: 3_600_000, by },
    stepMs: () => 0,
    admits: true,
  },
];

function ruleOf(limit: Limit): LimitRule {
  return { tool: 'files', action: 'read', limits: [limit], shadow: false };
}

function startThreads(): Worker[] {
  const script = new URL('./workers/take-many.ts', import.meta.url).href;
  const code = `
    import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))};
    register();
    await import(${JSON.stringify(script)});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const execArgv = ['--conditions=@cortex-governance/source'];
  return Array.from({ length: 8 }, () => new Worker(url, { workerData: 'take-many', execArgv }));
}

async function measure(
  threads: readonly Worker[],
  limit: Limit,
  keys: number,
  stepMs: number,
  takes = TAKES,
): Promise<readonly JobResult[]> {
  const memory = createSharedLimiterMemory({ maxKeys: 10_000 });
  const gate = new SharedArrayBuffer(4);
  const rule = ruleOf(limit);
  return Promise.all(
    threads.map(async (thread, worker) => {
      const job = { memory, rule, keys, takes, workers: threads.length, worker, stepMs, gate };
      const answer = once(thread, 'message');
      thread.postMessage(job satisfies Job);
      const [result] = (await answer) as [JobResult];
      return result;
    }),
  );
}

function total(results: readonly JobResult[], of: 'admitted' | 'retries'): number {
  return results.reduce((sum, result) => sum + result[of], 0);
}

/** Every kind, 8 threads at one time on one key: exactly what the limit says. */
async function checkTotals(threads: readonly Worker[]): Promise<void> {
  const limits: readonly (readonly [Limit, number])[] = [
    [{ kind: 'window', limit: 777, windowMs: 1e6, by }, 777],
    [{ kind: 'gcra', limit: 1, windowMs: 1e6, burst: 50_000, by }, 50_000],
    [{ kind: 'concurrency', limit: 777, leaseMs: 1e6, by }, 777],
  ];
  for (const [limit, expected] of limits) {
    const admitted = total(await measure(threads, limit, 1, 0, 20_000), 'admitted');
    if (admitted !== expected) throw new Error(`${limit.kind}: ${admitted}, not ${expected}`);
  }
  const budget = {
    kind: 'budget',
    unit: 'calls',
    limit: 777,
    perCall: 1,
    windowMs: 1e6,
    by,
  } as const;
  const admitted = total(await measure(threads, budget, 1, 0, 20_000), 'admitted');
  if (admitted > 777 || admitted < 777 - 8) throw new Error(`budget: ${admitted}, not 777`);
}

function checkAnswers(
  { name, admits }: Subject,
  results: readonly JobResult[],
  keys: number,
): void {
  const takes = TAKES * results.length;
  const admitted = total(results, 'admitted');
  // Threads that drift apart meet a full window now and then.
  const wrong = admits ? admitted < 0.5 * takes : admitted !== 30 * keys;
  if (wrong) throw new Error(`${name}: ${admitted} of ${takes} admitted`);
}

async function row(all: readonly Worker[], subject: Subject, keys: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const workers of WORKERS) {
    const threads = all.slice(0, workers);
    const rounds: (readonly JobResult[])[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      const stepMs = subject.stepMs(workers, keys);
      const results = await measure(threads, subject.limit, keys, stepMs);
      checkAnswers(subject, results, keys);
      if (i > 0) rounds.push(results);
    }
    const ns = rounds
      .flat()
      .map((result) => result.ns / TAKES)
      .sort((a, b) => a - b);
    const takes = TAKES * workers * ROUNDS;
    const retries = rounds.reduce((sum, results) => sum + total(results, 'retries'), 0);
    rows.push({
      workers,
      fastest: ns[0] ?? 0,
      median: ns[Math.floor(ns.length / 2)] ?? 0,
      retries: (1e6 * retries) / takes,
    });
  }
  return rows;
}

interface Row {
  readonly workers: number;
  readonly fastest: number;
  readonly median: number;
  readonly retries: number;
}

const threads = startThreads();
await checkTotals(threads);
const table: BenchTable = {
  title: 'Nanoseconds of a take, as each thread sees it',
  columns: ['', 'keys', 'threads', 'fastest', 'median', 'retries per million'],
  rows: [],
};
let goalNs = 0;
for (const subject of SUBJECTS) {
  for (const keys of KEYS) {
    for (const { workers, fastest, median, retries } of await row(threads, subject, keys)) {
      if (subject === SUBJECTS[0] && keys === 1000 && workers === 2) goalNs = fastest;
      const cells = [String(keys), String(workers), fastest.toFixed(0), median.toFixed(0)];
      table.rows.push([subject.name, ...cells, retries.toFixed(0)]);
      process.stdout.write(`${table.rows.at(-1)?.join('  ')}\n`);
    }
  }
}
for (const thread of threads) await thread.terminate();

const goal = `gcra, 2 threads, 1,000 keys: at most ${GOAL_NS} ns`;
process.stdout.write(`${goal}: ${goalNs.toFixed(0)} ns\n`);
writeSection({
  id: 'limiter-shared',
  title: 'Limits in shared memory',
  order: 31,
  measuredAt: new Date().toISOString(),
  command: 'npx nx bench rate-limiter -- shared',
  machine: describeMachine(),
  versions: {},
  goals: [{ goal, figure: `${goalNs.toFixed(0)} ns`, met: goalNs <= GOAL_NS }],
  tables: [table],
  notes: [
    `Each thread makes ${TAKES} takes in a round, all begin together; ${ROUNDS} rounds after one untimed. Fastest and median are of threads.`,
    'Before the timing, 8 threads hammer one key of each kind at one time: together they are admitted exactly the limit (a budget: never above it).',
    'With more threads than processors a figure holds the time in which its thread waits for one.',
  ],
});
