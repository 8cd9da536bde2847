import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GovernanceError } from '@cortex-governance/core';
import { isMissing, readBounded } from './bounded-read.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/** How often a holder touches its lock, in milliseconds. */
export const HEARTBEAT_MS = 500;

/** Heartbeats after which a holder that cannot be asked counts as gone for a reader. */
const MISSED_HEARTBEATS = 6;

/** Longest lock file that is read, in bytes. */
const MAX_LOCK_BYTES = 4096;

/** How deep takeovers of interrupted takeovers may go before the lock counts as held. */
const MAX_TAKEOVER_DEPTH = 4;

/** Which file a name leads to. */
interface FileId {
  readonly dev: bigint;
  readonly ino: bigint;
}

interface LockOwner extends ProcessIdentity {
  /** Random; names this one holding of the lock. */
  readonly token: string;
}

/**
 * A lock file that one process holds, with who it is inside.
 *
 * A lock whose process is dead is taken over. The right to replace one certain stale lock is itself a
 * lock, named after the stale one's token, so of two takers only one replaces it, and a taker that
 * comes late finds another token and gives up. A holder under another boot or in another process
 * namespace cannot be asked; its lock counts as stale when nobody touches it for `watchMs`.
 */
export class LogLock {
  readonly #path: string;
  /** Open for as long as the lock is held, so that no other file can get its number. */
  readonly #file: FileHandle;
  readonly #fileId: FileId;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(path: string, file: FileHandle, fileId: FileId) {
    this.#path = path;
    this.#file = file;
    this.#fileId = fileId;
    this.#heartbeat = setInterval(() => void touch(file), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** @throws {GovernanceError} EVIDENCE_LOCKED when another writer holds it. */
  static async acquire(path: string, dir: string, watchMs: number): Promise<LogLock> {
    const owner = { ...ownIdentity(), token: randomBytes(8).toString('hex') };
    const holder = await occupy(path, owner, watchMs, 0);
    if (holder !== null) {
      throw new GovernanceError('EVIDENCE_LOCKED', { dir, holder: describe(holder) });
    }
    const lock = await openLock(path);
    // Between the two another may have taken it, and what was opened is theirs.
    if ((await readOwner(path))?.token === owner.token && (await lock.isHeld())) return lock;
    await lock.release();
    throw new GovernanceError('EVIDENCE_LOCKED', { dir, holder: 'taken at the same moment' });
  }

  /** Whether this process still holds the lock: its file is still the one that has the name. */
  async isHeld(): Promise<boolean> {
    let file: FileHandle | null = null;
    try {
      // Opened, not only asked for: that is when a network file system asks its server.
      file = await open(this.#path, 'r');
      const { dev, ino } = await file.stat({ bigint: true });
      return dev === this.#fileId.dev && ino === this.#fileId.ino;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    } finally {
      await file?.close();
    }
  }

  /** @throws {Error} when another writer has taken the log: what is written from then on may be lost. */
  async assertHeld(): Promise<void> {
    if (!(await this.isHeld())) throw new Error('another writer has taken this log');
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    try {
      if (await this.isHeld()) await rm(this.#path, { force: true });
    } finally {
      await this.#file.close();
    }
  }
}

/** The lock whose file this process has just put in place; without one that can be opened, none is. */
async function openLock(path: string): Promise<LogLock> {
  try {
    const file = await open(path, 'r');
    const { dev, ino } = await file.stat({ bigint: true });
    return new LogLock(path, file, { dev, ino });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Whether a living process holds the lock, as far as can be told. Never throws. */
export async function isLockHeld(path: string): Promise<boolean> {
  try {
    const owner = await readOwner(path);
    if (owner === null || owner === UNREADABLE) return false;
    const liveness = livenessOf(owner, ownIdentity());
    if (liveness !== 'unknown') return liveness === 'alive';
    const touched = await touchedAt(path);
    return touched !== null && Date.now() - touched < MISSED_HEARTBEATS * HEARTBEAT_MS;
  } catch {
    return false;
  }
}

/** Takes the lock, and returns null; or returns who holds it. */
async function occupy(
  path: string,
  owner: LockOwner,
  watchMs: number,
  depth: number,
): Promise<LockOwner | null> {
  const scratch = `${path}.${owner.token}.${depth}.tmp`;
  // Synced, so that a lock of which only the name survived a crash cannot come up.
  await writeFile(scratch, JSON.stringify(owner), { flag: 'wx', mode: 0o640, flush: true });
  try {
    if (await linkUnlessThere(scratch, path)) return null;
    const holder = (await readOwner(path)) ?? UNREADABLE;
    if (depth === MAX_TAKEOVER_DEPTH || !(await isStale(path, holder, owner, watchMs)))
      return holder;
    return await replaceStale(path, scratch, holder, () =>
      occupy(claimPath(path, holder), owner, watchMs, depth + 1),
    );
  } finally {
    await rm(scratch, { force: true });
  }
}

/** Puts `scratch` in the place of the stale lock, when this process gets the right to. */
async function replaceStale(
  path: string,
  scratch: string,
  stale: LockOwner,
  claim: () => Promise<LockOwner | null>,
): Promise<LockOwner | null> {
  const claimant = await claim();
  if (claimant !== null) return claimant;
  try {
    const current = await readOwner(path);
    if (current?.token !== stale.token) return current ?? UNREADABLE;
    await rename(scratch, path);
    return null;
  } finally {
    await rm(claimPath(path, stale), { force: true });
  }
}

function claimPath(path: string, stale: LockOwner): string {
  return `${path}.${stale.token}`;
}

async function isStale(
  path: string,
  holder: LockOwner,
  self: LockOwner,
  watchMs: number,
): Promise<boolean> {
  if (holder === UNREADABLE) return false;
  const liveness = livenessOf(holder, self);
  if (liveness !== 'unknown') return liveness === 'dead';
  const before = await touchedAt(path);
  await sleep(watchMs);
  return before !== null && before === (await touchedAt(path));
}

/** Who holds a lock that cannot be read. It is not one of ours, or just released: never replaced. */
const UNREADABLE: LockOwner = {
  pid: 0,
  bootId: '',
  pidNamespace: '',
  startTime: '',
  token: '',
};

async function readOwner(path: string): Promise<LockOwner | null> {
  const bytes = await readBounded(path, MAX_LOCK_BYTES);
  if (bytes === null) return null;
  try {
    const value = JSON.parse(bytes.toString()) as Partial<Record<keyof LockOwner, unknown>>;
    const { pid, bootId, pidNamespace, startTime, token } = value;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return UNREADABLE;
    if (typeof token !== 'string' || !/^[0-9a-f]{16}$/.test(token)) return UNREADABLE;
    return {
      pid,
      bootId: String(bootId),
      pidNamespace: String(pidNamespace),
      startTime: String(startTime),
      token,
    };
  } catch {
    return UNREADABLE;
  }
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function touchedAt(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Touches the file itself: its name may be another writer's by now. */
async function touch(file: FileHandle): Promise<void> {
  const now = new Date();
  // A lock that is gone shows at the next check before a checkpoint.
  await file.utimes(now, now).catch(() => {});
}

function describe(holder: LockOwner): string {
  return holder === UNREADABLE
    ? 'the lock file names nobody; remove it when no writer runs'
    : `process ${holder.pid}`;
}
