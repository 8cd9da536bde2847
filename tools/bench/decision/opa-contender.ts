import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender, Lineup } from './contender.ts';
import { OPA } from './contender-names.ts';
import { findOpa, OPA_ADVICE } from './opa-program.ts';
import { type Question, REQUESTS, type Workload } from './workload.ts';

// By `require`: its types promise named exports, which Node does not find in its CommonJS file.
const { loadPolicySync } = createRequire(import.meta.url)(
  '@open-policy-agent/opa-wasm',
) as typeof import('@open-policy-agent/opa-wasm');

/** Grants are data, looked up by key: the form that OPA evaluates fastest. */
const POLICY = `package grants

default allow := false

allow if {
	data.tenants[input.tenant]
	grant := data.tools[input.tool]
	grant.actions[input.action]
	some folder in grant.folders
	startswith(input.path, folder)
}
`;

/** OPA's wasm build of a bundle that the real `opa` has built. */
export async function prepareOpa(workload: Workload): Promise<Lineup> {
  const program = findOpa();
  if (program === null) return { contenders: [], skipped: [OPA_ADVICE] };
  const policy = loadPolicySync(await buildWasm(program));
  policy.setData(dataOf(workload));
  const { questions } = workload;
  const answer = (question: Question): boolean => {
    const { tenant, tool, action, path } = question;
    const [found] = policy.evaluate({ tenant, tool, action, path }) as { result: unknown }[];
    return found?.result === true;
  };
  const contender: Contender = {
    name: OPA,
    note: 'no limit, no evidence, no check of arguments beyond the path; a path is compared as text',
    allows: true,
    async: false,
    decide: (i) => answer(questions[i % REQUESTS] as Question),
    answer,
  };
  return { contenders: [contender] };
}

async function buildWasm(program: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-opa-'));
  try {
    await writeFile(join(folder, 'grants.rego'), POLICY);
    const build = [
      'build',
      '-t',
      'wasm',
      '-e',
      'grants/allow',
      '-o',
      'bundle.tar.gz',
      'grants.rego',
    ];
    execFileSync(program, build, { cwd: folder, stdio: 'pipe' });
    execFileSync('tar', ['-xzf', 'bundle.tar.gz'], { cwd: folder, stdio: 'pipe' });
    return await readFile(join(folder, 'policy.wasm'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function dataOf({ grants, tenants }: Workload): object {
  const tools = grants.map(({ tool, actions, folders }) => [
    tool,
    {
      actions: Object.fromEntries(actions.map((action) => [action, true])),
      folders: folders.map((folder) => `${folder}/`),
    },
  ]);
  return {
    tenants: Object.fromEntries(tenants.map((tenant) => [tenant, true])),
    tools: Object.fromEntries(tools),
  };
}
