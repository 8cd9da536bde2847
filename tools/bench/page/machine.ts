import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What figures depend on and a reader cannot see: the machine, its system and Node. */
export function describeMachine(): Readonly<Record<string, string>> {
  const cores = cpus();
  return {
    CPU: `${cores[0]?.model.trim() || 'unknown'}, ${cores.length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${type()} ${release()}, ${process.arch}`,
    // Above the number of cores, others had the machine too, and p99 is theirs.
    'load at the end': (loadavg()[0] ?? 0).toFixed(1),
    Node: `${process.versions.node} (V8 ${process.versions.v8})`,
  };
}
