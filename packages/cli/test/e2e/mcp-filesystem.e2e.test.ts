import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const BIN = join(import.meta.dirname, '..', '..', 'dist', 'bin.js');
const FILESYSTEM_SERVER = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/server-filesystem/dist/index.js',
);
const SECRET = 'nobody may read this';
const VERDICT = 'cortex-governance/verdict';

/** Calls a minute that the grant allows of one action. */
const PER_MINUTE = 3;

const GRANT = {
  tool: 'filesystem',
  actions: ['read_text_file', 'list_directory'],
  args: { path: { type: 'string', format: 'path', required: true } },
  rate: { perMinute: PER_MINUTE },
  fsScope: ['docs'],
};

let dir: string;
const clients: Client[] = [];

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'govern-mcp-')));
  const policy = join(dir, '.cortex', 'policy', 'tools');
  await mkdir(policy, { recursive: true });
  await mkdir(join(dir, 'docs'));
  await writeFile(join(policy, 'filesystem.json'), JSON.stringify(GRANT));
  await writeFile(
    join(dir, '.cortex', 'governance.yaml'),
    'version: 1\nlog:\n  level: error\nmcp:\n  tool: filesystem\n  agent: e2e\n',
  );
  await writeFile(join(dir, 'docs', 'a.txt'), 'content of a');
  await writeFile(join(dir, 'secret.txt'), SECRET);
  await symlink(join(dir, 'secret.txt'), join(dir, 'docs', 'link.txt'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await rm(dir, { recursive: true, force: true });
});

/** Runs the built `govern` in a process of its own. */
async function govern(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [BIN, ...args], { cwd: dir });
  return stdout;
}

/** The official client, with the public filesystem server behind `govern mcp`. */
async function connect(): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1.0.0' });
  clients.push(client);
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      // The server itself would serve the whole workspace: what is denied, is denied by the grant.
      args: [BIN, 'mcp', '--', process.execPath, FILESYSTEM_SERVER, dir],
      cwd: dir,
      stderr: 'ignore',
    }),
  );
  return client;
}

interface Outcome {
  readonly text: string;
  readonly isError: boolean;
  readonly verdict: Readonly<Record<string, unknown>> | undefined;
}

async function call(client: Client, name: string, path: string): Promise<Outcome> {
  const result = await client.callTool({ name, arguments: { path } });
  const [content] = result.content;
  return {
    text: content?.type === 'text' ? content.text : '',
    isError: result.isError === true,
    verdict: result._meta?.[VERDICT] as Outcome['verdict'],
  };
}

interface ListedRecord {
  readonly log: string;
  readonly seq: number;
  readonly kind: string;
  readonly [member: string]: unknown;
}

async function evidence(): Promise<readonly ListedRecord[]> {
  const lines = (await govern('evidence', 'list')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as ListedRecord);
}

/** What evidence says of one log, in its order: decisions by action and code, kill events by type and scope. */
function story(records: readonly ListedRecord[], log: string): readonly string[] {
  return records
    .filter((record) => record.log === log)
    .flatMap((record) => {
      if (record.kind === 'decision') return [`${record['action']} ${record['code']}`];
      if (record['type'] !== 'kill_switch') return [];
      const { type, target } = record['properties'] as { type: string; target: { scope: string } };
      return [`${type} ${target.scope}`];
    });
}

it('governs the public filesystem server, and proves it', async () => {
  const client = await connect();
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual(['list_directory', 'read_text_file']);

  const granted = await call(client, 'read_text_file', 'docs/a.txt');
  expect(granted).toEqual({ text: 'content of a', isError: false, verdict: undefined });

  for (const path of [
    'docs/../secret.txt',
    '../secret.txt',
    '/etc/passwd',
    join(dir, 'secret.txt'),
    'docs/link.txt',
  ]) {
    const denied = await call(client, 'read_text_file', path);
    expect(denied.isError).toBe(true);
    expect(denied.text).toContain('Denied [PATH_OUT_OF_SCOPE]');
    expect(denied.text).not.toContain(SECRET);
    expect(denied.verdict).toMatchObject({ effect: 'deny', code: 'PATH_OUT_OF_SCOPE' });
  }
  const notGranted = await call(client, 'write_file', 'docs/a.txt');
  expect(notGranted.verdict).toMatchObject({ code: 'ACTION_NOT_ALLOWED' });

  // Denials have used up nothing: the limit minus the one read is left.
  for (let i = 1; i < PER_MINUTE; i += 1) {
    expect(await call(client, 'read_text_file', 'docs/a.txt')).toEqual(granted);
  }
  const limited = await call(client, 'read_text_file', 'docs/a.txt');
  expect(limited.verdict).toMatchObject({ code: 'RATE_LIMITED', httpStatus: 429 });
  const retryAfterMs = limited.verdict?.['retryAfterMs'] as number;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  expect(limited.text).toContain(`Retry after ${Math.ceil(retryAfterMs / 1000)} s.`);

  // A stop ordered by another process holds in the running proxy, and in one that starts now.
  await govern('kill', 'global', '--reason', 'drill', '--actor', 'operator');
  const killed = await call(client, 'list_directory', 'docs');
  expect(killed.isError).toBe(true);
  expect(killed.verdict).toMatchObject({ code: 'KILLED_GLOBAL', httpStatus: 503 });
  const second = await connect();
  const killedToo = await call(second, 'list_directory', 'docs');
  expect(killedToo.verdict).toMatchObject({ code: 'KILLED_GLOBAL' });

  await govern('release', 'global', '--reason', 'drill over', '--actor', 'operator');
  const released = await call(client, 'list_directory', 'docs');
  expect(released.isError).toBe(false);
  expect(released.text).toContain('a.txt');

  await govern('kill', 'action', 'filesystem', 'list_directory', '--reason', 'drill 2');
  const stopped = await call(client, 'list_directory', 'docs');
  expect(stopped.verdict).toMatchObject({ code: 'KILLED_ACTION' });
  await govern('release', 'action', 'filesystem', 'list_directory', '--reason', 'drill 2 over');
  expect((await call(client, 'list_directory', 'docs')).isError).toBe(false);

  for (const one of clients.splice(0)) await one.close();
  const report = JSON.parse(await govern('evidence', 'verify', '--json')) as { ok: boolean };
  expect(report.ok).toBe(true);

  const records = await evidence();
  expect(story(records, 'mcp')).toEqual([
    'read_text_file ALLOWED',
    'read_text_file PATH_OUT_OF_SCOPE',
    'read_text_file PATH_OUT_OF_SCOPE',
    'read_text_file PATH_OUT_OF_SCOPE',
    'read_text_file PATH_OUT_OF_SCOPE',
    'read_text_file PATH_OUT_OF_SCOPE',
    'write_file ACTION_NOT_ALLOWED',
    'read_text_file ALLOWED',
    'read_text_file ALLOWED',
    'read_text_file RATE_LIMITED',
    'engaged global',
    'list_directory KILLED_GLOBAL',
    'released global',
    'list_directory ALLOWED',
    'engaged action',
    'list_directory KILLED_ACTION',
    'released action',
    'list_directory ALLOWED',
  ]);
  expect(story(records, 'mcp-2')[0]).toBe('list_directory KILLED_GLOBAL');

  const decisions = records.filter(({ kind }) => kind === 'decision');
  for (const record of decisions) {
    expect(record).toMatchObject({
      tenant: 'default',
      subject: { type: 'agent', id: 'e2e' },
      resource: { type: 'tool', id: 'filesystem' },
      callId: null,
    });
    expect(record['argsDigest']).toMatch(/^[0-9a-f]{64}$/);
  }
  // Every verdict that the client was shown is in evidence, as it was shown.
  for (const { verdict } of [notGranted, limited, killed, killedToo, stopped]) {
    const record = decisions.find(({ id }) => id === verdict?.['id']);
    expect(record).toMatchObject({
      code: verdict?.['code'],
      effect: 'deny',
      reason: verdict?.['reason'],
      policyHash: verdict?.['policyHash'],
      retryAfterMs: verdict?.['retryAfterMs'],
    });
  }
  expect(JSON.stringify(records)).not.toContain('secret.txt');
}, 120_000);

/** Process ids of a process's children. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(/\s+/).map(Number);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it.skipIf(process.platform !== 'linux').each([
  ['the client closes', (client: Client) => client.close()],
  [
    'it gets a SIGTERM',
    (client: Client) => {
      process.kill((client.transport as StdioClientTransport).pid ?? 0, 'SIGTERM');
    },
  ],
])(
  'ends when %s, with its server and its evidence whole',
  async (_, end) => {
    const client = await connect();
    const pid = (client.transport as StdioClientTransport).pid ?? 0;
    const processes = [pid, ...(await childrenOf(pid))];
    expect(processes).toHaveLength(2);
    expect((await call(client, 'list_directory', 'docs')).isError).toBe(false);
    await end(client);
    await vi.waitFor(() => expect(processes.filter(isRunning)).toEqual([]), { timeout: 30_000 });
    const report = JSON.parse(await govern('evidence', 'verify', '--json')) as { ok: boolean };
    expect(report.ok).toBe(true);
    expect(story(await evidence(), 'mcp')).toEqual(['list_directory ALLOWED']);
  },
  60_000,
);
