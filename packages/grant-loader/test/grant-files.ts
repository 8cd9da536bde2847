import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, LogFields, Logger } from '@cortex-governance/core';
import { onTestFinished } from 'vitest';
import { Grant } from '../src/index.ts';

/** The public example of the format. */
export const GIT_GRANT = {
  $schema: '../../schemas/policy.tools.schema.json',
  tool: 'git-map',
  actions: ['tree', 'snippet', 'search'],
  args: { repo: { type: 'string' }, path: { type: 'string' } },
  dataClass: 'internal',
  rate: { perMinute: 30 },
  fsScope: ['apps/cortex-os', 'packages', 'docs'],
};

/** A grant with little in it, and whatever a test adds. */
export function grantOf(members: Record<string, unknown> = {}): Grant {
  return Grant.parse({ tool: 't', actions: ['go'], rate: { perMinute: 60 }, ...members });
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'grants-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A workspace with a `.cortex` folder in it. */
export class Workspace {
  readonly folder: string;
  readonly root: string;
  readonly tools: string;

  constructor(folder: string) {
    this.folder = folder;
    this.root = join(folder, '.cortex');
    this.tools = join(this.root, 'policy', 'tools');
  }

  static async create(grants: Record<string, unknown> = {}): Promise<Workspace> {
    const workspace = new Workspace(await temporaryFolder());
    await mkdir(workspace.tools, { recursive: true });
    for (const [id, grant] of Object.entries(grants)) await workspace.put(id, grant);
    return workspace;
  }

  path(id: string): string {
    return join(this.tools, `${id}.json`);
  }

  /** Puts a file in place at once, as a careful writer does. Strings and bytes are written as they are. */
  async put(id: string, content: unknown): Promise<void> {
    const raw = typeof content === 'string' || content instanceof Uint8Array;
    const temporary = join(this.root, `${id}.new`);
    await writeFile(temporary, raw ? content : JSON.stringify(content, null, 2), { mode: 0o644 });
    await rename(temporary, this.path(id));
  }

  remove(id: string): Promise<void> {
    return rm(this.path(id));
  }
}

/** A clock that only the test moves. */
export class TestClock implements Clock {
  now = 0;
  monotonicMs(): number {
    return this.now;
  }
  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.now;
  }
}

/** Keeps the events it is told. */
export class TestLogger implements Logger {
  readonly events: { event: string; fields: LogFields }[] = [];
  debug(event: string, fields: LogFields = {}): void {
    this.events.push({ event, fields });
  }
  info = this.debug.bind(this);
  warn = this.debug.bind(this);
  error = this.debug.bind(this);

  of(event: string): LogFields[] {
    return this.events.filter((entry) => entry.event === event).map(({ fields }) => fields);
  }
}
