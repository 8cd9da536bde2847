import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { TempWorkspace } from '@cortex-governance/testkit';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  type CliContext,
  createProgram,
  EXIT_CODES,
  renderReference,
  runProgram,
} from '../src/index.ts';
import { expectError, govern, makeWorkspace, type Outcome, start } from './govern.ts';

function memoryContext(): { context: CliContext; outcome: (status: number) => Outcome } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const context: CliContext = {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env: {},
    cwd: '/',
    exit: 'OK',
  };
  const text = (stream: PassThrough): string => String(stream.read() ?? '');
  return { context, outcome: (status) => ({ status, stdout: text(stdout), stderr: text(stderr) }) };
}

async function run(...args: string[]): Promise<Outcome> {
  const { context, outcome } = memoryContext();
  return outcome(await runProgram(args, context));
}

function leaves(command: Command, path: readonly string[] = []): readonly (readonly string[])[] {
  if (command.commands.length === 0) return [path];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

const COMMANDS = leaves(createProgram(memoryContext().context));

describe('govern', () => {
  it('has these commands', () => {
    expect(COMMANDS.map((path) => path.join(' '))).toEqual([
      'serve',
      'decide',
      'grants lint',
      'grants reload',
      'kill',
      'release',
      'status',
      'evidence verify',
      'evidence list',
      'evidence query',
      'evidence tail',
      'evidence erase',
      'evidence rotate-key',
      'evidence restore',
      'evidence prove',
      'evidence verify-proof',
      'evidence export',
      'evidence verify-export',
      'mcp',
    ]);
  });

  it.each(COMMANDS.map((path) => [path.join(' '), path] as const))(
    'explains %s, with an example and the options that all share',
    async (name, path) => {
      const { status, stdout, stderr } = await run(...path, '--help');
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`Usage: govern ${name}`);
      expect(stdout).toMatch(new RegExp(`Examples:\\n  \\$ govern ${name} ?`));
      expect(stdout).toContain('--root <folder>');
      expect(stdout).toContain('--json');
    },
  );

  it('tells its version and its help', async () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    expect(await run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect((await run('--help')).stdout).toContain('Usage: govern');
  });

  it.each([
    [[], 'a command is missing'],
    [['grants'], 'a command is missing'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['decide', '--bogus'], "unknown option '--bogus'"],
    [['decide'], 'give --tool and --action, or --request'],
    [['decide', '--tool', 'x'], 'give --tool and --action, or --request'],
    [['decide', '--tool', 'x', '--action', 'y', '--args', '{'], 'malformed JSON'],
    [['decide', '--tool', 'x', '--action', 'y', '--args', '[]'], 'not a JSON object'],
    [['decide', '--tool', 'x', '--action', 'y', '--args', '{"a":1,"a":2}'], 'repeated member'],
    [
      ['decide', '--tool', 'x', '--action', 'y', '--args', '{}', '--path', 'z'],
      'cannot be used with',
    ],
    [['decide', '--request', 'f', '--tool', 'x'], 'cannot be used with'],
    [['decide', '--request', '/no/such/file'], 'ENOENT'],
    [['decide', '--tool', 'x', '--action', 'y', '--durability', 'forever'], 'Allowed choices'],
    [['decide', 'extra'], 'too many arguments'],
    [['serve', '--port', '70000'], '--port'],
    [['serve', '--port', 'x'], '--port'],
    [['kill', 'global'], "required option '--reason <text>' not specified"],
    [['kill', 'world', '--reason', 'x'], 'Allowed choices'],
    [['kill', 'tool', '--reason', 'x'], 'scope tool needs the tool'],
    [['kill', 'action', 'shell', '--reason', 'x'], 'scope action needs the action'],
    [['kill', 'tool', 'a', 'b', '--reason', 'x'], 'scope tool takes 1 name, not 2'],
    [['kill', 'tool', 'a', '--tool', 'b', '--reason', 'x'], 'the tool is given twice'],
    [['evidence', 'list', '--limit', '0'], 'Not a number'],
    [['evidence', 'list', '--since', 'yesterday'], 'ISO 8601'],
    [['evidence', 'list', '--code', 'NOPE'], 'no such code'],
    [['evidence', 'prove'], 'give the id of a record, or --index'],
    [['evidence', 'prove', 'x', '--index', '1'], 'give the id of a record, or --index'],
    [['evidence', 'prove', '--index', '-1'], 'Not a number from 0'],
    [['evidence', 'verify-proof', 'f', '--record', 'r'], "required option '--key <file>'"],
    [['evidence', 'export'], 'give --session, --tenant or --since'],
    [['evidence', 'export', '--until', '1h'], 'give --session, --tenant or --since'],
    [['evidence', 'export', '--since', 'yesterday'], 'ISO 8601'],
    [['evidence', 'export', '--tenant', 'a', '--max-records', '0'], 'Not a number from 1'],
    [['evidence', 'verify-export', 'f', '--key', '/no/such/file'], 'ENOENT'],
    [['evidence', 'verify-export', 'f', '--key', '/'], 'EISDIR'],
    [['evidence', 'verify-export', 'f', '--key', '/dev/zero'], 'longer than 65536 bytes'],
    [['mcp', '--env', 'NO_SUCH', '--', 'x'], 'no variable NO_SUCH'],
    [['mcp', '--env', 'toString', '--', 'x'], 'no variable toString'],
    [['mcp'], "missing required argument 'command'"],
    [['status', '--url', 'ftp://x', '--token-file', 'f'], 'not an http or https URL'],
    [['status', '--url', 'http://10.0.0.1', '--token-file', 'f'], 'not sent in the clear'],
    [['status', '--url', 'http://u:p@localhost', '--token-file', 'f'], 'without user'],
  ])('refuses %j with one line and status 2', async (args, problem) => {
    const outcome = await run(...args);
    expectError(outcome, EXIT_CODES.USAGE.status, 'USAGE');
    expect(outcome.stderr).toContain(problem);
  });

  it('has one meaning for each exit status', () => {
    const statuses = Object.values(EXIT_CODES).map(({ status }) => status);
    expect(statuses).toEqual([0, 1, 2, 3, 4, 70, 130]);
  });

  it('says where it looked when there is no .cortex folder', async () => {
    const { context, outcome } = memoryContext();
    const result = outcome(await runProgram(['decide', '--tool', 'x', '--action', 'y'], context));
    expectError(result, EXIT_CODES.FAULT.status, 'ROOT_NOT_FOUND');
    const named = await run('grants', 'lint', '--root', '/no/such\0folder');
    expectError(named, EXIT_CODES.FAULT.status, 'ROOT_NOT_FOUND');
    expect(named.stderr).toContain('\\u{0}');
  });

  it('does not take any folder for a .cortex folder: a stop there would stop nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'govern-root-'));
    const order = ['kill', 'global', '--reason', 'drill', '--root', folder];
    const refused = await run(...order);
    expectError(refused, EXIT_CODES.FAULT.status, 'ROOT_NOT_FOUND');
    expect(await readdir(folder)).toEqual([]);
    await mkdir(join(folder, 'policy'));
    expect((await run(...order)).status).toBe(EXIT_CODES.OK.status);
    await rm(folder, { recursive: true });
  });

  it.each([
    [502, '{"message":"bad gateway"}'],
    [200, '{}'],
    [200, '[]'],
  ])('does not take an answer of another program for a stop: %i %s', async (status, body) => {
    const other = createServer((_request, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const workspace = await TempWorkspace.create();
    await mkdir(join(workspace.root, 'runtime'));
    const token = join(workspace.root, 'runtime', 'operator.token');
    await writeFile(token, `${'t'.repeat(43)}\n`, { mode: 0o600 });
    const to = ['--root', workspace.root, '--url', `http://127.0.0.1:${port}`];
    const result = await run('kill', 'global', '--reason', 'drill', ...to);
    expect([EXIT_CODES.UNREACHABLE.status, EXIT_CODES.FAULT.status]).toContain(result.status);
    expect(result.stdout).toBe('');
    other.close();
    await workspace.remove();
  });

  it('shows a stack only when GOVERN_DEBUG=1', async () => {
    const folder = await makeWorkspace({ config: 'nonsense: true' });
    const quiet = await govern(folder, ['grants', 'lint']);
    expectError(quiet, EXIT_CODES.FAULT.status, 'CONFIG_INVALID');
    expect(quiet.stderr).toContain('governance.yaml');
    const loud = await govern(folder, ['grants', 'lint'], { env: { GOVERN_DEBUG: '1' } });
    expect(loud.stderr).toMatch(/\n {4}at /);
  });

  it('reports what nobody awaited, and ends with 70', async () => {
    const folder = await makeWorkspace();
    const preload = join(folder, 'preload.mjs');
    await writeFile(
      preload,
      `const timer = setInterval(() => {
        if (process.listenerCount('unhandledRejection') === 0) return;
        clearInterval(timer);
        Promise.reject(new Error('lost'));
      }, 5);`,
    );
    // The command waits for its stdin, which stays open.
    const { ended } = start(folder, ['decide', '--request', '-'], {
      NODE_OPTIONS: `--import ${pathToFileURL(preload)}`,
    });
    expectError(await ended, EXIT_CODES.INTERNAL.status, 'INTERNAL');
  });
});

describe('docs/reference/cli.md', () => {
  it('is current (else: npx nx run cli:reference)', () => {
    const page = new URL('../../../docs/reference/cli.md', import.meta.url);
    expect(readFileSync(page, 'utf8')).toBe(
      renderReference(createProgram(memoryContext().context)),
    );
  });
});
