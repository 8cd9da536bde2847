import { redisScript, SCRIPT_HEAD } from './redis-script.ts';

/*
 * Concurrency. The hash holds for each client the number of its last call, its permits, and when they end.
 *
 * A client starts calls only within `renew` after its permits were renewed, and a call ends `leaseMs`
 * after its start at the latest; permits last for both together (`ttl`). So the permits that have not ended
 * cover every call that runs, also those of a client that is cut off or dead.
 *
 * ARGV: limit, ttl (microseconds), renew (microseconds), 0, client, call number, need, want (permits in
 * all), calls that run, and permits that are held: more than run, and kept while they have not ended.
 * Reply: permits, now, microseconds in which calls may start, microseconds until permits of others end (0: none),
 * permits that are left.
 */
export const PERMIT_SCRIPT = redisScript(`${SCRIPT_HEAD}
local limit, ttl, renew = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local field, seq = 'c' .. ARGV[5], tonumber(ARGV[6])
local need, want, used = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local kept = used
local all = redis.call('HGETALL', key)
local others, first = 0, 0
local dead = {}
for i = 1, #all, 2 do
  local seen, permits, ends = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
  seen, permits, ends = tonumber(seen), tonumber(permits), tonumber(ends)
  if all[i] == field then
    if seen > seq then return '0 0 0 0 0' end
    if ends > now then kept = math.max(used, math.min(permits, tonumber(ARGV[10]))) end
  elseif ends <= now then
    dead[#dead + 1] = all[i]
  else
    others = others + permits
    if first == 0 or ends < first then first = ends end
  end
end
if #dead > 0 then redis.call('HDEL', key, unpack(dead, 1, math.min(#dead, 1000))) end
local permits = kept
if limit - others >= need then permits = math.max(kept, math.min(want, limit - others)) end
if permits > 0 then
  redis.call('HSET', key, field, text(seq) .. ' ' .. text(permits) .. ' ' .. text(now + ttl))
  local lasting = math.ceil(ttl / 1000) + 1000
  if redis.call('PTTL', key) < lasting then redis.call('PEXPIRE', key, text(lasting)) end
else
  redis.call('HDEL', key, field)
end
local wait = 0
if permits < need and first > 0 then wait = first - now end
return text(permits) .. ' ' .. text(now) .. ' ' .. text(renew) .. ' ' .. text(wait)
  .. ' ' .. text(math.max(0, limit - others - permits))
`);
