import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { GIT_MAP_GRANT, TempWorkspace, type TempWorkspaceFiles } from '@cortex-governance/testkit';
import { afterEach, expect } from 'vitest';

/** The program as it is installed. */
const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** The grant of a workspace that is not given others. */
export const GIT_MAP = GIT_MAP_GRANT;

const cleanups: (() => Promise<unknown>)[] = [];

/** Runs at the end of the test, the latest first. */
export function atEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A temporary workspace; resolves with the folder that holds `.cortex`. */
export async function makeWorkspace(files: TempWorkspaceFiles = {}): Promise<string> {
  const workspace = await TempWorkspace.create(files);
  atEnd(() => workspace.remove());
  return workspace.folder;
}

/** How a run ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
}

/** Runs `govern` in a folder until it ends. */
export async function govern(
  cwd: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { child, ended } = start(cwd, args, options.env);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.stdin ?? '');
  return ended;
}

/** A run that goes on. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  stdout(): string;
  stderr(): string;
}

/** Starts `govern`; it is killed at the end of the test. */
export function start(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Started {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...process.env, GOVERN_DEBUG: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  atEnd(async () => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** What `govern serve --json` tells. */
export interface Announcement {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly root: string;
  readonly grants: readonly string[];
  readonly policyHash: string;
  readonly stops: number;
  readonly evidenceDir: string;
  readonly operatorTokenFile: string;
}

/** Starts `govern serve` on a free port and waits until it listens. */
export async function serve(
  folder: string,
  args: readonly string[] = [],
): Promise<Started & { readonly told: Announcement }> {
  const started = start(folder, ['serve', '--port', '0', '--json', ...args]);
  const told = await new Promise<Announcement>((resolve, reject) => {
    started.child.stdout?.on('data', () => {
      const end = started.stdout().indexOf('\n');
      if (end !== -1) resolve(JSON.parse(started.stdout().slice(0, end)) as Announcement);
    });
    started.ended.then(
      ({ status, stderr }) => reject(new Error(`ended with ${status}: ${stderr}`)),
      reject,
    );
  });
  return { ...started, told };
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks a running server about one call of `git-map`. */
export async function ask(
  url: string,
  action = 'search',
): Promise<{ status: number; body: { decision: boolean; context: { code: string } } }> {
  const response = await fetch(`${url}/access/v1/evaluation`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subject: { type: 'agent', id: 'bot' },
      action: { name: action },
      resource: { type: 'tool', id: 'git-map' },
    }),
  });
  return { status: response.status, body: (await response.json()) as never };
}

/** Expects one error line with a code, and nothing else on stderr. */
export function expectError(outcome: Outcome, status: number, code: string): void {
  expect(outcome.stderr).toMatch(new RegExp(`^error \\[${code}\\] [^\\n]+\\n$`));
  expect(outcome.status).toBe(status);
  expect(outcome.stdout).toBe('');
}
