/** A call of the file system that the scenario makes. */
export interface TracedCall {
  readonly name: string;
  /** Which call of this name it is on its thread, from 1. */
  readonly index: number;
  /** What it is done to, without what differs between runs: `tile/0/…`, `tmp/…`, `default.lock`. */
  readonly target: string;
}

/** One run: this fault at this call. */
export interface FaultCase {
  readonly call: TracedCall;
  /** As strace's `inject=<call>:` takes it. */
  readonly fault: string;
}

/** Calls that the matrix covers; a machine has those of its architecture. */
export const COVERED_CALLS =
  '/^(openat|mkdir(at)?|p?write(64|v)?|fdatasync|fsync|rename(at2?)?|link(at)?|unlink(at)?|rmdir|f?truncate|close|read|pread64|getdents64)$';

/**
 * Without the long run: of calls of one kind to one kind of file the first, the second and every twentieth,
 * with other faults at each; of those that only read or close, the first, with an error alone.
 */
const EVERY_CALL = 20;

/** What a line of the trace says, with paths below `dir`; null for calls to anything else. */
export function parseCalls(trace: readonly string[], dir: string): readonly TracedCall[] {
  const counts = new Map<string, number>();
  const calls: TracedCall[] = [];
  for (const line of trace) {
    const name = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (name === undefined) continue;
    const index = (counts.get(name) ?? 0) + 1;
    counts.set(name, index);
    const path = targetOf(line, dir);
    if (path !== null) calls.push({ name, index, target: path });
  }
  return calls;
}

/** The file below `dir` that a line of the trace is about. */
export function targetOf(line: string, dir: string): string | null {
  const start = line.indexOf(dir);
  if (start === -1) return null;
  const path = /^[^">]*/.exec(line.slice(start + dir.length))?.[0] ?? '';
  return path.replace(/[0-9a-f]{12,}/g, '*').replace(/(\d+)(?=\/|$)/g, '#');
}

/** Every fault at every call; without `all` fewer of the many that are alike. */
export function faultCases(calls: readonly TracedCall[], all: boolean): readonly FaultCase[] {
  const seen = new Map<string, number>();
  return calls.flatMap((call) => {
    const kind = `${call.name} ${call.target}`;
    const nth = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, nth);
    const full = call.name.includes('write') ? ['error=ENOSPC'] : [];
    const faults = ['error=EIO', 'signal=KILL', ...full];
    return (all ? faults : chosenFaults(call.name, nth, faults)).map((fault) => ({ call, fault }));
  });
}

function chosenFaults(name: string, nth: number, faults: readonly string[]): readonly string[] {
  if (/^(openat|close|p?read(64)?|getdents64)$/.test(name)) return nth === 1 ? ['error=EIO'] : [];
  if (nth === 1) return faults;
  return nth === 2 || nth % EVERY_CALL === 0 ? ['signal=KILL'] : [];
}

/** Calls after whose failure the writer may not go on as if nothing were: what it promised rests on them. */
export function isPromise(name: string): boolean {
  return /^(p?write(64|v)?|fdatasync|fsync|rename(at2?)?|f?truncate)$/.test(name);
}
