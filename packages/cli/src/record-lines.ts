import { once } from 'node:events';
import type { CliContext } from './cli-context.ts';
import { printableJson } from './printable.ts';

/** Writes one JSON line, and waits while its reader is slow. False when nobody reads any more. */
export async function printRecordLine(context: CliContext, record: unknown): Promise<boolean> {
  if (!context.stdout.writable) return false;
  if (context.stdout.write(`${printableJson(record)}\n`)) return true;
  await Promise.race([once(context.stdout, 'drain'), once(context.stdout, 'close')]).catch(
    () => {},
  );
  return context.stdout.writable;
}
