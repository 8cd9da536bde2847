import { parentPort, workerData } from 'node:worker_threads';
import type { DecisionRequest } from '@cortex-governance/core';
import { openSharedLimiter } from '../../src/index.ts';
import {
  ARRIVED,
  type Deeds,
  MOST_RUNNING,
  type Orders,
  PHASE,
  RUNNING,
  requestOf,
  TIME,
} from './orders.ts';

/** A small generator of its own for each worker: xorshift32. */
function randomSource(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function meet(control: Int32Array, phase: number, workers: number): void {
  if (Atomics.add(control, ARRIVED, 1) + 1 === workers * (phase + 1)) {
    Atomics.store(control, PHASE, phase + 1);
    Atomics.notify(control, PHASE);
  }
  while (Atomics.load(control, PHASE) === phase) Atomics.wait(control, PHASE, phase, 1000);
}

function work(orders: Orders): Deeds {
  const control = new Int32Array(orders.control);
  const limiter = openSharedLimiter(orders.memory, { clockOffsetMs: 0 });
  const requests = Array.from({ length: orders.tenants }, (_, i) => requestOf(i));
  const random = randomSource(orders.worker);
  const times: number[] = [];
  const tenants: number[] = [];
  let calls = 0;
  const call = (nowMs: number): void => {
    const tenant = random(orders.tenants);
    const id = `${orders.worker}-${calls++}`;
    const request = requests[tenant] as DecisionRequest;
    if (limiter.take(orders.rule, request, id, nowMs) !== 0) return;
    times.push(nowMs);
    tenants.push(tenant);
    if (orders.outcome === 'cancel') limiter.cancel(id, nowMs);
    if (orders.outcome !== 'settle') return;
    const running = Atomics.add(control, RUNNING, 1) + 1;
    let most = Atomics.load(control, MOST_RUNNING);
    while (most < running) {
      most = Atomics.compareExchange(control, MOST_RUNNING, most, running);
    }
    for (let i = random(200); i > 0; i--) Atomics.load(control, TIME);
    Atomics.sub(control, RUNNING, 1);
    limiter.settle(id, {}, nowMs);
  };
  meet(control, 0, orders.workers);
  for (let phase = 1; phase <= orders.phases; phase++) {
    for (let i = 0; i < orders.calls; i++) call(phase * orders.stepMs);
    meet(control, phase, orders.workers);
  }
  if (orders.phases === 0) {
    while (Atomics.load(control, TIME) < orders.untilMs) {
      // Any worker moves the time: while one reads it and calls, it moves on.
      if (random(8) === 0) Atomics.add(control, TIME, orders.stepMs);
      call(Atomics.load(control, TIME));
    }
  }
  const { retries, evictions, refusedFull } = limiter.stats();
  return { times, tenants, retries, evictions, refusedFull };
}

parentPort?.postMessage(work(workerData as Orders));
