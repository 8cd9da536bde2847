import { parentPort, workerData } from 'node:worker_threads';
import type { LimitRule } from '@cortex-governance/core';
import { openSharedLimiter, type SharedLimiterMemory } from '../../src/index.ts';
import { requestOf } from './orders.ts';

const { memory, rules, seed } = workerData as {
  readonly memory: SharedLimiterMemory;
  readonly rules: readonly LimitRule[];
  readonly seed: number;
};

// Takes, settles and cancels for ever, over more keys than fit: dies at any point of any operation.
const limiter = openSharedLimiter(memory, { clockOffsetMs: 0 });
parentPort?.postMessage('running');
for (let i = seed; ; i++) {
  const rule = rules[i % rules.length] as LimitRule;
  const id = `${i}`;
  const nowMs = 1000 + (i % 997) / 8;
  limiter.take(rule, requestOf(i % 13), id, nowMs);
  if (i % 3 === 0) limiter.settle(id, { tokens: i % 50 }, nowMs);
  if (i % 3 === 1) limiter.cancel(id, nowMs);
}
