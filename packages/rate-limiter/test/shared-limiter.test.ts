import { LIMITER_FULL, type Limit } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createSharedLimiterMemory,
  openSharedLimiter,
  type SharedLimiter,
  type SharedLimiterMemory,
} from '../src/index.ts';
import { requestOf } from './workers/orders.ts';
import { ruleOf } from './workers.ts';

const by = ['tenant'] as const;
const FIVE: readonly Limit[] = [
  { kind: 'window', limit: 5, windowMs: 1000, by },
  { kind: 'gcra', limit: 5, windowMs: 1000, burst: 5, by },
  { kind: 'concurrency', limit: 5, leaseMs: 1000, by },
  { kind: 'budget', unit: 'tokens', limit: 5, perCall: 1, windowMs: 1000, by },
];

let ids = 0;

function admit(limiter: SharedLimiter, limit: Limit, tenant: number, nowMs: number): number {
  let admitted = 0;
  const rule = ruleOf(limit);
  while (limiter.take(rule, requestOf(tenant), `id-${++ids}`, nowMs) === 0) admitted += 1;
  return admitted;
}

function open(memory: SharedLimiterMemory): SharedLimiter {
  return openSharedLimiter(memory, { clockOffsetMs: 0 });
}

/** Leaves every place that is in use in another state, as a thread that dies in the middle does. */
function abandon(memory: SharedLimiterMemory, state: bigint): number {
  const words = new BigInt64Array(memory.buffer);
  let places = 0;
  for (let i = 16; i < 16 + 2 * 128; i += 2) {
    const word = words[i] ?? 0n;
    if ((word & 3n) !== 2n) continue;
    words[i] = (word & ~3n) | state;
    places += 1;
  }
  return places;
}

describe('openSharedLimiter', () => {
  it.each(FIVE)('counts $kind together with every other limiter of the memory', (limit) => {
    const memory = createSharedLimiterMemory({ maxKeys: 10 });
    expect(open(memory).take(ruleOf(limit), requestOf(0), 'one', 0)).toBe(0);
    expect(open(structuredClone(memory)).take(ruleOf(limit), requestOf(0), 'two', 0)).toBe(0);
    expect(admit(open(memory), limit, 0, 0)).toBe(3);
    expect(admit(open(createSharedLimiterMemory()), limit, 0, 0)).toBe(5);
  });

  it('takes nothing of a budget that was idle for so long that the marks of its parts come round', () => {
    const limit: Limit = { kind: 'budget', unit: 'tokens', limit: 5, perCall: 3, windowMs: 7, by };
    // Parts of this window last a millisecond; their marks come round after 2^23 of them.
    for (const idleMs of [
      2 ** 22 + 1,
      6_000_000,
      7_200_018,
      2 ** 23 - 100,
      2 ** 23 + 100,
      2 ** 24 + 100,
    ]) {
      const limiter = open(createSharedLimiterMemory({ maxKeys: 10 }));
      expect(limiter.take(ruleOf(limit), requestOf(0), 'one', 0)).toBe(0);
      expect(limiter.take(ruleOf(limit), requestOf(0), 'two', idleMs)).toBe(0);
      expect(limiter.settle('two', { tokens: 9 }, idleMs)).toBe(true);
      expect(limiter.take(ruleOf(limit), requestOf(0), 'three', idleMs + 20)).toBe(0);
    }
  });

  it('has one time for threads whose clocks have different origins', () => {
    const memory = createSharedLimiterMemory({ maxKeys: 10 });
    const day = { kind: 'window', limit: 3, windowMs: 86_400_000, by } as const;
    const clocks = [0, -1e9, -2e9].map((originMs) => ({
      monotonicMs: () => performance.now() - originMs,
      wallMs: () => 0,
    }));
    for (const clock of clocks) {
      const limiter = openSharedLimiter(memory, { clock });
      expect(limiter.take(ruleOf(day), requestOf(0), 'id', clock.monotonicMs())).toBe(0);
    }
    for (const clock of clocks) {
      const limiter = openSharedLimiter(memory, { clock });
      const waitMs = limiter.take(ruleOf(day), requestOf(0), 'id', clock.monotonicMs());
      // The origins are eleven days apart and more: a wrong offset would show.
      expect(waitMs).toBeGreaterThan(86_400_000 / 2);
      expect(waitMs).toBeLessThanOrEqual(86_400_000);
    }
  });

  it('keeps tens of thousands of keys apart', () => {
    const limiter = open(createSharedLimiterMemory({ maxKeys: 30_000 }));
    const once = ruleOf({ kind: 'gcra', limit: 1, windowMs: 1000, burst: 1, by });
    for (let i = 0; i < 20_000; i++) {
      if (limiter.take(once, requestOf(i), 'id', 0) !== 0) throw new Error(`tenant ${i}`);
    }
    expect(limiter.size()).toBe(20_000);
    expect(limiter.stats()).toMatchObject({ keys: 20_000, evictions: 0, refusedFull: 0 });
  });

  it.each(FIVE)(
    'answers LIMITER_FULL when no key is idle, and takes over those that are (%#)',
    (limit) => {
      const limiter = open(createSharedLimiterMemory({ maxKeys: 1 }));
      const rule = ruleOf(limit);
      const answers = Array.from({ length: 300 }, (_, i) =>
        limiter.take(rule, requestOf(i), `full-${i}`, 0),
      );
      const full = answers.filter((answer) => answer === LIMITER_FULL).length;
      expect(full).toBeGreaterThan(300 - 128 - 1);
      expect(answers.filter((answer) => answer === 0).length).toBe(300 - full);
      expect(limiter.stats()).toMatchObject({ keys: 300 - full, evictions: 0, refusedFull: full });
      // What is live is not forgotten, and what is not makes room.
      answers.forEach((answer, i) => {
        if (answer === 0) expect(admit(limiter, limit, i, 0)).toBe(4);
      });
      // Fewer than the 64 places that each may have: whatever the seed, an idle one is among them.
      for (let i = 1000; i < 1060; i++) {
        expect(limiter.take(rule, requestOf(i), `late-${i}`, 5000)).toBe(0);
      }
      expect(limiter.stats().evictions).toBeGreaterThan(0);
    },
  );

  it('answers LIMITER_FULL when the heap is full', () => {
    const limiter = open(createSharedLimiterMemory({ maxKeys: 100, maxBytes: 4096 }));
    const huge = { kind: 'window', limit: 1_000_000, windowMs: 1000, by } as const;
    // Segments of 16, 16, 32, 64 and 128 slots fit.
    expect(admit(limiter, huge, 0, 0)).toBe(256);
    expect(limiter.take(ruleOf(huge), requestOf(0), 'id', 0)).toBe(LIMITER_FULL);
    expect(admit(limiter, huge, 0, 1000)).toBe(256);
  });

  it.each([
    ['being inserted', 1n],
    ['being closed', 3n],
  ])('goes on with keys that a dead thread left %s', (_, state) => {
    const memory = createSharedLimiterMemory({ maxKeys: 10 });
    for (const limit of FIVE) open(memory).take(ruleOf(limit), requestOf(0), `${++ids}`, 0);
    expect(abandon(memory, state)).toBe(4);
    const limiter = open(memory);
    for (const limit of FIVE) expect(admit(limiter, limit, 0, 0)).toBe(4);
  });

  it.each([
    ['being inserted', 1n],
    ['being closed', 3n],
  ])('takes over places of idle keys that dead threads left %s', (_, state) => {
    const memory = createSharedLimiterMemory({ maxKeys: 1 });
    const [limit] = FIVE as [Limit];
    for (let i = 0; i < 300; i++) open(memory).take(ruleOf(limit), requestOf(i), 'id', 0);
    expect(abandon(memory, state)).toBeGreaterThan(100);
    const limiter = open(memory);
    for (let i = 1000; i < 1050; i++) expect(admit(limiter, limit, i, 5000)).toBe(5);
  });
});

describe('options', () => {
  it.each([
    [{ maxKeys: 0 }, 'maxKeys'],
    [{ maxKeys: 2 ** 25 }, 'maxKeys'],
    [{ maxBytes: 1 }, 'maxBytes'],
    [{ maxBytes: Number.NaN }, 'maxBytes'],
    [{ slots: 1 }, 'slots'],
  ])('of the memory are refused: %j', (options, place) => {
    expect(() => createSharedLimiterMemory(options as object)).toThrow(
      expect.objectContaining({
        code: 'OPTIONS_INVALID',
        message: expect.stringContaining(place),
      }),
    );
  });

  it.each([
    { maxCallIds: 0 },
    { maxReservations: 1.5 },
    { clock: 5 },
    { clockOffsetMs: Number.NaN },
    { other: 1 },
  ])('of the limiter are refused: %j', (options) => {
    const memory = createSharedLimiterMemory({ maxKeys: 1 });
    const wrong = options as object;
    expect(() => openSharedLimiter(memory, wrong)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it.each([512, 1024, 2048, 2176])('a part of a memory is refused: %i bytes', (bytes) => {
    // 128 places of two words after 16 words: the heap begins at byte 2176.
    const { buffer } = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 4096 });
    const part = new SharedArrayBuffer(bytes);
    new Uint8Array(part).set(new Uint8Array(buffer).subarray(0, bytes));
    expect(() => openSharedLimiter({ buffer: part })).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it.each([
    ['places', 4],
    ['the end of the heap', 5],
  ])('a memory with impossible %s is refused', (_, word) => {
    for (const value of [0, 127, 1e9, Number.NaN, -128]) {
      const { buffer } = createSharedLimiterMemory({ maxKeys: 1, maxBytes: 4096 });
      new Float64Array(buffer)[word] = value;
      expect(() => openSharedLimiter({ buffer })).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID' }),
      );
    }
  });

  it.each([
    undefined,
    null,
    {},
    { buffer: new ArrayBuffer(4096) },
    { buffer: new SharedArrayBuffer(0) },
    { buffer: new SharedArrayBuffer(4096) },
    { buffer: new SharedArrayBuffer(4097) },
  ])('a memory that is none is refused (%#)', (memory) => {
    expect(() => openSharedLimiter(memory as unknown as SharedLimiterMemory)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });
});
