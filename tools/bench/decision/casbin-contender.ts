import { newEnforcer, newModelFromString, StringAdapter } from 'casbin';
import type { Contender, Lineup } from './contender.ts';
import { CASBIN } from './contender-names.ts';
import { type Question, REQUESTS, type Workload } from './workload.ts';

/** The cheap comparisons come first: the matcher runs on one rule after the other until one allows. */
const MODEL = `
[request_definition]
r = tenant, tool, act, path

[policy_definition]
p = tenant, tool, act, path

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.tool == p.tool && r.act == p.act && keyMatch(r.path, p.path) && g(r.tenant, p.tenant)
`;

/** Casbin with a role that every known tenant has, and a rule for each tool, action and folder. */
export async function prepareCasbin({ grants, tenants, questions }: Workload): Promise<Lineup> {
  const rules = grants.flatMap(({ tool, actions, folders }) =>
    actions.flatMap((action) =>
      folders.map((folder) => `p, tenants, ${tool}, ${action}, ${folder}/*`),
    ),
  );
  const roles = tenants.map((tenant) => `g, ${tenant}, tenants`);
  const policy = new StringAdapter([...rules, ...roles].join('\n'));
  const enforcer = await newEnforcer(newModelFromString(MODEL), policy);
  const answer = ({ tenant, tool, action, path }: Question): boolean =>
    enforcer.enforceSync(tenant, tool, action, path);
  const contender: Contender = {
    name: CASBIN,
    note: 'no limit, no evidence, no check of arguments beyond the path; a path is compared as text',
    allows: true,
    async: false,
    decide: (i) => answer(questions[i % REQUESTS] as Question),
    answer,
  };
  return { contenders: [contender] };
}
