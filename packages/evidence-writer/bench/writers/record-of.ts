import { canonicalDigest, type DecisionRequest, type Verdict } from '@cortex-governance/core';

/** What our log writes of a decision, as an object: every contender writes the same content. */
export function recordOf(request: DecisionRequest, verdict: Verdict): Record<string, unknown> {
  const { subject, action, resource } = request;
  return {
    action: action.name,
    argsDigest: canonicalDigest(action.properties ?? {}),
    callId: request.callId ?? null,
    code: verdict.code,
    contextDigest: null,
    effect: verdict.effect,
    id: verdict.id,
    kind: 'decision',
    obligations: [],
    policyHash: verdict.policyHash,
    reason: verdict.reason,
    resource: { id: resource.id, type: resource.type },
    resourcePropertiesDigest: null,
    retryAfterMs: 0,
    session: null,
    shadowed: verdict.shadowed,
    stage: verdict.stage,
    subject: { id: subject.id, type: subject.type },
    subjectPropertiesDigest: null,
    tenant: request.tenant,
    trace: null,
  };
}
