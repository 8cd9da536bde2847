import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Limit, LimitRule } from '@cortex-governance/core';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { BenchTable } from '../../../tools/bench/page/bench-section.ts';
import { createRateLimiter } from '../src/index.ts';
import { budget, check, fallback, fastRate, MINUTE_MS, rule, window } from './limiter-samples.ts';

/* Bytes that a limiter holds for each key, beside the memory limiter of rate-limiter-flexible. */

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

/** Bytes per key of a limiter that holds all of them; the strings of the tenants belong to the caller. */
function bytesPerKey(limits: LimitRule, keys: number, admissions: number): number {
  const names = Array.from({ length: keys }, (_, i) => `key-${i}`);
  const request = { ...fallback, tenant: '' };
  const limiter = createRateLimiter({ maxKeys: 10_000_000 });
  const before = heldBytes();
  for (let n = 0; n < admissions; n++) {
    for (const tenant of names) {
      request.tenant = tenant;
      limiter.take(limits, request, 'id', n);
    }
  }
  const bytes = (heldBytes() - before) / keys;
  check(limiter.size() === keys && names.length === keys, 'all keys are held');
  return bytes;
}

async function theirBytesPerKey(keys: number): Promise<number> {
  const names = Array.from({ length: keys }, (_, i) => `key-${i}`);
  const limiter = new RateLimiterMemory({ points: 30, duration: 6000 });
  const before = heldBytes();
  for (const key of names) await limiter.consume(key);
  const bytes = (heldBytes() - before) / keys;
  for (const key of names) await limiter.delete(key);
  return bytes;
}

/** Bytes per key beside the peer's, and the figures that goals are judged by. */
export async function memoryTable(): Promise<{
  table: BenchTable;
  gcraBytes: number;
  ratio: number;
}> {
  const rows: string[][] = [];
  let gcraBytes = 0;
  let ratio = Number.POSITIVE_INFINITY;
  for (const keys of [20_000, 100_000, 1_000_000]) {
    const ours = bytesPerKey(fastRate, keys, 1);
    const theirs = await theirBytesPerKey(keys);
    gcraBytes = Math.max(gcraBytes, ours);
    ratio = Math.min(ratio, theirs / ours);
    const times = (theirs / ours).toFixed(1);
    rows.push([`steady rate (gcra), ${keys} keys`, ours.toFixed(1), theirs.toFixed(1), times]);
  }
  const others = [
    ['window, limit 30, 1 admission', rule(window(30, MINUTE_MS)), 1],
    ['window, limit 30, 30 admissions', rule(window(30, MINUTE_MS)), 30],
    ['budget, 1 call', rule({ ...budget, unit: 'calls' } as Limit), 1],
  ] as const;
  for (const [name, limits, admissions] of others) {
    const ours = bytesPerKey(limits, 20_000, admissions);
    rows.push([`${name}, 20000 keys`, ours.toFixed(1), '', '']);
  }
  const columns = ['state', 'bytes per key', 'rate-limiter-flexible', 'times smaller'];
  return { table: { title: 'Memory', columns, rows }, gcraBytes, ratio };
}
