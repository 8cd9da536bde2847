import { type TileLevel, tilePath } from '../tile-path.ts';
import { LZ4_SUFFIX } from './archive-codec.ts';
import type { RetentionClass } from './retention.ts';

/** Digits of a size in a key, so that keys sort as numbers do: those of the largest safe integer. */
const SIZE_DIGITS = 16;

/** Prefix of signed checkpoints, by log; never expired. */
export const CHECKPOINTS = 'checkpoints';

/** Prefix of public keys and their endorsements, by log; never expired. */
export const KEYS = 'keys';

/** Prefix of hash tiles, by log; never expired. */
export const PROOFS = 'proofs';

/** What a log is called in keys: its origin with `%` codes, `@`, and the start of its first record's hash. */
export function archiveLogName(log: string): string {
  const split = log.lastIndexOf('#');
  const origin = encodeURIComponent(log.slice(0, split)).replace(/[!'()*~]/g, percentCode);
  return `${origin}@${log.slice(split + 1)}`;
}

/** The origin in a log's name; null when it is none. */
export function originOfName(name: string): string | null {
  try {
    return decodeURIComponent(name.slice(0, name.lastIndexOf('@')));
  } catch {
    return null;
  }
}

export function checkpointKey(name: string, size: number): string {
  return `${CHECKPOINTS}/${name}/${digits(size)}`;
}

export function keysKey(name: string, size: number): string {
  return `${KEYS}/${name}/${digits(size)}`;
}

export function tileKey(name: string, level: TileLevel, index: number): string {
  return `${PROOFS}/${name}/${tilePath(level, index)}`;
}

export function entriesKey(kept: RetentionClass, name: string, index: number): string {
  return `${kept}/${name}/${tilePath('entries', index)}`;
}

/** Key of the records behind the last full bundle of a checkpoint. */
export function edgeKey(kept: RetentionClass, name: string, size: number): string {
  return `${edgePrefix(kept, name)}${digits(size)}`;
}

export function edgePrefix(kept: RetentionClass, name: string): string {
  return `${kept}/${name}/edge/`;
}

/** The size at the end of a key, or null. */
export function sizeOfKey(key: string): number | null {
  const match = /\/(\d{16})(?:\.lz4)?$/.exec(key);
  return match === null ? null : Number(match[1]);
}

/** A key without the suffix that says how its content is encoded. */
export function plainKey(key: string): string {
  return key.endsWith(LZ4_SUFFIX) ? key.slice(0, -LZ4_SUFFIX.length) : key;
}

function digits(size: number): string {
  return String(size).padStart(SIZE_DIGITS, '0');
}

function percentCode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
