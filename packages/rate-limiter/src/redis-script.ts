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
const CLIENT_RECORDS = 256;

/**
 * Removes the records of clients whose last grant counts no more; the client's own is `field`. A record is
 * a number, the mark of the grant, and the units of it.
 * @param others Lua for how many fields besides clients' records a key may hold.
 * @param oldest Lua for the latest mark that counts no more.
 */
export function forgetClients(others: string, oldest: string): string {
  return `if redis.call('HLEN', key) > ${others} + ${CLIENT_RECORDS} then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 1) == 'c' and all[i] ~= field then
        local old = tonumber(string.match(all[i + 1], '^%d+ (%d+)'))
        if old <= ${oldest} then redis.call('HDEL', key, all[i]) end
      end
    end
  end`;
}
