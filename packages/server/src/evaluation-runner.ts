import { isPlainObject, type Verdict } from '@cortex-governance/core';
import type { TenantContext } from '@cortex-governance/tenant-guard';
import type { DecisionPoint } from './decision-point.ts';
import { type EvaluationsSemantic, toDecisionRequest } from './evaluation-body.ts';

/** Entries of an `execute_all` batch that are decided at once: enough that their records share a write. */
const CONCURRENT_ENTRIES = 64;

/**
 * The verdicts on a batch, in the order of its entries.
 *
 * `execute_all` decides every entry; entries run side by side, so which of two entries takes the last
 * of a limit is not defined. The other semantics decide one entry after the other and end with the
 * entry that settles the batch: later ones are not decided and charge nothing.
 *
 * An entry may name a tenant, as a whole body may: only the caller's. Any other is a conflict.
 */
export async function runEvaluations(
  point: DecisionPoint,
  entries: readonly unknown[],
  semantic: EvaluationsSemantic,
  caller: TenantContext,
): Promise<readonly Verdict[]> {
  const decide = (entry: unknown): Promise<Verdict> =>
    namesOtherTenant(entry, caller.tenant)
      ? point.refuse(toDecisionRequest(entry, ''), 'TENANT_CONFLICT')
      : point.evaluate(toDecisionRequest(entry, caller.tenant, caller.purpose));
  if (semantic === 'execute_all') return runAll(entries, decide);
  const verdicts: Verdict[] = [];
  for (const entry of entries) {
    const verdict = await decide(entry);
    verdicts.push(verdict);
    if ((verdict.effect === 'allow') === (semantic === 'permit_on_first_permit')) break;
  }
  return verdicts;
}

function namesOtherTenant(entry: unknown, tenant: string): boolean {
  if (!isPlainObject(entry)) return false;
  const named = entry['tenant'];
  return named !== undefined && named !== tenant;
}

async function runAll(
  entries: readonly unknown[],
  decide: (entry: unknown) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let i = 0; i < entries.length; i += CONCURRENT_ENTRIES) {
    verdicts.push(...(await Promise.all(entries.slice(i, i + CONCURRENT_ENTRIES).map(decide))));
  }
  return verdicts;
}
