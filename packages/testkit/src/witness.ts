import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { continuesTree, EMPTY_TREE_ROOT } from './tree-proof.ts';

/** Longest request that is read, in bytes. */
const MAX_BODY_BYTES = 65_536;

/** Most proof lines (C2SP tlog-witness). */
const MAX_PROOF_LINES = 63;

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** A tree head that a witness has cosigned. */
export interface WitnessedHead {
  readonly size: number;
  readonly root: string;
}

/** A witness that runs. */
export interface TestWitness {
  /** Its submission prefix. */
  readonly url: string;
  /** Its public key: a `vkey` line of type 0x04. */
  readonly vkey: string;
  /** The newest head of a log that it cosigned; null before the first. */
  head(origin: string): WitnessedHead | null;
  /** Statuses that it answered, in order. */
  readonly statuses: readonly number[];
  /** From now on answers with this status and body; null: as a witness does. */
  answerWith(answer: { readonly status: number; readonly body: string } | null): void;
  close(): Promise<void>;
}

/** A refusal: status and body. */
class Refusal {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;

  constructor(status: number, body: string, contentType = 'text/plain') {
    this.status = status;
    this.body = body;
    this.contentType = contentType;
  }
}

/**
 * Starts a small witness (C2SP tlog-witness, `add-checkpoint`) on a free port of this machine. It keeps what
 * it saw in memory, one request at a time.
 * @param logKeys `vkey` lines of the logs that it knows.
 */
export async function startWitness(
  logKeys: readonly string[],
  options: { readonly name?: string; readonly nowMs?: () => number } = {},
): Promise<TestWitness> {
  const { name = 'witness.example/w1', nowMs = Date.now } = options;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'der', type: 'spki' })).subarray(-32);
  const keyId = keyIdOf(name, 0x04, raw);
  const heads = new Map<string, WitnessedHead>();
  const statuses: number[] = [];
  let fixed: { readonly status: number; readonly body: string } | null = null;

  const cosign = (text: string): string => {
    const seconds = BigInt(Math.floor(nowMs() / 1000));
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(seconds);
    const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
    const signature = Buffer.concat([keyId, time, sign(null, message, privateKey)]);
    return `\u2014 ${name} ${signature.toString('base64')}\n`;
  };
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body, contentType }) => {
      statuses.push(status);
      response.writeHead(status, { 'content-type': contentType }).end(body);
    });
  });
  const answer = async (request: IncomingMessage): Promise<Refusal> => {
    if (fixed !== null) return new Refusal(fixed.status, fixed.body);
    if (request.url !== '/add-checkpoint') return new Refusal(404, 'no such call\n');
    if (request.method !== 'POST') return new Refusal(405, 'POST only\n');
    const body = await readBody(request);
    const text =
      body === null ? new Refusal(400, 'too long\n') : addCheckpoint(body, logKeys, heads);
    return text instanceof Refusal ? text : new Refusal(200, cosign(text));
  };
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    vkey: `${name}+${keyId.toString('hex')}+${Buffer.concat([Buffer.from([0x04]), raw]).toString('base64')}`,
    head: (origin) => heads.get(origin) ?? null,
    statuses,
    answerWith: (given) => {
      fixed = given;
    },
    close: () => closeServer(server),
  };
}

/** Checks a submission and remembers its head. Returns the checkpoint's text, to be cosigned. */
function addCheckpoint(
  body: string,
  logKeys: readonly string[],
  heads: Map<string, WitnessedHead>,
): string | Refusal {
  const end = body.indexOf('\n\n');
  const [oldLine = '', ...proofLines] = body.slice(0, Math.max(end, 0)).split('\n');
  const old = /^old (0|[1-9]\d{0,15})$/.exec(oldLine)?.[1];
  const proof = proofLines.map((line) => Buffer.from(line, 'base64'));
  const isEncoded = proof.every(
    (hash, i) => hash.length === 32 && hash.toString('base64') === proofLines[i],
  );
  if (end === -1 || old === undefined || !isEncoded || proof.length > MAX_PROOF_LINES) {
    return new Refusal(400, 'malformed request\n');
  }
  const oldSize = Number(old);
  const note = body.slice(end + 2);
  const split = note.lastIndexOf('\n\n');
  const text = note.slice(0, split + 1);
  const [origin = '', sizeLine = '', root = ''] = text.split('\n');
  if (split === -1 || !/^(0|[1-9]\d{0,15})$/.test(sizeLine) || origin === '') {
    return new Refusal(400, 'malformed checkpoint\n');
  }
  const keys = logKeys.filter((key) => key.startsWith(`${origin}+`));
  if (keys.length === 0) return new Refusal(404, 'unknown origin\n');
  if (!isSigned(text, note.slice(split + 2), keys))
    return new Refusal(403, 'no trusted signature\n');
  const size = Number(sizeLine);
  if (oldSize > size) return new Refusal(400, 'the old size is above the new one\n');
  const seen = heads.get(origin) ?? {
    size: 0,
    root: Buffer.from(EMPTY_TREE_ROOT).toString('base64'),
  };
  if (oldSize !== seen.size) return new Refusal(409, `${seen.size}\n`, 'text/x.tlog.size');
  if (!isContinued(seen, { size, root }, proof)) return new Refusal(422, 'not consistent\n');
  heads.set(origin, { size, root });
  return text;
}

function isContinued(old: WitnessedHead, next: WitnessedHead, proof: readonly Buffer[]): boolean {
  if (next.size === old.size) return next.root === old.root && proof.length === 0;
  if (old.size === 0) return proof.length === 0;
  const [from, to] = [Buffer.from(old.root, 'base64'), Buffer.from(next.root, 'base64')];
  return continuesTree(old.size, from, next.size, to, proof);
}

/** Whether one of the keys has signed, and none of its signatures is wrong. */
function isSigned(text: string, signatureLines: string, keys: readonly string[]): boolean {
  let found = false;
  for (const line of signatureLines.split('\n')) {
    const [, name = '', encoded = ''] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    const id = bytes.subarray(0, 4).toString('hex');
    const key = keys.find((known) => known.startsWith(`${name}+${id}+`));
    if (key === undefined) continue;
    if (!verify(null, Buffer.from(text), publicKeyOf(key), bytes.subarray(4))) return false;
    found = true;
  }
  return found;
}

function publicKeyOf(vkey: string): KeyObject {
  // The base64 of the key may hold a `+` of its own.
  const encoded = vkey.split('+').slice(2).join('+');
  const raw = Buffer.from(encoded, 'base64').subarray(1);
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}

function keyIdOf(name: string, type: number, raw: Uint8Array): Buffer {
  const hash = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([type]))
    .update(raw);
  return hash.digest().subarray(0, 4);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
