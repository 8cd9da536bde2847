import { cpus, release, totalmem, type } from 'node:os';

/** What figures depend on and a reader cannot see: the machine, its system and Node. */
export function describeMachine(): Readonly<Record<string, string>> {
  const cores = cpus();
  return {
    CPU: `${cores[0]?.model.trim() || 'unknown'}, ${cores.length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${type()} ${release()}, ${process.arch}`,
    Node: `${process.versions.node} (V8 ${process.versions.v8})`,
  };
}
