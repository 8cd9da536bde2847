import type {
  BudgetLimit,
  ConcurrencyLimit,
  DecisionRequest,
  GcraLimit,
  Limit,
  LimitRule,
  WindowLimit,
} from '@cortex-governance/core';

/** What the rules of these tests count by. */
const BY = ['tenant', 'tool', 'action'] as const;

export function ruleOf(limits: readonly Limit[], tool = 'tool'): LimitRule {
  return { tool, action: 'action', shadow: false, limits };
}

export function requestOf(tenant: string, callId?: string): DecisionRequest {
  return {
    tenant,
    subject: { type: 'agent', id: 'agent' },
    action: { name: 'action' },
    resource: { type: 'tool', id: 'tool' },
    ...(callId === undefined ? {} : { callId }),
  };
}

export function window(limit: number, windowMs: number): WindowLimit {
  return { kind: 'window', by: BY, limit, windowMs };
}

export function gcra(limit: number, windowMs: number, burst: number): GcraLimit {
  return { kind: 'gcra', by: BY, limit, windowMs, burst };
}

export function concurrency(limit: number, leaseMs: number): ConcurrencyLimit {
  return { kind: 'concurrency', by: BY, limit, leaseMs };
}

export function tokens(limit: number, windowMs: number, perCall: number): BudgetLimit {
  return { kind: 'budget', by: BY, unit: 'tokens', limit, windowMs, perCall };
}
