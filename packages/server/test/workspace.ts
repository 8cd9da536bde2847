import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor, type Governor } from '@cortex-governance/governor';
import { GIT_MAP_GRANT, TempWorkspace, type TempWorkspaceFiles } from '@cortex-governance/testkit';
import { afterEach } from 'vitest';
import { createServer, type GovernanceServer, type ServerOptions } from '../src/index.ts';

/** A running server and its governor. */
export interface Running {
  readonly governor: Governor;
  readonly server: GovernanceServer;
  readonly url: string;
  readonly port: number;
  /** Folder that holds `.cortex`. */
  readonly folder: string;
}

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

/** A temporary workspace with grants and configuration; resolves with the folder that holds `.cortex`. */
export async function makeWorkspace(files: TempWorkspaceFiles = {}): Promise<string> {
  const workspace = await TempWorkspace.create(files);
  atEnd(() => workspace.remove());
  return workspace.folder;
}

/** A governor on a temporary workspace, closed at the end of the test. */
export async function makeGovernor(files: TempWorkspaceFiles = {}): Promise<[Governor, string]> {
  const folder = await makeWorkspace(files);
  const governor = await createGovernor({
    root: join(folder, '.cortex'),
    name: 'server',
    logger: silentLogger,
  });
  atEnd(() => governor.close());
  return [governor, folder];
}

/** A server on a free port, closed at the end of the test. */
export async function startServer(
  files: TempWorkspaceFiles = {},
  options: ServerOptions = {},
): Promise<Running> {
  const [governor, folder] = await makeGovernor(files);
  const server = await createServer(governor, { port: 0, ...options });
  atEnd(() => server.close());
  const { url, port } = await server.listen();
  return { governor, server, url, port, folder };
}

/** An AuthZEN evaluation body for the tool `git-map`. */
export function question(action = 'search', properties?: Record<string, unknown>): object {
  return {
    subject: { type: 'agent', id: 'bot' },
    action: properties === undefined ? { name: action } : { name: action, properties },
    resource: { type: 'tool', id: 'git-map' },
  };
}

/** An answer, its body parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any;
}

/** Posts JSON (or a text as it is) and reads the answer. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
