import type { LimitState } from '@cortex-governance/core';

/** Largest integer of a structured field (RFC 9651 section 3.3.1): 15 digits. */
const MAX_INTEGER = 999_999_999_999_999;

/** What strings of these fields are made of, so that nothing in them needs an escape. */
const PLAIN_NAME = /[^a-z0-9_.*-]/g;

/** Header fields of one response, by their lower-case names. */
export interface RateLimitFields {
  readonly 'ratelimit-policy': string;
  readonly ratelimit: string;
}

/**
 * The `RateLimit-Policy` and `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers-10) that say where
 * the limits stand; null when there is none.
 *
 * Seconds are rounded up. `t` is left out when nothing is taken, `w` for `concurrency`, which has no
 * window. `tokens` and `cost` are no registered quota units: they are named by `cortex-unit`.
 */
export function rateLimitFields(states: readonly LimitState[]): RateLimitFields | null {
  if (states.length === 0) return null;
  return {
    'ratelimit-policy': states.map(policyItem).join(', '),
    ratelimit: states.map(limitItem).join(', '),
  };
}

/**
 * Seconds for `Retry-After`, at least 1: the verdict's wait, or longer when a limit of which nothing is
 * left frees units later. The draft asks that it is no earlier than the reset parameter, and clients wait
 * for `Retry-After` alone; limits that have units left are not what the client waits for.
 */
export function retryAfterSeconds(retryAfterMs: number, states: readonly LimitState[]): number {
  const resets = states.map(({ remaining, resetMs }) => (remaining > 0 ? 0 : resetMs));
  return Math.max(1, seconds(Math.max(retryAfterMs, ...resets)));
}

function policyItem({ name, unit, limit, windowMs }: LimitState): string {
  const window = unit === 'concurrency' ? '' : `;w=${Math.max(1, seconds(windowMs))}`;
  return `${quoted(name)};q=${integer(limit)}${quotaUnit(unit)}${window}`;
}

function limitItem({ name, remaining, resetMs }: LimitState): string {
  const reset = resetMs > 0 ? `;t=${Math.max(1, seconds(resetMs))}` : '';
  return `${quoted(name)};r=${integer(remaining)}${reset}`;
}

function quotaUnit(unit: LimitState['unit']): string {
  switch (unit) {
    case 'calls':
      // The default quota unit: requests.
      return '';
    case 'concurrency':
      return ';qu="concurrent-requests"';
    default:
      return `;cortex-unit=${quoted(unit)}`;
  }
}

function quoted(name: string): string {
  return `"${name.replace(PLAIN_NAME, '_')}"`;
}

function seconds(ms: number): number {
  return integer(Math.ceil(ms / 1000));
}

function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(MAX_INTEGER, Math.max(0, Math.floor(value)));
}
