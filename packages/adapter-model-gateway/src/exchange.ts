import type { DecisionRequest, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { CallAccount } from './call-account.ts';

/** Why an exchange with the upstream is over before the upstream ended it. */
export type Ending =
  | { readonly kind: 'stopped'; readonly verdict: Verdict }
  | { readonly kind: 'client' }
  | { readonly kind: 'timeout' };

const CLIENT: Ending = Object.freeze({ kind: 'client' });
const TIMEOUT: Ending = Object.freeze({ kind: 'timeout' });

/**
 * One exchange with the upstream, from the allow to the last byte. It ends when a kill-switch stop
 * covers the call, the client goes away, or the upstream is silent for too long; the first of them
 * counts, and aborts {@link signal}. Whoever makes one MUST {@link close} it, or hand it on. The call's
 * account ends with it.
 */
export class Exchange {
  readonly account: CallAccount;
  readonly #controller = new AbortController();
  readonly #client: AbortSignal;
  readonly #leave = (): void => this.#finish(CLIENT);
  #unwatch: () => void = () => {};
  #ending: Ending | null = null;
  #listener: (ending: Ending) => void = () => {};

  constructor(
    governor: Governor,
    request: DecisionRequest,
    account: CallAccount,
    client: AbortSignal,
  ) {
    this.account = account;
    this.#client = client;
    client.addEventListener('abort', this.#leave, { once: true });
    this.#unwatch = governor.onStop(request, (verdict) =>
      this.#finish({ kind: 'stopped', verdict }),
    );
    if (client.aborted) this.#finish(CLIENT);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it ended early, or null. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** Who is told, once, when it ends early from now on. */
  set listener(listener: (ending: Ending) => void) {
    this.#listener = listener;
  }

  /** Settles as the work does; rejects when the exchange has ended, or the work takes longer than `ms`. */
  async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    const timer = setTimeout(() => this.#finish(TIMEOUT), ms);
    let onAbort = (): void => {};
    const ended = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      const result = await Promise.race([ended, work()]);
      signal.throwIfAborted();
      return result;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the watch and lets go of the upstream, if it is still there. */
  close(): void {
    this.#release();
    this.#controller.abort();
  }

  #finish(ending: Ending): void {
    if (this.#ending !== null || this.#controller.signal.aborted) return;
    this.#ending = ending;
    this.#release();
    this.#controller.abort();
    this.#listener(ending);
  }

  #release(): void {
    this.#unwatch();
    this.account.end();
    this.#client.removeEventListener('abort', this.#leave);
  }
}
