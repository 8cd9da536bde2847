import { once } from 'node:events';
import type { CliContext } from './cli-context.ts';
import { printableJson } from './printable.ts';

/** Streams whose reader has gone. The process's own output stays `writable` after that: it is asked here. */
const broken = new WeakSet<NodeJS.WritableStream>();
const watched = new WeakSet<NodeJS.WritableStream>();

/** Whether somebody may still read what is printed. */
export function hasReader({ stdout }: CliContext): boolean {
  if (!watched.has(stdout)) {
    watched.add(stdout);
    stdout.on('error', () => broken.add(stdout));
  }
  return stdout.writable && !broken.has(stdout);
}

/** Writes one JSON line, and waits while its reader is slow. False when nobody reads any more. */
export async function printRecordLine(context: CliContext, record: unknown): Promise<boolean> {
  if (!hasReader(context)) return false;
  if (context.stdout.write(`${printableJson(record)}\n`)) return true;
  await Promise.race([once(context.stdout, 'drain'), once(context.stdout, 'close')]).catch(
    () => {},
  );
  return hasReader(context);
}
