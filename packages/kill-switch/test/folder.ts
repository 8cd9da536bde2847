import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  KillOrder,
  KillSwitchChange,
  KillSwitchEntry,
  KillTarget,
} from '@cortex-governance/core';
import { onTestFinished } from 'vitest';
import {
  createKillSwitch,
  type FileKillSwitch,
  KILL_SWITCH_FILE,
  type KillSwitchOptions,
} from '../src/index.ts';

/** The state file as tests read it. */
export interface StateFile {
  readonly version: number;
  readonly revision: number;
  readonly entries: readonly KillSwitchEntry[];
  readonly history: readonly (KillSwitchEntry & { type: string; revision: number })[];
}

/** A folder of one test. */
export interface TestFolder {
  readonly path: string;
  /** Path of the state file in it. */
  readonly file: string;
  readonly lock: string;
  write(content: unknown): Promise<void>;
  read(): Promise<StateFile>;
  /** Opens a switch that looks at the file only when told, and is closed with the test. */
  open(options?: Partial<KillSwitchOptions>): Promise<FileKillSwitch>;
  remove(): Promise<void>;
}

export async function makeFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'kill-switch-'));
  const file = join(path, KILL_SWITCH_FILE);
  return {
    path,
    file,
    lock: join(path, 'kill-switch.lock'),
    write: (content) =>
      writeFile(file, typeof content === 'string' ? content : JSON.stringify(content)),
    read: async () => JSON.parse(await readFile(file, 'utf8')) as StateFile,
    open: async (options = {}) => {
      const killSwitch = await createKillSwitch({
        root: path,
        watch: false,
        pollMs: 60_000,
        ...options,
      });
      onTestFinished(() => killSwitch.close());
      return killSwitch;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** A folder that is removed with the test. */
export async function testFolder(): Promise<TestFolder> {
  const folder = await makeFolder();
  onTestFinished(folder.remove);
  return folder;
}

export const GLOBAL: KillTarget = { scope: 'global' };
export const SHELL: KillTarget = { scope: 'tool', tool: 'shell' };

export function order(target: KillTarget, actor = 'ops', reason = 'drill'): KillOrder {
  return { ...target, actor, reason };
}

/** A well-formed file. */
export function stateFile(revision: number, ...targets: KillTarget[]): StateFile {
  const at = '2026-01-02T03:04:05.678Z';
  const entries = targets.map((target) => ({ ...order(target), at }));
  return { version: 1, revision, entries, history: [] };
}

/** The changes that a switch tells from now on, as `[type, actor]`. */
export function listen(killSwitch: FileKillSwitch): [KillSwitchChange['type'], string][] {
  const changes: [KillSwitchChange['type'], string][] = [];
  killSwitch.onChange(({ type, actor }) => changes.push([type, actor]));
  return changes;
}
