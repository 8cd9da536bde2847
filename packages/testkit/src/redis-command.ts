import { connect } from 'node:net';

/** An error reply of the server. */
export class RedisReplyError extends Error {}

/** Longest wait for the reply of a command, in milliseconds. */
const REPLY_TIMEOUT_MS = 10_000;

/**
 * Sends one command over a connection of its own, and gives the reply (RESP2): for tests that look into a
 * store or change it, without a client.
 * @throws {RedisReplyError} an error reply.
 */
export function redisCommand(port: number, args: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    socket.setTimeout(REPLY_TIMEOUT_MS, () => socket.destroy(new Error('no reply from redis')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('redis closed the connection')));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const reply = parseReply(received, 0);
      if (reply === null) return;
      socket.destroy();
      if (reply.value instanceof RedisReplyError) reject(reply.value);
      else resolve(reply.value);
    });
    socket.write(encodeCommand(args));
  });
}

function encodeCommand(args: readonly string[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${parts.join('')}`;
}

interface Parsed {
  readonly value: unknown;
  readonly end: number;
}

/** The reply that starts at `start`; null while it is incomplete. */
function parseReply(bytes: Buffer, start: number): Parsed | null {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return null;
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { value: line, end };
    case '-':
      return { value: new RedisReplyError(line), end };
    case ':':
      return { value: Number(line), end };
    case '$':
      return parseBulk(bytes, end, Number(line));
    case '*':
      return parseArray(bytes, end, Number(line));
    default:
      return { value: new RedisReplyError(`unknown reply ${line}`), end };
  }
}

function parseBulk(bytes: Buffer, start: number, length: number): Parsed | null {
  if (length < 0) return { value: null, end: start };
  const end = start + length;
  return bytes.length < end + 2
    ? null
    : { value: bytes.toString('utf8', start, end), end: end + 2 };
}

function parseArray(bytes: Buffer, start: number, count: number): Parsed | null {
  const value: unknown[] = [];
  let end = start;
  for (let index = 0; index < count; index += 1) {
    const item = parseReply(bytes, end);
    if (item === null) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
