import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KILL_SWITCH_FILE } from '../src/index.ts';

/** A folder of one test. */
export interface TestFolder {
  readonly path: string;
  /** Path of the state file in it. */
  readonly file: string;
  remove(): Promise<void>;
}

export async function makeFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'kill-switch-'));
  return {
    path,
    file: join(path, KILL_SWITCH_FILE),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
