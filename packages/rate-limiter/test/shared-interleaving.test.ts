import type { Limit } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createSharedLimiterMemory,
  openSharedLimiter,
  type SharedLimiter,
  type SharedLimiterMemory,
} from '../src/index.ts';
import { requestOf } from './workers/orders.ts';
import { ruleOf } from './workers.ts';

/*
 * Every point at which one thread can be held up while others go on, or die: the counters touch shared memory through
 * Atomics alone, so a call is cut at its n-th access, for every n, by what happens meanwhile.
 */

const METHODS = ['load', 'compareExchange', 'store'] as const;
const MOST_STEPS = 20_000;

class Died extends Error {}

/** Runs `call` and, just before its n-th access, `meanwhile`; says whether it came that far. */
function cut(n: number, call: () => void, meanwhile: () => void): boolean {
  const originals = METHODS.map((name) => Atomics[name]);
  let steps = 0;
  let inside = false;
  let reached = false;
  const replace = (name: (typeof METHODS)[number], value: unknown) =>
    Object.defineProperty(Atomics, name, { value, writable: true, configurable: true });
  METHODS.forEach((name, i) => {
    const original = originals[i] as (...parts: unknown[]) => unknown;
    replace(name, (...parts: unknown[]) => {
      if (!inside && !reached && ++steps === n) {
        reached = true;
        inside = true;
        meanwhile();
        inside = false;
      }
      return original(...parts);
    });
  });
  try {
    call();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
  } finally {
    METHODS.forEach((name, i) => {
      replace(name, originals[i]);
    });
  }
  return reached;
}

/** Calls `round` with 1, 2, 3, … until it says that there was no such step. */
function everyStep(round: (n: number) => boolean): number {
  for (let n = 1; n < MOST_STEPS; n++) if (!round(n)) return n - 1;
  throw new Error('the call does not end');
}

let ids = 0;

function open(memory: SharedLimiterMemory): SharedLimiter {
  return openSharedLimiter(memory, { clockOffsetMs: 0 });
}

function take(limiter: SharedLimiter, limit: Limit, tenant: number, nowMs: number): boolean {
  return limiter.take(ruleOf(limit), requestOf(tenant), `id-${++ids}`, nowMs) === 0;
}

/** Adds after its argument is known: `+=` would read the sum before the call that is cut. */
class Sum {
  value = 0;

  add(value: number): void {
    this.value += value;
  }
}

function takeAll(limiter: SharedLimiter, limit: Limit, tenant: number, nowMs: number): number {
  let admitted = 0;
  while (take(limiter, limit, tenant, nowMs)) admitted += 1;
  return admitted;
}

const by = ['tenant'] as const;
const TWO: readonly Limit[] = [
  { kind: 'window', limit: 2, windowMs: 600, by },
  { kind: 'gcra', limit: 2, windowMs: 600, burst: 2, by },
  { kind: 'concurrency', limit: 2, leaseMs: 600, by },
  { kind: 'budget', unit: 'tokens', limit: 2, perCall: 1, windowMs: 600, by },
];

/** Memory in which every place that tenant 0 may have is taken, by it first, and all is idle at 5000. */
function crowded(limit: Limit): SharedLimiterMemory {
  const memory = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 200_000 });
  const limiter = open(memory);
  for (let i = 0; i < 200; i++) take(limiter, limit, i, 0);
  return memory;
}

describe.each(TWO)('$kind, cut at any step', (limit) => {
  it('admits two of three calls of one new key', () => {
    const steps = everyStep((n) => {
      const memory = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 20_000 });
      const [a, b] = [open(memory), open(memory)];
      const admitted = new Sum();
      const reached = cut(
        n,
        () => admitted.add(take(a, limit, 0, 0) ? 1 : 0),
        () => admitted.add(take(b, limit, 0, 0) ? 1 : 0),
      );
      admitted.add(takeAll(open(memory), limit, 0, 0));
      // A booking that was half done when the first sum was made counts twice for a while.
      expect(admitted.value).toBeLessThanOrEqual(2);
      expect(admitted.value).toBeGreaterThanOrEqual(limit.kind === 'budget' ? 1 : 2);
      expect(open(memory).size()).toBe(1);
      return reached;
    });
    expect(steps).toBeGreaterThan(100);
  });

  it('admits no call too many while idle keys are replaced', () => {
    everyStep((n) => {
      const memory = crowded(limit);
      const [a, b] = [open(memory), open(memory)];
      const ours = new Sum();
      const others: number[] = [];
      const reached = cut(
        n,
        () => ours.add(take(a, limit, 0, 5000) ? 1 : 0),
        () => {
          for (let i = 300; i < 420; i++) if (take(b, limit, i, 5000)) others.push(i);
          ours.add(takeAll(b, limit, 0, 5000));
        },
      );
      const late = open(memory);
      ours.add(takeAll(late, limit, 0, 5000));
      expect(ours.value).toBeLessThanOrEqual(2);
      for (const tenant of others)
        expect(takeAll(late, limit, tenant, 5000)).toBeLessThanOrEqual(1);
      return reached;
    });
  }, 60_000);

  it('admits no call too many when a late thread starts an evicted key', () => {
    everyStep((n) => {
      const memory = crowded(limit);
      const [a, b] = [open(memory), open(memory)];
      const tenant = 900;
      const admitted = new Sum();
      const reached = cut(
        n,
        () => admitted.add(take(a, limit, tenant, 5000) ? 1 : 0),
        () => admitted.add(takeAll(b, limit, tenant, 5000)),
      );
      admitted.add(takeAll(open(memory), limit, tenant, 5000));
      expect(admitted.value).toBeLessThanOrEqual(2);
      expect(admitted.value).toBeGreaterThanOrEqual(1);
      return reached;
    });
  }, 60_000);

  it('forgets no call that is charged while its key is being replaced', () => {
    everyStep((n) => {
      const memory = crowded(limit);
      const [a, b] = [open(memory), open(memory)];
      const charged: number[] = [];
      const reached = cut(
        n,
        () => take(a, limit, 900, 5000),
        () => {
          for (let i = 0; i < 64; i++) if (take(b, limit, i, 5000)) charged.push(i);
        },
      );
      const late = open(memory);
      for (const tenant of charged) {
        expect(takeAll(late, limit, tenant, 5000)).toBeLessThanOrEqual(1);
      }
      return reached;
    });
  }, 60_000);

  it('goes on as before when the thread dies there, in a take or a cancel', () => {
    for (const dying of ['take', 'cancel'] as const) {
      everyStep((n) => {
        const memory = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 20_000 });
        const a = open(memory);
        if (dying === 'cancel') take(a, limit, 0, 0);
        const act = () => (dying === 'take' ? take(a, limit, 0, 0) : a.cancel(`id-${ids}`, 0));
        const reached = cut(n, act, () => {
          throw new Died();
        });
        const before = takeAll(open(memory), limit, 0, 0);
        expect(before).toBeLessThanOrEqual(2);
        expect(before).toBeGreaterThanOrEqual(1);
        expect(takeAll(open(memory), limit, 0, 5000)).toBe(2);
        return reached;
      });
    }
  });

  it('admits no call too many when time goes on meanwhile', () => {
    everyStep((n) => {
      const memory = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 20_000 });
      const [a, b] = [open(memory), open(memory)];
      take(a, limit, 0, 10);
      const within = new Sum();
      const reached = cut(
        n,
        () => within.add(take(a, limit, 0, 605) ? 1 : 0),
        // The first call leaves its window; with the one that was cut, these are in one.
        () => within.add(takeAll(b, limit, 0, 640)),
      );
      within.add(takeAll(open(memory), limit, 0, 640));
      // A rate has drained by two calls in 600 ms.
      expect(within.value).toBeLessThanOrEqual(2);
      return reached;
    });
  });
});
