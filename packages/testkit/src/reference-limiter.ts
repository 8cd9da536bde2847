import type { LimitWindow } from '@cortex-governance/core';

/** One admission, as the reference keeps it. */
interface Admission {
  readonly atMs: number;
  readonly callId: string | undefined;
}

/** The definition, in the slowest way: every admission of a key, filtered anew for every question. */
export class ReferenceLimiter {
  readonly #admissions = new Map<string, Admission[]>();
  #nowMs = 0;

  /** As `RateLimiter.take`; finds the wait by trying one millisecond after the other. */
  take(
    windows: readonly LimitWindow[],
    key: string,
    callId: string | undefined,
    nowMs: number,
  ): number {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const admissions = this.#admissions.get(key) ?? [];
    this.#admissions.set(key, admissions);
    const longestMs = Math.max(...windows.map((window) => window.windowMs));
    const known = admissions.some((a) => a.callId === callId && this.#nowMs - a.atMs < longestMs);
    if (callId !== undefined && known) return 0;
    let waitMs = 0;
    while (!hasRoom(admissions, windows, this.#nowMs + waitMs)) waitMs += 1;
    if (waitMs === 0) admissions.push({ atMs: this.#nowMs, callId });
    return waitMs;
  }
}

function hasRoom(
  admissions: readonly Admission[],
  windows: readonly LimitWindow[],
  nowMs: number,
): boolean {
  return windows.every(
    ({ limit, windowMs }) => admissions.filter((a) => nowMs - a.atMs < windowMs).length < limit,
  );
}
