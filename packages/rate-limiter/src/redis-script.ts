import { createHash } from 'node:crypto';

/** A script that the store runs, and the digest by which it is known once loaded. */
export interface RedisScript {
  readonly source: string;
  /** SHA-1 of the source in hex, as EVALSHA takes it. */
  readonly sha1: string;
}

/** SHA-1 names the script, nothing more: EVALSHA knows no other digest. */
export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** The store's time in microseconds as `now`, and `text` for integers that tostring() would round. */
export const SCRIPT_HEAD = `
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local key = KEYS[1]
`;

/**
 * Client records of a key above which those without effect are removed; so many live ones are kept
 * without a second look.
 */
export const CLIENT_RECORDS = 256;
