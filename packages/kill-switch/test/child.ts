import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

type Child = ChildProcessByStdio<null, Readable, Readable>;

const NODE = [process.execPath, '--conditions=@cortex-governance/source', '--import', 'tsx'];

/** Starts a script of `children/` in a process of its own. */
export function startChild(script: string, args: readonly string[], prefix: string[] = []): Child {
  const file = join(import.meta.dirname, 'children', script);
  const [command = '', ...rest] = [...prefix, ...NODE, file, ...args];
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: import.meta.dirname });
}

/** Runs a script to its end; resolves with what it wrote, and rejects when it fails. */
export async function runChild(
  script: string,
  args: readonly string[],
  prefix: string[] = [],
): Promise<string> {
  const child = startChild(script, args, prefix);
  let output = '';
  let problem = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    problem += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${script} ended with ${code ?? signal}: ${problem}`);
  return output;
}
