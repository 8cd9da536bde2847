import { forgetClients, redisScript, SCRIPT_HEAD } from './redis-script.ts';

/*
 * Windows and budgets. The hash holds units by the sub-window in which they were granted, their sum, the
 * last sub-window, and for each client the number of its last call and what that was granted.
 *
 * A grant of sub-window b is used in b or in b + 1. A stretch of windowMs touches at most
 * ceil(windowMs / size) + 1 sub-windows, so what is used in it was granted in at most `span` =
 * ceil(windowMs / size) + 2 sub-windows in a row; and no such row ever holds more than the limit.
 *
 * ARGV: limit, size (microseconds), span, 0, client, call number, need, want, debt, then pairs of
 * sub-window and units that are returned. A call that is repeated under its number is done once.
 * Reply: granted, sub-window, microseconds the grant can be used, microseconds until `need` could be had,
 * units that are left.
 */
export const WINDOW_SCRIPT = redisScript(`${SCRIPT_HEAD}
local limit, size, span = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local field, seq = 'c' .. ARGV[5], tonumber(ARGV[6])
local need, want, debt = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local index = math.floor(now / size)
local held = redis.call('HMGET', key, 'sum', 'last', field)
local sum, last = tonumber(held[1] or '0'), tonumber(held[2] or '-1')
local granted, mark, fresh = 0, index, true
local seen, seenMark, seenGrant
if held[3] then
  seen, seenMark, seenGrant = string.match(held[3], '^(%d+) (%d+) (%d+)$')
  seen, seenMark, seenGrant = tonumber(seen), tonumber(seenMark), tonumber(seenGrant)
  if seen > seq then return '0 0 0 0 0' end
  fresh = seen < seq
end
if last > index then
  if last - index < span then
    index = last
  else
    redis.call('DEL', key)
    redis.call('HSET', key, text(index), text(sum))
  end
elseif last >= 0 and last < index then
  local gone = {}
  for i = last - span + 1, math.min(last, index - span) do gone[#gone + 1] = text(i) end
  if #gone > 0 then
    for _, units in ipairs(redis.call('HMGET', key, unpack(gone))) do
      sum = sum - tonumber(units or '0')
    end
    redis.call('HDEL', key, unpack(gone))
  end
  ${forgetClients('span', 'index - span')}
end
local function giveBack(at, units)
  if at <= index - span or at > index then return end
  local there = tonumber(redis.call('HGET', key, text(at)) or '0')
  local less = math.min(units, there)
  if less > 0 then
    redis.call('HINCRBY', key, text(at), text(-less))
    sum = sum - less
  end
end
if fresh then
  for i = 10, #ARGV, 2 do giveBack(tonumber(ARGV[i]), tonumber(ARGV[i + 1])) end
elseif seenMark >= index - 1 then
  granted, mark, debt = seenGrant, seenMark, 0
else
  giveBack(seenMark, seenGrant)
  debt = 0
end
local booked = debt
sum = sum + debt
if granted == 0 and want > 0 and limit - sum >= need then
  mark = index
  granted = math.min(want, limit - sum)
  sum = sum + granted
  booked = booked + granted
end
if booked > 0 then redis.call('HINCRBY', key, text(index), text(booked)) end
local wait = 0
local short = need - (limit - sum)
if granted < want and short > 0 then
  local names = {}
  for i = index - span + 1, index do names[#names + 1] = text(i) end
  wait = span * size
  for i, units in ipairs(redis.call('HMGET', key, unpack(names))) do
    short = short - tonumber(units or '0')
    if short <= 0 then
      wait = (index + i) * size - now
      break
    end
  end
end
redis.call('HSET', key, 'sum', text(sum), 'last', text(index),
  field, text(seq) .. ' ' .. text(mark) .. ' ' .. text(granted))
redis.call('PEXPIRE', key, text(math.ceil((span + 2) * size / 1000)))
local usable = math.max(0, math.min(2 * size, (mark + 2) * size - now))
return text(granted) .. ' ' .. text(mark) .. ' ' .. text(usable) .. ' ' .. text(math.max(0, wait))
  .. ' ' .. text(math.max(0, limit - sum))
`);
