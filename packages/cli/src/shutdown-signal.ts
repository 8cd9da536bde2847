const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal this soon after the first (ms) is the same one: a terminal signals every process of the
 * group, and npm passes its own on besides.
 */
const REPEAT_MS = 1000;

/** Waits for the signal to stop; a second one, later than {@link REPEAT_MS}, does not wait any longer. */
export interface ShutdownSignal {
  /** Resolves with the first signal's name. */
  readonly received: Promise<string>;
  /** Gives the signals their usual effect again. */
  dispose(): void;
}

/** Listens from now on. @param force called on the second signal; does not return. */
export function listenForShutdown(force: () => void): ShutdownSignal {
  let firstAtMs: number | null = null;
  let resolveReceived: (signal: string) => void = () => {};
  const received = new Promise<string>((resolve) => {
    resolveReceived = resolve;
  });
  const onSignal = (signal: string): void => {
    if (firstAtMs === null) {
      firstAtMs = performance.now();
      resolveReceived(signal);
    } else if (performance.now() - firstAtMs > REPEAT_MS) {
      force();
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    received,
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
