import { join } from 'node:path';
import { MAX_ENDORSEMENTS_BYTES } from '../keys/key-endorsement.ts';
import { KEY_ENDORSEMENTS_FILE, keyFileOf, MAX_KEY_FILE_BYTES } from '../log-layout.ts';
import { readLogFile } from '../read-log-file.ts';

/** The public key of a log, and how older keys name their successors. */
export interface LogKeys {
  readonly vkey: string;
  /** Empty when the key was never changed. */
  readonly endorsements: string;
}

export async function readLogKeys(folder: string): Promise<LogKeys> {
  const vkey = await readLogFile(keyFileOf(folder), MAX_KEY_FILE_BYTES);
  const file = join(folder, KEY_ENDORSEMENTS_FILE);
  const endorsements = await readLogFile(file, MAX_ENDORSEMENTS_BYTES);
  return { vkey: vkey?.toString() ?? '', endorsements: endorsements?.toString() ?? '' };
}

export function encodeLogKeys({ vkey, endorsements }: LogKeys): Buffer {
  return Buffer.from(JSON.stringify({ endorsements, vkey }));
}

/** Null for what {@link encodeLogKeys} did not write. */
export function decodeLogKeys(bytes: Buffer): LogKeys | null {
  try {
    const { vkey, endorsements } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    return typeof vkey === 'string' && typeof endorsements === 'string'
      ? { vkey, endorsements }
      : null;
  } catch {
    return null;
  }
}
