import type {
  ConcurrencyLimit,
  DecisionRequest,
  LimitRule,
  LimitState,
  WindowLimit,
} from '@cortex-governance/core';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import type { SharedContext } from './shared-context.ts';
import type { SharedKey } from './shared-key.ts';
import { SharedKeyCache } from './shared-key-cache.ts';
import { SharedSegment } from './shared-segment.ts';
import {
  BUSY_UNTIL,
  LARGEST,
  noteFreed,
  SEGMENT_SHAPES,
  SLOTS_AT,
  segmentSlots,
  segmentStart,
} from './shared-slots.ts';
import { UNITS_PER_MS, waitUntil } from './shared-time.ts';
import { casNumber, loadNumber, raiseNumber } from './shared-words.ts';

/** The place changed hands during an attempt, and what it did is undone. */
const AGAIN = -3;

/** Slots of a key: a token is a mix of the end times this, plus the slot. */
const SLOT_RANGE = 2 ** 20;

/** The mark of busy segments moves in steps of a sixteenth of the window, so that few calls write it. */
const BUSY_STEPS = 16;

/** The segments of one caller, as far as this thread has met them. */
class CallerSlots {
  readonly segments: SharedKey[] = [];
  readonly #context: SharedContext;
  readonly #text: string;

  constructor(context: SharedContext, text: string) {
    this.#context = context;
    this.#text = text;
  }

  segment(index: number): SharedKey {
    let key = this.segments[index];
    const shape = SEGMENT_SHAPES[index];
    if (key === undefined && shape !== undefined) {
      key = this.#context.key(`${this.#text}#${index}`, shape);
      this.segments[index] = key;
    }
    if (key === undefined) throw new RangeError(`no segment ${index}`);
    return key;
  }
}

/**
 * Windows and concurrency: `limit` slots, each of which is taken until an end. For a window that is the admission
 * plus the window, for concurrency the admission plus the lease.
 */
export class SharedSlotCounters implements LimitCounters {
  readonly limit: WindowLimit | ConcurrencyLimit;
  /** Names the slot and the end of the latest take. */
  token = 0;
  readonly #context: SharedContext;
  readonly #cache: SharedKeyCache<CallerSlots>;
  readonly #segment: SharedSegment;
  /** How long a slot is taken. */
  readonly #span: number;
  readonly #busyStep: number;

  constructor(limit: WindowLimit | ConcurrencyLimit, rule: LimitRule, context: SharedContext) {
    this.limit = limit;
    this.#context = context;
    this.#cache = new SharedKeyCache(limit, rule, (text) => new CallerSlots(context, text));
    this.#segment = new SharedSegment(context);
    const spanMs = limit.kind === 'window' ? limit.windowMs : limit.leaseMs;
    this.#span = Math.ceil(spanMs * UNITS_PER_MS);
    this.#busyStep = Math.ceil(this.#span / BUSY_STEPS);
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    this.#context.time.read(nowMs);
    const slots = this.#cache.get(request);
    for (;;) {
      const answer = this.#attempt(slots);
      if (answer !== AGAIN) return answer;
      this.#context.retries += 1;
    }
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    this.#context.time.read(nowMs);
    const ends = this.#liveEnds(this.#cache.get(request));
    return ends.length < this.limit.limit ? 0 : this.#waitFor(ends);
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const slot = token % SLOT_RANGE;
    const segment = segmentOf(slot);
    const key = this.#cache.get(request).segment(segment);
    if (!directory.find(key)) return;
    const offset = slot - segmentStart(segment);
    const end = loadNumber(words, key.base + SLOTS_AT + offset);
    if (end > time.now && mix(end) === Math.floor(token / SLOT_RANGE)) {
      this.#segment.release(key, offset, end);
    }
  }

  charge(): void {
    // A call has no debts: only budgets are settled.
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const { time } = this.#context;
    time.read(nowMs);
    const ends = this.#liveEnds(this.#cache.get(request));
    const { kind, limit } = this.limit;
    const last = ends.at(-1);
    return {
      name: limitName(this.limit),
      unit: kind === 'window' ? 'calls' : 'concurrency',
      limit,
      windowMs: this.limit.kind === 'window' ? this.limit.windowMs : 0,
      remaining: Math.max(0, limit - ends.length),
      resetMs: last === undefined ? 0 : waitUntil(last, time.now),
    };
  }

  #attempt(slots: CallerSlots): number {
    const { directory, words } = this.#context;
    const { limit } = this.limit;
    const first = slots.segment(0);
    if (!directory.obtain(first)) return this.#context.refuseFull();
    const largest = loadNumber(words, first.base + LARGEST);
    if (largest < limit) this.#raiseLargest(slots, limit);
    return largest > limit ? this.#attemptLowered(slots, largest) : this.#claimAny(slots);
  }

  #claimAny(slots: CallerSlots): number {
    const { directory, time } = this.#context;
    const { limit } = this.limit;
    const first = slots.segment(0);
    let earliest = Number.POSITIVE_INFINITY;
    for (let i = 0; segmentStart(i) < limit; i++) {
      const key = slots.segment(i);
      if (i > 0 && !directory.obtain(key)) return this.#context.refuseFull();
      if (!this.#segment.isNotedFull(key)) {
        const end = time.nowUp + this.#span;
        if (i > 0) this.#markBusy(first, end);
        const count = Math.min(segmentSlots(i), limit - segmentStart(i));
        if (this.#segment.claim(key, count, end)) return this.#confirm(slots, key, i);
        this.#recheckNote(first, key);
      }
      if (!directory.holds(key)) return AGAIN;
      earliest = Math.min(earliest, this.#segment.earliest);
    }
    return waitUntil(earliest, time.now);
  }

  /**
   * A claim counts only if the places of its segment and of the first segment are still the key's: whoever takes one
   * away looks for claims after it has announced that.
   */
  #confirm(slots: CallerSlots, key: SharedKey, index: number): number {
    const { directory, words } = this.#context;
    const { slot, end } = this.#segment;
    const first = slots.segment(0);
    if (!directory.holds(key) || !directory.holds(first)) {
      this.#segment.release(key, slot, end);
      return AGAIN;
    }
    if (loadNumber(words, first.base + LARGEST) < this.limit.limit) {
      this.#raiseLargest(slots, this.limit.limit);
    }
    this.token = mix(end) * SLOT_RANGE + segmentStart(index) + slot;
    return 0;
  }

  /** A note of a smaller limit covers fewer slots, so it must not outlive the larger one. */
  #raiseLargest(slots: CallerSlots, limit: number): void {
    const { directory, words } = this.#context;
    const first = slots.segment(0);
    const before = loadNumber(words, first.base + LARGEST);
    raiseNumber(words, first.base + LARGEST, limit);
    if (before === 0) return;
    const partial = slots.segment(segmentOf(before - 1));
    if (directory.find(partial)) noteFreed(words, partial.base);
  }

  #recheckNote(first: SharedKey, key: SharedKey): void {
    const { words } = this.#context;
    const largest = loadNumber(words, first.base + LARGEST);
    if (largest !== this.limit.limit) noteFreed(words, key.base);
  }

  #markBusy(first: SharedKey, end: number): void {
    const { words } = this.#context;
    if (loadNumber(words, first.base + BUSY_UNTIL) >= end) return;
    raiseNumber(words, first.base + BUSY_UNTIL, end + this.#busyStep);
  }

  /**
   * The limit was higher not long ago: slots beyond it count too, until they end. Not one word decides here, so a
   * claim looks once more at everything, and is taken back if there are more than the limit: of several at once the
   * last one sees all others. Two that see each other may both be refused.
   */
  #attemptLowered(slots: CallerSlots, largest: number): number {
    const { limit } = this.limit;
    const ends = this.#liveEnds(slots);
    if (ends.length >= limit) return this.#waitFor(ends);
    if (!this.#hasLiveBeyond(slots, largest)) {
      const index = slots.segment(0).base + LARGEST;
      // A claim beyond the limit that comes now raises the mark again after it, before it counts.
      casNumber(this.#context.words, index, largest, limit);
    }
    const answer = this.#claimAny(slots);
    if (answer !== 0) return answer;
    const after = this.#liveEnds(slots);
    if (after.length <= limit) return 0;
    const slot = this.token % SLOT_RANGE;
    const segment = segmentOf(slot);
    this.#segment.release(slots.segment(segment), slot - segmentStart(segment), this.#segment.end);
    return this.#waitFor(after);
  }

  #hasLiveBeyond(slots: CallerSlots, largest: number): boolean {
    const { directory, time, words } = this.#context;
    for (let i = segmentOf(this.limit.limit - 1); segmentStart(i) < largest; i++) {
      const key = slots.segment(i);
      if (!directory.find(key)) continue;
      const from = Math.max(0, this.limit.limit - segmentStart(i));
      for (let slot = from; slot < segmentSlots(i); slot++) {
        if (loadNumber(words, key.base + SLOTS_AT + slot) > time.now) return true;
      }
    }
    return false;
  }

  /** Ends of all slots that are taken, in order. */
  #liveEnds(slots: CallerSlots): number[] {
    const { directory, time, words } = this.#context;
    const first = slots.segment(0);
    const ends: number[] = [];
    if (!directory.find(first)) return ends;
    const largest = Math.max(this.limit.limit, loadNumber(words, first.base + LARGEST));
    for (let i = 0; segmentStart(i) < largest; i++) {
      const key = slots.segment(i);
      if (!directory.find(key)) continue;
      for (let slot = 0; slot < segmentSlots(i); slot++) {
        const end = loadNumber(words, key.base + SLOTS_AT + slot);
        if (end > time.now) ends.push(end);
      }
    }
    return ends.sort((a, b) => a - b);
  }

  /** When so many of the calls have ended that there is room for one. */
  #waitFor(ends: readonly number[]): number {
    const { now } = this.#context.time;
    return waitUntil(ends[ends.length - this.limit.limit] ?? now, now);
  }
}

function segmentOf(slot: number): number {
  return slot < 16 ? 0 : Math.floor(Math.log2(slot)) - 3;
}

/**
 * 32 bits of an end: a token has no room for all of them. A token whose slot has ended since, and was taken by
 * another call with the same mix, would free that one: one in 2^32, and only for a call that is settled late.
 */
function mix(end: number): number {
  const high = Math.floor(end / 2 ** 32);
  let bits = Math.imul((end | 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  bits ^= bits >>> 15;
  return Math.imul(bits, 0xc2b2ae35) >>> 0;
}
