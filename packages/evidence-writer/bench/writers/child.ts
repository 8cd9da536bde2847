import { writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchWriter } from './bench-writer.ts';
import { kindOf } from './kinds.ts';
import { sampleRequest, sampleVerdict } from './samples.ts';

/*
 * One writer at work in a process of its own: `<kind> <folder> full <records>`, `paced <records a second>
 * <seconds>`, or `kill`. Prints one JSON line; with `kill`, lines of two numbers, taken and acknowledged, until
 * it is killed.
 */

/** Callers that wait for their acknowledgement at the same time. */
const LANES = 512;

/** Records that a caller who waits for nothing writes in one turn. */
const BURST = 500;

const [name = '', dir = '', mode = '', ...rest] = process.argv.slice(2);
const writer = await kindOf(name).open(dir);
const latencies: number[] = [];
let taken = 0;
let acknowledged = 0;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Writes one record; the promise is that of its acknowledgement. */
function writeOne(scheduledMs = performance.now()): Promise<void> | null {
  taken += 1;
  const done = writer.write(sampleRequest(taken), sampleVerdict());
  if (done === null) return null;
  return done.then(() => {
    acknowledged += 1;
    latencies.push(performance.now() - scheduledMs);
  });
}

async function writeMany(records: number): Promise<void> {
  const lane = async (): Promise<void> => {
    while (taken < records) {
      const done = writeOne();
      if (done !== null) await done;
      else if (taken % BURST === 0) await giveTurn(writer);
    }
  };
  // Who waits for nothing needs no second lane.
  const first = lane();
  if (acknowledgesAnything()) await Promise.all(Array.from({ length: LANES - 1 }, lane));
  await first;
}

function acknowledgesAnything(): boolean {
  return kindOf(name).promise !== '';
}

async function giveTurn(busy: BenchWriter): Promise<void> {
  await nextTurn();
  while (busy.isBusy()) await nextTurn();
}

/** Writes at a fixed rate, whether the writer keeps up or not; a late record counts from when it was due. */
async function writePaced(perSecond: number, seconds: number): Promise<void> {
  const records = perSecond * seconds;
  const startMs = performance.now();
  const open: Promise<void>[] = [];
  while (taken < records) {
    const due = Math.min(records, ((performance.now() - startMs) / 1000) * perSecond);
    while (taken < due)
      open.push(writeOne(startMs + (taken / perSecond) * 1000) ?? Promise.resolve());
    await sleep(1);
  }
  await Promise.all(open);
}

async function writeUntilKilled(): Promise<never> {
  const report = (): number => writeSync(1, `${taken} ${acknowledged}\n`);
  const lane = async (): Promise<never> => {
    for (;;) {
      const done = writeOne();
      if (done !== null) await done;
      else if (taken % BURST === 0) await giveTurn(writer);
      if (taken % BURST === 0) report();
    }
  };
  const lanes = acknowledgesAnything() ? LANES : 1;
  return Promise.race(Array.from({ length: lanes }, lane));
}

function quantile(part: number): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
}

if (mode === 'kill') await writeUntilKilled();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const startMs = performance.now();
if (mode === 'paced') await writePaced(Number(rest[0]), Number(rest[1]));
else await writeMany(Number(rest[0]));
// What waits for nothing has written when it has ended.
if (!acknowledgesAnything()) await writer.end();
const seconds = (performance.now() - startMs) / 1000;
delay.disable();
const result = {
  ...{ records: taken, seconds, p50: quantile(0.5), p99: quantile(0.99) },
  loopP99: delay.percentile(99) / 1e6,
};
if (acknowledgesAnything()) await writer.end();
writeSync(1, `${JSON.stringify(result)}\n`);
