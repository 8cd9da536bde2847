import type { Governor } from '@cortex-governance/governor';
import type { McpGovernor } from '../../src/index.ts';

/** A governor whose `authorize` is the test's; the rest is the real one's. */
export function governorWith(governor: Governor, authorize: Governor['authorize']): McpGovernor {
  return {
    authorize,
    refuse: (...args) => governor.refuse(...args),
    onStop: (...args) => governor.onStop(...args),
    settle: (...args) => governor.settle(...args),
    cancel: (...args) => governor.cancel(...args),
    grants: governor.grants,
    tenants: governor.tenants,
  };
}
