const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Waits for the signal to stop; a second one does not wait any longer. */
export interface ShutdownSignal {
  /** Resolves with the first signal's name. */
  readonly received: Promise<string>;
  /** Gives the signals their usual effect again. */
  dispose(): void;
}

/** Listens from now on. @param force called on the second signal; does not return. */
export function listenForShutdown(force: () => void): ShutdownSignal {
  let first = true;
  let resolveReceived: (signal: string) => void = () => {};
  const received = new Promise<string>((resolve) => {
    resolveReceived = resolve;
  });
  const onSignal = (signal: string): void => {
    if (!first) force();
    first = false;
    resolveReceived(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    received,
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
