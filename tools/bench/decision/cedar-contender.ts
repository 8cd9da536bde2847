import {
  type EntityJson,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Contender, Lineup } from './contender.ts';
import { CEDAR } from './contender-names.ts';
import { type Question, REQUESTS, type Workload, type WorkloadGrant } from './workload.ts';

const POLICY_SET = 'bench';
const TENANTS = { type: 'Group', id: 'tenants' };

/**
 * Cedar's wasm build with the policy set parsed beforehand: one policy for each grant. Only the tenant's
 * own entity goes with a call: entities are parsed on every call, and a list of all would cost more.
 */
export async function prepareCedar({ grants, tenants, questions }: Workload): Promise<Lineup> {
  const parsed = preparsePolicySet(POLICY_SET, { staticPolicies: grants.map(policyOf).join('\n') });
  if (parsed.type === 'failure') throw new Error(`cedar: ${parsed.errors[0]?.message}`);
  const entities = new Map(tenants.map((tenant) => [tenant, [entityOf(tenant)]]));
  const answer = (question: Question): boolean => {
    const found = statefulIsAuthorized({
      preparsedPolicySetId: POLICY_SET,
      principal: { type: 'Tenant', id: question.tenant },
      action: { type: 'Action', id: question.action },
      resource: { type: 'Tool', id: question.tool },
      context: { path: question.path },
      entities: entities.get(question.tenant) ?? [],
    });
    if (found.type === 'failure') throw new Error(`cedar: ${found.errors[0]?.message}`);
    return found.response.decision === 'allow';
  };
  const contender: Contender = {
    name: CEDAR,
    note: 'no limit, no evidence, no check of arguments beyond the path; a path is compared as text',
    allows: true,
    async: false,
    decide: (i) => answer(questions[i % REQUESTS] as Question),
    answer,
  };
  return { contenders: [contender] };
}

function policyOf({ tool, actions, folders }: WorkloadGrant): string {
  const names = actions.map((action) => `Action::"${action}"`).join(', ');
  const paths = folders.map((folder) => `context.path like "${folder}/*"`).join(' || ');
  return `permit(principal in Group::"tenants", action in [${names}], resource == Tool::"${tool}") when { ${paths} };`;
}

function entityOf(tenant: string): EntityJson {
  return { uid: { type: 'Tenant', id: tenant }, attrs: {}, parents: [TENANTS] };
}
