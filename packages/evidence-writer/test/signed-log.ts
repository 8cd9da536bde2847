import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A key that signs notes, made without the code under test. */
export interface TestKey {
  readonly name: string;
  readonly vkey: string;
  readonly privateKey: KeyObject;
  note(text: string): string;
}

export function makeKey(name: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
  const typed = Buffer.concat([Buffer.from([1]), raw]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
  return {
    name,
    privateKey,
    vkey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
    note: (text) => {
      const signature = sign(null, Buffer.from(text), privateKey);
      return `${text}\n— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
    },
  };
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Leaves of a tree for tests. */
export function makeLeaves(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => sha256(Buffer.from([0]), Buffer.from(String(i))));
}

function split(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

/** MTH of RFC 6962 section 2.1, word by word. */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  const [only] = leaves;
  if (leaves.length === 1 && only) return only;
  const k = split(leaves.length);
  return sha256(Buffer.from([1]), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** PATH of section 2.1.1, word by word. */
export function naivePath(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return index < k
    ? [...naivePath(index, left), naiveRoot(right)]
    : [...naivePath(index - k, right), naiveRoot(left)];
}

/** PROOF and SUBPROOF of section 2.1.2, word by word. */
export function naiveConsistency(size: number, leaves: readonly Buffer[], whole = true): Buffer[] {
  if (size === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return size <= k
    ? [...naiveConsistency(size, left, whole), naiveRoot(right)]
    : [...naiveConsistency(size - k, right, false), naiveRoot(left)];
}

/** Writes the hash tiles of a tree and its signed checkpoint, as C2SP tlog-tiles says; no records. */
export async function writeTiles(
  folder: string,
  leaves: readonly Buffer[],
  key: TestKey,
): Promise<void> {
  let row = leaves;
  for (let level = 0; row.length > 0; level += 1) {
    const above: Buffer[] = [];
    for (let start = 0; start < row.length; start += 256) {
      const tile = row.slice(start, start + 256);
      if (tile.length === 256) above.push(naiveRoot(tile));
      const index = String(start / 256).padStart(3, '0');
      const partial = tile.length === 256 ? '' : `.p/${tile.length}`;
      const file = join(folder, 'tile', String(level), `${index}${partial}`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, Buffer.concat(tile));
    }
    row = above;
  }
  const root = naiveRoot(leaves).toString('base64');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'checkpoint'), key.note(`${key.name}\n${leaves.length}\n${root}\n`));
  await writeFile(`${folder}.vkey`, `${key.vkey}\n`);
}
