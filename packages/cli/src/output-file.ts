import { open, readFile } from 'node:fs/promises';
import { CliError } from './cli-error.ts';

/**
 * Writes a file that is not there yet, durably. One that has this content already is left as it is.
 * @throws {CliError} FAULT when it is there with other content: what was kept is not replaced.
 */
export async function writeOnce(file: string, content: string | Uint8Array): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((await readFile(file)).equals(Buffer.from(content))) return;
    throw new CliError('FAULT', `${file} is there with other content; name another with --out`);
  }
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
