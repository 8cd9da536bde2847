import { forgetClients, redisScript, SCRIPT_HEAD } from './redis-script.ts';

/*
 * GCRA. The hash holds the theoretical arrival time `t` in microseconds, the gap between units and the time
 * for which it holds, and for each client the number of its last call, when that was granted and how much.
 * A gap that changes keeps the level in units; a clock that steps back takes the level along.
 *
 * A grant is used within `lease` after it, so what is used in a stretch of windowMs was granted in one of
 * windowMs + lease = `period`; at one unit each period / limit, that is at most limit + burst.
 *
 * What is returned may have drained in the meantime, so it counts less by one unit for each gap since the
 * grant: the bucket is then never emptier than had the grant not been made.
 *
 * ARGV: limit, lease (microseconds), period (microseconds), burst, client, call number, need, want, 0,
 * then pairs of grant time and units that are returned. Reply: as of the window script, the time of the
 * grant in place of the sub-window.
 */
export const GCRA_SCRIPT = redisScript(`${SCRIPT_HEAD}
local limit, lease, period, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local field, seq = 'c' .. ARGV[5], tonumber(ARGV[6])
local need, want = tonumber(ARGV[7]), tonumber(ARGV[8])
local gap = period / limit
local held = redis.call('HMGET', key, 't', 'p', field, 'gap', 'now')
local tat = tonumber(held[1] or '0')
if held[5] then tat = tat + math.min(0, now - tonumber(held[5])) end
if held[4] and tat > now and tonumber(held[4]) ~= gap then
  tat = math.ceil(now + (tat - now) / tonumber(held[4]) * gap)
end
local granted, mark, fresh = 0, now, true
local seen, seenMark, seenGrant
if held[3] then
  seen, seenMark, seenGrant = string.match(held[3], '^(%d+) (%d+) (%d+)$')
  seen, seenMark, seenGrant = tonumber(seen), tonumber(seenMark), tonumber(seenGrant)
  if seen > seq then return '0 0 0 0 0' end
  fresh = seen < seq
end
local function giveBack(at, units)
  local credit = units * gap - math.max(0, now - at)
  if credit > 0 then tat = math.ceil(tat - credit) end
end
if fresh then
  for i = 10, #ARGV, 2 do giveBack(tonumber(ARGV[i]), tonumber(ARGV[i + 1])) end
elseif now - seenMark < lease then
  granted, mark = seenGrant, seenMark
else
  giveBack(seenMark, seenGrant)
end
local function free() return math.floor(burst - math.max(0, tat - now) / gap) end
if granted == 0 and want > 0 and free() >= need then
  mark = now
  granted = math.min(want, free())
  tat = math.ceil(math.max(tat, now) + granted * gap)
end
local wait = 0
if granted < want then wait = math.ceil(math.max(0, tat - now) - (burst - need) * gap) end
redis.call('HSET', key, 't', text(tat), 'gap', string.format('%.17g', gap), 'now', text(now), field, text(seq) .. ' ' .. text(mark) .. ' ' .. text(granted))
if now - tonumber(held[2] or '0') > 1000000 then
  redis.call('HSET', key, 'p', text(now))
  ${forgetClients('0', 'now - lease')}
end
redis.call('PEXPIRE', key, text(math.ceil((math.max(0, tat - now) + 2 * lease) / 1000) + 1000))
local usable = math.max(0, math.min(lease, mark + lease - now))
return text(granted) .. ' ' .. text(mark) .. ' ' .. text(usable) .. ' ' .. text(math.max(0, wait))
  .. ' ' .. text(math.max(0, free()))
`);
