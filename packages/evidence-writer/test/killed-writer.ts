import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Durability } from '@cortex-governance/core';
import type { EvidenceWriterOptions } from '../src/index.ts';

const CHILD = join(import.meta.dirname, 'fixtures', 'append-until-killed.mjs');

/** Makes Node run this package's sources instead of the built files. */
export const FROM_SOURCES: readonly string[] = [
  '--import',
  'tsx',
  '--conditions=@cortex-governance/source',
];

/** What a writer's process is to do; see the fixture. */
export interface Load {
  readonly levels: readonly Exclude<Durability, 'accepted'>[];
  readonly lanes: number;
  readonly textBytes: number;
  readonly closeAfter: number;
  readonly erases: boolean;
  readonly writer: EvidenceWriterOptions;
}

/** A record that was acknowledged before its writer was killed. */
export interface Acknowledgement {
  readonly id: string;
  readonly level: string;
}

/** A writer in a process of its own. */
export interface KilledWriter {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  /** Resolves when the process is gone, with what it had acknowledged. */
  readonly acknowledged: Promise<readonly Acknowledgement[]>;
}

/**
 * Starts a writer's process. Its pipe outlives it, so what it acknowledged is known however it ends; half
 * a last line is none.
 * @param onLine called with every line and the number of acknowledgements so far.
 */
export function startWriter(
  load: Load,
  nodeArgs: readonly string[],
  onLine: (line: string, count: number) => void,
): KilledWriter {
  const args = [...nodeArgs, CHILD, JSON.stringify(load)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const found: Acknowledgement[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [level = '', id] = line.split(' ');
      if (id !== undefined) found.push({ level, id });
      onLine(line, found.length);
    }
  });
  const acknowledged = new Promise<readonly Acknowledgement[]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(found);
      else reject(new Error(`the writer ended by itself, with code ${code} and signal ${signal}`));
    });
  });
  return { process: child, acknowledged };
}
