/** Where time comes from. Injected everywhere, so that tests own it. */
export interface Clock {
  /** Milliseconds on a clock that never steps; only differences mean anything. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may step. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
