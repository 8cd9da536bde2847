import type { DecisionRequest, LimitUsage } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { estimateUnits } from '@cortex-governance/rate-limiter';

/** The most that any limit of a call reserves for it, by the grant in force; 0 of what none limits. */
export function mostReserved(governor: Governor, asked: DecisionRequest): Required<LimitUsage> {
  const { resource, action } = asked;
  const rule = governor.grants.current().find(resource.id)?.action(action.name)?.limit ?? null;
  const most = { tokens: 0, cost: 0 };
  for (const limit of rule?.limits ?? []) {
    if (limit.kind !== 'budget' || limit.unit === 'calls') continue;
    most[limit.unit] = Math.max(most[limit.unit], estimateUnits(limit, asked));
  }
  return most;
}
