import { setImmediate } from 'node:timers/promises';
import { RecordingLogger } from '@cortex-governance/testkit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  MAX_BACKOFF_MS,
  MIN_BACKOFF_MS,
  type TierFollower,
  type TierProgress,
  WorkLoop,
} from '../../src/tier/tier-follower.ts';

/** A loop whose time stands still until a test moves it. */
class Bench {
  readonly logger = new RecordingLogger();
  readonly waits: number[] = [];
  readonly follower: TierFollower;
  nowMs = 0;
  #pending: (() => void) | null = null;

  constructor(step: (isLast: boolean) => Promise<TierProgress>, release = () => Promise.resolve()) {
    this.follower = new WorkLoop({
      tier: 'warm',
      step: (_signal, isLast) => step(isLast),
      release,
      pollMs: 1_000,
      stallMs: 30_000,
      clock: { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs },
      logger: this.logger,
      timers: {
        after: (ms, callback) => {
          this.waits.push(ms);
          this.#pending = callback;
          return () => {
            if (this.#pending === callback) this.#pending = null;
          };
        },
      },
    });
  }

  /** Lets the wait be over, and the work be done. */
  async turn(): Promise<void> {
    this.fire();
    const before = this.waits.length;
    for (let i = 0; i < 100 && this.waits.length === before; i += 1) await setImmediate();
    expect(this.waits.length).toBeGreaterThan(before);
  }

  fire(): void {
    const callback = this.#pending;
    this.#pending = null;
    this.nowMs += this.waits.at(-1) ?? 0;
    callback?.();
  }
}

const level: TierProgress = { behindRecords: 0, taken: 0 };

describe('following', () => {
  it('goes on at once while there is more, and waits when there is not', async () => {
    const left = [30, 20, 10, 0];
    const bench = new Bench(async () => ({ behindRecords: left.shift() ?? 0, taken: 10 }));
    expect(bench.follower.status()).toMatchObject({ healthy: false, lastError: 'not opened yet' });
    for (let i = 0; i < 5; i += 1) await bench.turn();
    expect(bench.waits).toEqual([0, 0, 0, 0, 1_000, 1_000]);
    expect(bench.follower.status()).toMatchObject({ healthy: true, taken: 50, behindMs: 0 });
  });

  it('does not ask in a hurry for what makes no progress', async () => {
    const bench = new Bench(async () => ({ behindRecords: 5, taken: 0 }));
    await bench.turn();
    await bench.turn();
    expect(bench.waits).toEqual([0, 1_000, 1_000]);
    expect(bench.follower.status()).toMatchObject({ behindRecords: 5, behindMs: 1_000 });
  });

  it('waits longer after every failure, by chance, and says so once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (failures) => {
        let left = failures;
        const bench = new Bench(async () => {
          left -= 1;
          if (left >= 0) throw new Error('away');
          return level;
        });
        for (let i = 0; i < failures; i += 1) {
          await bench.turn();
          const step = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** i);
          const wait = bench.waits.at(-1) ?? 0;
          expect(wait).toBeGreaterThanOrEqual(step / 2);
          expect(wait).toBeLessThanOrEqual(step + 1);
          const { healthy, lastError } = bench.follower.status();
          expect([healthy, lastError]).toEqual([false, 'warm: away']);
        }
        // Asking to be woken shortens no wait after a failure.
        bench.follower.wake();
        await bench.turn();
        expect(bench.waits.at(-1)).toBe(1_000);
        expect(bench.follower.status()).toMatchObject({ healthy: true, lastError: '', failures });
        expect(bench.logger.events()).toEqual(['EVIDENCE_TIER_FAILED', 'EVIDENCE_TIER_RECOVERED']);
      }),
    );
  });

  it('is not healthy while its work hangs, and ends in spite of it', async () => {
    const release = vi.fn(() => new Promise<void>(() => {}));
    const bench = new Bench(() => new Promise<TierProgress>(() => {}), release);
    bench.fire();
    bench.nowMs += 31_000;
    expect(bench.follower.status()).toMatchObject({ healthy: false, behindMs: 31_000 });
    const closed = bench.follower.close();
    expect(bench.follower.close()).toBe(closed);
    bench.fire();
    await vi.waitFor(() => expect(release).toHaveBeenCalledOnce());
    bench.fire();
    await closed;
  });

  it('takes over what is left before it ends', async () => {
    const last: boolean[] = [];
    const left = [0, 2, 1, 0];
    const bench = new Bench(async (isLast) => {
      last.push(isLast);
      return { behindRecords: left.shift() ?? 0, taken: 1 };
    });
    await bench.turn();
    await bench.follower.close();
    expect(last).toEqual([false, true, true, true]);
    bench.follower.wake();
    bench.fire();
    expect(last).toHaveLength(4);
  });
});
