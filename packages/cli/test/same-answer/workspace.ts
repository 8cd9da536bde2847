import { mkdir, mkdtemp, realpath, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The grants that the cases ask about, by file name. */
const GRANTS: Readonly<Record<string, object>> = {
  files: {
    tool: 'files',
    actions: ['read', 'write', 'move', 'publish'],
    args: {
      path: { type: 'string' },
      paths: { type: 'array', items: { type: 'string', format: 'path' } },
      depth: { type: 'integer', minimum: 0, maximum: 9 },
      mode: { type: 'string', enum: ['text', 'binary'] },
      note: { type: 'string', format: 'text', maxLength: 16 },
      follow: { type: 'boolean' },
      options: { type: 'object' },
    },
    actionRules: {
      publish: { approval: true },
      move: {
        args: {
          source: { type: 'string', required: true },
          destination: { type: 'string', required: true },
        },
      },
    },
    fsScope: ['docs', 'src/**/generated'],
    rate: { perMinute: 10_000 },
  },
  limited: { tool: 'limited', actions: ['one', 'other'], args: {}, rate: { perMinute: 1 } },
  hourly: { tool: 'hourly', actions: ['one'], args: {}, rate: { perMinute: 5, perHour: 1 } },
  metered: {
    tool: 'metered',
    actions: ['one', 'other'],
    args: { max_tokens: { type: 'integer' }, max_completion_tokens: { type: 'integer' } },
    rate: { perMinute: 1000, tokens: { perMinute: 100, perCall: 60 } },
  },
  fetch: {
    tool: 'fetch',
    actions: ['get'],
    args: { url: { type: 'string', format: 'uri', required: true } },
    egress: { hosts: ['api.example.com', '*.example.org'] },
    rate: { perMinute: 10_000 },
  },
  acme: { tool: 'acme-only', actions: ['run'], tenants: ['acme'], rate: { perMinute: 10_000 } },
  named: { tool: 'named', actions: ['run'], subjects: ['a1'], rate: { perMinute: 10_000 } },
  shadow: {
    tool: 'shadow',
    actions: ['run'],
    args: { path: { type: 'string' } },
    mode: 'shadow',
    fsScope: ['docs'],
    rate: { perMinute: 10_000 },
  },
  closed: {
    tool: 'closed',
    actions: ['read'],
    args: { path: { type: 'string' } },
    rate: { perMinute: 9 },
  },
};

const CONFIG = `
tenancy:
  tenants: [acme, globex]
  header: { trustedPeers: ['127.0.0.1'] }
grants: { watch: false }
log: { level: silent }
`;

/**
 * A fresh workspace with the grants of the cases and a few files and links; returns its `.cortex`.
 * @param config more lines of `governance.yaml`.
 */
export async function createCaseWorkspace(config = ''): Promise<string> {
  const workspace = await realpath(await mkdtemp(join(tmpdir(), 'same-answer-')));
  const root = join(workspace, '.cortex');
  const tools = join(root, 'policy', 'tools');
  await mkdir(tools, { recursive: true });
  await mkdir(join(workspace, 'docs', 'sub'), { recursive: true });
  await mkdir(join(workspace, 'src', 'a', 'generated'), { recursive: true });
  await mkdir(join(workspace, 'secrets'));
  await writeFile(join(workspace, 'docs', 'a.txt'), 'a');
  await writeFile(join(workspace, 'secrets', 'key'), 'k');
  await symlink('../secrets', join(workspace, 'docs', 'out'));
  await symlink('a.txt', join(workspace, 'docs', 'inside'));
  await symlink('nowhere/../../secrets/new', join(workspace, 'docs', 'dangling'));
  await symlink('loop', join(workspace, 'docs', 'loop'));
  for (const [name, grant] of Object.entries(GRANTS)) {
    await writeFile(join(tools, `${name}.json`), JSON.stringify(grant));
  }
  await writeFile(join(root, 'governance.yaml'), CONFIG + config);
  return root;
}
