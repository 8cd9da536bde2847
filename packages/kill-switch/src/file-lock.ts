import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, GovernanceError } from '@cortex-governance/core';

/** A lock older than this (ms) is abandoned, whoever seems to hold it: a write takes milliseconds. */
const ABANDONED_AFTER_MS = 60_000;

/** A holder gives up this long (ms) after it took the lock, well before anyone takes it for abandoned. */
const HOLD_AT_MOST_MS = 30_000;

/** A lock without content for this long (ms) lost its holder between creating and filling it. */
const EMPTY_AFTER_MS = 2000;

/** Longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE_MS = 40;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/** A lock that this process holds. */
export interface FileLock {
  /** @throws {GovernanceError} KILL_SWITCH_WRITE_FAILED when it is no longer safe to write under the lock. */
  assertHeld(): Promise<void>;
  /** Never rejects. A lock that cannot be removed is abandoned in time. */
  release(): Promise<void>;
}

/**
 * Takes a lock file, created with O_EXCL and naming its holder.
 *
 * The lock of a process that is gone is broken at once on the same host, and after a minute on
 * another. The wait is bounded.
 * @throws {GovernanceError} KILL_SWITCH_WRITE_FAILED when the lock is not free in time or cannot be created.
 */
export async function takeFileLock(path: string, timeoutMs: number): Promise<FileLock> {
  const token = randomUUID();
  const startedMs = performance.now();
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    if (await create(path, token)) return heldLock(path, token);
    if (await breakAbandoned(path)) continue;
    if (performance.now() - startedMs >= timeoutMs) {
      throw writeFailed(path, `${await describeHolder(path)}; remove it if no process is writing`);
    }
    // Uneven, so that those who wait do not try in step.
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

function heldLock(path: string, token: string): FileLock {
  const takenMs = performance.now();
  return {
    assertHeld: async () => {
      const mine = (await readHolder(path))?.token === token;
      if (mine && performance.now() - takenMs < HOLD_AT_MOST_MS) return;
      throw writeFailed(path, 'the lock was lost');
    },
    release: async () => {
      try {
        if ((await readHolder(path))?.token === token) await rm(path, { force: true });
      } catch {
        // The lock stays; it is abandoned when this process ends, or in a minute.
      }
    },
  };
}

async function create(path: string, token: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o644);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw writeFailed(path, errorMessage(error), error);
  }
  try {
    const holder: Holder = { pid: process.pid, host: hostname(), token };
    await file.writeFile(JSON.stringify(holder));
    return true;
  } catch (error) {
    // A full disk: the lock is ours, and empty.
    await rm(path, { force: true }).catch(() => {});
    throw writeFailed(path, errorMessage(error), error);
  } finally {
    await file.close().catch(() => {});
  }
}

/**
 * Removes an abandoned lock; true when the lock may be free now. Those who would break it take turns by
 * a second lock, and each judges anew in its turn, so that nobody removes a lock taken meanwhile.
 */
async function breakAbandoned(path: string): Promise<boolean> {
  if (!(await isAbandoned(path))) return false;
  const turn = `${path}.break`;
  if (!(await create(turn, ''))) {
    // Only a process that died in these few lines leaves its turn behind.
    if (await isAbandoned(turn)) await rm(turn, { force: true }).catch(() => {});
    return false;
  }
  try {
    if (await isAbandoned(path)) await rm(path, { force: true });
    return true;
  } catch {
    return false;
  } finally {
    await rm(turn, { force: true }).catch(() => {});
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  let ageMs: number;
  let createdMs: number;
  try {
    const status = await stat(path);
    if (!status.isFile()) return false;
    createdMs = status.mtimeMs;
    ageMs = Date.now() - createdMs;
  } catch {
    return false;
  }
  const holder = await readHolder(path);
  if (ageMs > ABANDONED_AFTER_MS) return true;
  if (holder === null) return ageMs > EMPTY_AFTER_MS;
  if (holder.host !== hostname()) return false;
  // In a container that starts anew its process often has the same id as the one before.
  if (holder.pid === process.pid) return createdMs < performance.timeOrigin;
  return !isAlive(holder.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return codeOf(error) !== 'ESRCH';
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    const holder: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isHolder(holder) ? holder : null;
  } catch {
    return null;
  }
}

function isHolder(value: unknown): value is Holder {
  const holder = value as Partial<Holder> | null;
  return (
    typeof holder === 'object' &&
    holder !== null &&
    Number.isSafeInteger(holder.pid) &&
    Number(holder.pid) > 0 &&
    typeof holder.host === 'string' &&
    typeof holder.token === 'string'
  );
}

async function describeHolder(path: string): Promise<string> {
  const holder = await readHolder(path);
  return holder === null
    ? 'locked by an unknown process'
    : `locked by process ${holder.pid} on ${holder.host}`;
}

function writeFailed(file: string, problem: string, cause?: unknown): GovernanceError {
  return new GovernanceError('KILL_SWITCH_WRITE_FAILED', { file, problem }, { cause });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
