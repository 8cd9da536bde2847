import type {
  DecisionCounters,
  EvidenceStatus,
  EvidenceWriter,
  GrantIndex,
  GrantIndexStatus,
  KillSwitch,
  KillSwitchStatus,
} from '@cortex-governance/core';

/** Where a governor stands: for `/health/ready`, `govern status` and dashboards. */
export interface GovernorStatus {
  /** True when decisions can be other than denials for every caller. */
  readonly ready: boolean;
  /** Why not, one line each; empty when ready. */
  readonly problems: readonly string[];
  /** What is wrong and does not stop decisions, such as a policy update that failed; empty when all is well. */
  readonly warnings: readonly string[];
  readonly policyHash: string;
  readonly grants: GrantIndexStatus;
  readonly killSwitch: KillSwitchStatus;
  readonly evidence: EvidenceStatus;
  readonly decisions: { readonly total: number; readonly allowed: number };
}

/** The parts whose status is described. */
interface DescribedParts {
  readonly grants: GrantIndex;
  readonly killSwitch: KillSwitch;
  readonly evidence: EvidenceWriter;
  readonly counters: DecisionCounters;
}

/** The status of a governor's parts, and what stands in the way of readiness. */
export function describeStatus(parts: DescribedParts, closed: boolean): GovernorStatus {
  const grants = parts.grants.status();
  const killSwitch = parts.killSwitch.status();
  const evidence = parts.evidence.status();
  const problems: string[] = [];
  if (closed) problems.push('closed');
  if (!killSwitch.readable) problems.push(`kill switch: ${killSwitch.problem}`);
  if (killSwitch.entries.some(({ scope }) => scope === 'global')) {
    problems.push('kill switch: everything is stopped');
  }
  if (!evidence.healthy) problems.push(`evidence: ${evidence.problem}`);
  const warnings = grants.problems.map((problem) => `POLICY_UPDATE_FAILED: ${problem}`);
  if (killSwitch.readable && killSwitch.problem !== '') {
    warnings.push(`kill switch: ${killSwitch.problem}`);
  }
  return {
    ready: problems.length === 0,
    problems,
    warnings,
    policyHash: grants.policyHash,
    grants,
    killSwitch,
    evidence,
    decisions: { total: parts.counters.total, allowed: parts.counters.allowed },
  };
}
