import { parentPort, workerData } from 'node:worker_threads';
import type { DecisionRequest, LimitRule } from '@cortex-governance/core';
import { openSharedLimiter, type SharedLimiterMemory } from '../../src/index.ts';

/** One measurement, all workers at once. */
export interface Job {
  readonly memory: SharedLimiterMemory;
  readonly rule: LimitRule;
  readonly keys: number;
  readonly takes: number;
  readonly workers: number;
  readonly worker: number;
  /** By how much time goes on with each call. */
  readonly stepMs: number;
  /** One word, at which the workers wait for each other. */
  readonly gate: SharedArrayBuffer;
}

export interface JobResult {
  readonly ns: number;
  readonly admitted: number;
  readonly retries: number;
}

function requestsOf(keys: number): DecisionRequest[] {
  return Array.from({ length: keys }, (_, i) => ({
    tenant: `tenant-${i}`,
    subject: { type: 'agent', id: 'a' },
    action: { name: 'read' },
    resource: { type: 'tool', id: 'files' },
  }));
}

function run(job: Job): JobResult {
  const { rule, keys, takes, worker, workers, stepMs } = job;
  const limiter = openSharedLimiter(job.memory, { clockOffsetMs: 0 });
  const requests = requestsOf(keys);
  const gate = new Int32Array(job.gate);
  // Every key is met once before the time, so that what is timed hashes nothing.
  for (const request of requests) limiter.inspect(rule, request, 0);
  Atomics.add(gate, 0, 1);
  Atomics.notify(gate, 0);
  for (let seen = Atomics.load(gate, 0); seen < workers; seen = Atomics.load(gate, 0)) {
    Atomics.wait(gate, 0, seen);
  }
  // Only a call that holds a place needs a name of its own.
  const named = rule.limits[0]?.kind === 'concurrency';
  let admitted = 0;
  // Each worker begins elsewhere, as callers do.
  let at = Math.floor((worker * keys) / workers);
  let nowMs = 1000;
  const before = process.hrtime.bigint();
  for (let i = 0; i < takes; i++) {
    const id = named ? `${i}` : 'id';
    if (limiter.take(rule, requests[at] as DecisionRequest, id, nowMs) === 0) admitted += 1;
    at = at + 1 === keys ? 0 : at + 1;
    nowMs += stepMs;
  }
  const ns = Number(process.hrtime.bigint() - before);
  return { ns, admitted, retries: limiter.stats().retries };
}

const port = parentPort;
if (port !== null && workerData === 'take-many') {
  port.on('message', (job: Job) => port.postMessage(run(job)));
}
