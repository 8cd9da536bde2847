/** Where waiting comes from. Injected, so that tests own it. */
export interface TierTimers {
  /** Calls back once after a time; returns the function that prevents it. */
  after(ms: number, callback: () => void): () => void;
}

/** Timers that keep no process alive. */
export const unrefTimers: TierTimers = {
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
