import type { Attributes } from './attributes.ts';

/**
 * What the enforcer must also do (AuthZEN obligations profile, draft 2026-07). An enforcer that
 * does not support an obligation's `type` MUST treat the verdict as a denial.
 */
export interface Obligation {
  readonly id: string;
  readonly type: string;
  readonly properties?: Attributes;
}

/** The first obligation whose type is not supported, or null when all can be met. */
export function findUnsupportedObligation(
  obligations: readonly Obligation[],
  supportedTypes: ReadonlySet<string>,
): Obligation | null {
  for (const obligation of obligations) {
    if (!supportedTypes.has(obligation.type)) return obligation;
  }
  return null;
}
