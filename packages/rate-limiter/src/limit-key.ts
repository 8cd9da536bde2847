import type { DecisionRequest, Limit, LimitDimension, LimitRule } from '@cortex-governance/core';

/** The dimensions of a limit in one order, whatever order its `by` has. */
const KEY_ORDER: readonly LimitDimension[] = ['tenant', 'subject', 'tool', 'action'];

/**
 * Names the counter that a call is counted in: the same string for the same counter and never for
 * another, whatever characters the names hold, because every part carries its length.
 *
 * The limit itself, the burst and the lease are not part of it: a limit that changes keeps its counts.
 */
export function limitKey(limit: Limit, rule: LimitRule, request: DecisionRequest): string {
  let key = limitScope(limit, rule.shadow);
  for (const dimension of KEY_ORDER) {
    if (limit.by.includes(dimension)) key += dimensionPart(dimension, rule, request);
  }
  return key;
}

/** Names what a limit counts, without the callers: kind, unit, window, shadow and dimensions. */
export function limitScope(limit: Limit, shadow: boolean): string {
  const unit = limit.kind === 'budget' ? limit.unit : '';
  const by = KEY_ORDER.filter((dimension) => limit.by.includes(dimension)).join(',');
  return `${limit.kind}:${unit}:${limitWindowMs(limit)}:${shadow === true ? 'shadow' : ''}:${by}:`;
}

/** The window of a limit in milliseconds; 0 for concurrency, which has none. */
export function limitWindowMs(limit: Limit): number {
  return limit.kind === 'concurrency' ? 0 : limit.windowMs;
}

/** A part of a joined key that no neighbour can run into. */
export function keyPart(value: string): string {
  return `${value.length}:${value}`;
}

function dimensionPart(
  dimension: LimitDimension,
  rule: LimitRule,
  request: DecisionRequest,
): string {
  switch (dimension) {
    case 'tenant':
      return keyPart(request.tenant);
    case 'subject':
      return keyPart(request.subject.type) + keyPart(request.subject.id);
    case 'tool':
      return keyPart(rule.tool);
    case 'action':
      return keyPart(rule.action);
  }
}
