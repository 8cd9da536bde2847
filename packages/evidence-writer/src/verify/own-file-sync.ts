import { closeSync, fstatSync, opendirSync, openSync, readSync, statSync } from 'node:fs';
import { isMissing, OWN_FILE } from '../bounded-read.ts';

/**
 * The bytes of a regular file of at most `maxBytes`, in memory of their own; null when there is no such
 * file. The verifier's threads wait for nothing else, so they read without promises.
 * @throws {Error} for a link, a folder, a device, a longer file, and every failure to read.
 */
export function readBoundedSync(path: string, maxBytes: number): Buffer | null {
  const file = openOwnFileSync(path);
  if (file === null) return null;
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new Error('not a regular file');
    if (status.size > maxBytes) throw new Error(`${status.size} bytes, more than ${maxBytes}`);
    const bytes = Buffer.allocUnsafeSlow(status.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function openOwnFileSync(path: string): number | null {
  try {
    return openSync(path, OWN_FILE);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The names in a folder that a filter takes; none when there is no such folder. */
export function namesInSync(folder: string, takes: (name: string) => boolean): string[] {
  // Asked first: nearly always there is none, and an exception costs more than the whole rest.
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  const names: string[] = [];
  const entries = opendirSync(folder);
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (takes(entry.name)) names.push(entry.name);
    }
  } finally {
    entries.closeSync();
  }
  return names;
}
