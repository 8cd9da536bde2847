import type { DecisionRequest, Limit, LimitRule } from '@cortex-governance/core';
import type { RateLimiterMemory } from 'rate-limiter-flexible';

/* What is asked of the limiters in their benches. */

/** Callers, one after the other. */
export const KEYS = 1000;

export const BY = ['tenant', 'tool', 'action'] as const;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

export function requestOf(tenant: string, callId?: string): DecisionRequest {
  return {
    tenant,
    subject: { type: 'agent', id: 'agent' },
    action: { name: 'read', properties: { max_tokens: 500 } },
    resource: { type: 'tool', id: 'files' },
    ...(callId === undefined ? {} : { callId }),
  };
}

export function rule(...limits: readonly Limit[]): LimitRule {
  return { tool: 'files', action: 'read', shadow: false, limits };
}

export function window(limit: number, windowMs: number): Limit {
  return { kind: 'window', by: BY, limit, windowMs };
}

export function gcra(limit: number, windowMs: number, burst: number): Limit {
  return { kind: 'gcra', by: BY, limit, windowMs, burst };
}

export const running: Limit = { kind: 'concurrency', by: BY, limit: 4, leaseMs: MINUTE_MS };
export const budget: Limit = {
  kind: 'budget',
  by: BY,
  unit: 'tokens',
  limit: 1e9,
  windowMs: HOUR_MS,
  perCall: 500,
};
export const fastRate = rule(gcra(600, MINUTE_MS, 100));

export const requests = Array.from({ length: KEYS }, (_, i) => requestOf(`tenant-${i}`));
export const fallback = requestOf('none');
export const tenants = requests.map(({ tenant }) => tenant);

export function requestAt(i: number): DecisionRequest {
  return requests[i % KEYS] ?? fallback;
}

export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

export async function consume(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key);
    return true;
  } catch {
    return false;
  }
}
