import { vi } from 'vitest';

/** Long enough for a loaded machine; reached only by a test that fails. */
const TIMEOUT_MS = 15_000;

/** Waits until an assertion holds. */
export function eventually<T>(assertion: () => T): Promise<T> {
  return vi.waitFor(assertion, { timeout: TIMEOUT_MS, interval: 2 });
}
