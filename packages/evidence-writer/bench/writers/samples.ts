import {
  createVerdict,
  type DecisionRequest,
  toolCall,
  type Verdict,
  VerdictIdSource,
} from '@cortex-governance/core';

const ids = new VerdictIdSource();

/** A call with three arguments. */
export function sampleRequest(n: number): DecisionRequest {
  return toolCall({
    tenant: 'acme',
    agent: 'agent-1',
    tool: 'git-map',
    action: 'search',
    args: { repo: 'cortex-os', path: `packages/core/src/file-${n}.ts`, limit: 20 },
    callId: `call-${n}`,
  });
}

export function sampleVerdict(): Verdict {
  return createVerdict(ids.next(Date.now()), 'ALLOWED', 'evidence', 'a'.repeat(64));
}
