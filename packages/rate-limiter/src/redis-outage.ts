/** First wait before a failing part of the store is asked again, in milliseconds. */
const FIRST_BACKOFF_MS = 50;

/** Longest wait before a failing part of the store is asked again, in milliseconds. */
const MAX_BACKOFF_MS = 2000;

/** A part of the store that does not answer: when it may be asked again. */
export class RedisOutage {
  #failures = 0;
  #retryAtMs = 0;
  #probing = false;

  get failures(): number {
    return this.#failures;
  }

  /** Whether one call may be tried now. */
  mayProbe(nowMs: number): boolean {
    return !this.#probing && nowMs >= this.#retryAtMs;
  }

  /** As {@link mayProbe}; a true answer is given once for each wait, and the call MUST follow. */
  tryProbe(nowMs: number): boolean {
    if (!this.mayProbe(nowMs)) return false;
    this.#probing = true;
    return true;
  }

  /**
   * Notes a failure; those of calls that were under way when the first one failed change nothing.
   * @param random 0 to 1: waits are spread by a half, so that processes do not ask all at once.
   */
  failed(nowMs: number, random: number): void {
    if (this.#failures > 0 && !this.#probing) return;
    const waitMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#retryAtMs = nowMs + waitMs * (0.5 + random / 2);
    this.#probing = false;
  }
}
