import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import type { CliContext } from './cli-context.ts';
import { usageError } from './cli-error.ts';

/** Longest file of public keys that is read, in bytes. */
const MAX_KEY_FILE_BYTES = 65_536;

/**
 * The bytes of a file that the command line names.
 * @param name the option or argument, for errors.
 * @throws {CliError} USAGE for a file that cannot be read or is longer than `maxBytes`.
 */
export async function readInputFile(
  context: CliContext,
  name: string,
  file: string,
  maxBytes: number,
): Promise<Buffer> {
  try {
    const handle = await open(resolve(context.cwd, file));
    try {
      const chunks: Buffer[] = [];
      // One byte beyond tells a longer file, and a device that never ends.
      for await (const chunk of handle.createReadStream({ end: maxBytes, autoClose: false })) {
        chunks.push(chunk as Buffer);
      }
      const bytes = Buffer.concat(chunks);
      if (bytes.length > maxBytes) throw new Error(`${file}: longer than ${maxBytes} bytes`);
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw usageError(`${name}: ${errorMessage(error)}`);
  }
}

/** The `vkey` lines of the file that `--key` names. @throws {CliError} USAGE for a file without one. */
export async function readKeyLines(context: CliContext, file: string): Promise<readonly string[]> {
  const text = (await readInputFile(context, '--key', file, MAX_KEY_FILE_BYTES)).toString();
  const { parseVerifierKey } = await import('@cortex-governance/evidence-writer');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0 || lines.some((line) => parseVerifierKey(line) === null)) {
    throw usageError(`--key: ${file} does not hold Ed25519 vkey lines alone`);
  }
  return lines;
}
