import { readFileSync, readlinkSync } from 'node:fs';

/** Which process this is, in a way that survives the reuse of process ids. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Changes at every start of the machine; empty where the system does not tell. */
  readonly bootId: string;
  /** In which process ids mean the same; empty where the system does not tell. */
  readonly pidNamespace: string;
  /** When the process started, in ticks since boot; empty where the system does not tell. */
  readonly startTime: string;
}

/** What can be said of another process. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** Field 22 of /proc/<pid>/stat, counted after the command name, which ends with the last `)`. */
const START_TIME_FIELD = 19;

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    bootId: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOr(() => readlinkSync('/proc/self/ns/pid')),
    startTime: startTimeOf(process.pid),
  };
}

/**
 * Whether another process still runs. `unknown` when it ran under another boot or in another process
 * namespace (another host or container on a shared folder): its id means nothing here.
 */
export function livenessOf(other: ProcessIdentity, self: ProcessIdentity): Liveness {
  if (other.bootId !== self.bootId || other.pidNamespace !== self.pidNamespace) return 'unknown';
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return 'dead';
  }
  return startTimeOf(other.pid) === other.startTime ? 'alive' : 'dead';
}

function startTimeOf(pid: number): string {
  return readOr(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD] ?? '';
  });
}

function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
