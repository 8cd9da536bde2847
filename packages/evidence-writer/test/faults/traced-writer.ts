import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Acknowledgement } from '../killed-writer.ts';

const CHILD = join(import.meta.dirname, '..', 'fixtures', 'write-scenario.mjs');

/** What became of the scenario under a tracer. */
export interface TracedRun {
  readonly acknowledged: readonly Acknowledgement[];
  /** `closed`, `failed <code>`, `killed`, or `aborted` by the runtime itself. */
  readonly end: string;
  /** One line for every traced call. */
  readonly trace: readonly string[];
}

/** Resolves at the first line that starts so; rejects when the stream ends before. */
function lineOf(stream: Readable, start: string, onLine: (line: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let rest = '';
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(start)) resolve(line);
        onLine(line);
      }
    });
    stream.on('close', () => reject(new Error(`no line '${start}…' in: ${text}`)));
  });
}

/** What the scenario does; see the fixture. */
export type Task = 'append' | 'erase' | 'rotate';

/**
 * Runs the scenario with `strace` on the one thread that does its file operations, so that calls are
 * counted from the writer's first and nothing else is hit.
 * @param expressions what strace traces and injects, as its `-e` takes it.
 */
export async function traceScenario(
  dir: string,
  task: Task,
  expressions: readonly string[],
): Promise<TracedRun> {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const child = spawn(process.execPath, [CHILD, dir, task], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env,
  });
  const ended = new Promise<string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? null : `code ${code}`))),
  );
  const acknowledged: Acknowledgement[] = [];
  let end = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const ready = await lineOf(child.stdout, 'ready ', (line) => {
    const [level = '', id = ''] = line.split(' ');
    if (line === 'closed' || level === 'failed') end = line;
    else if (level !== 'ready') acknowledged.push({ level, id });
  });
  const options = expressions.flatMap((expression) => ['-e', expression]);
  const tracer = spawn('strace', ['-y', '-s', '0', ...options, '-p', ready.slice(6)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const untraced = new Promise((resolve) => tracer.on('close', resolve));
  const trace: string[] = [];
  try {
    await lineOf(tracer.stderr, 'strace: Process', (line) => trace.push(line));
    child.stdin.write('\n');
    const reason = await ended;
    await untraced;
    if (reason === 'SIGKILL') end = 'killed';
    else if (reason === 'SIGABRT') end = 'aborted';
    else if (reason !== null || end === '') throw new Error(`${reason}: ${errors}`);
    return { acknowledged, end, trace: trace.filter((line) => / = |killed/.test(line)) };
  } finally {
    child.kill('SIGKILL');
    tracer.kill('SIGKILL');
  }
}
