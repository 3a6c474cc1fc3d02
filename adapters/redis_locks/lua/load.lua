-- load: replace everything known about a sale by the stock that Postgres knows.
--
-- KEYS: state seats owners deadlines ended feed rows settled
-- ARGV:
--   1 epoch         of the stock, higher than what is there
--   2 version       of the sale
--   3 seat_states   one character a seat; may be empty
--   4 pool_count
--   5 zone_count
--   6 claim_count
--   7… pools (name, free), then zones with rows (pool, plan), then claims (nonce, until_ms, body), then buyers
--      (device, units); a plan is "<first seat> <last seat> <first>,<count> <first>,<count> …", best row first
-- Replies:
--   LOADED
--   KNOWN           the stock is of this epoch or a later one: nothing was touched
-- Invariant: no record, owner, count or settlement of an older epoch survives.

local epoch = tonumber(redis.call('HGET', state, 'epoch') or 0)
if epoch >= tonumber(ARGV[1]) then
  return {'KNOWN'}
end
local rows = KEYS[7]
redis.call('DEL', unpack(KEYS))
if ARGV[3] ~= '' then
  redis.call('SET', seats, ARGV[3])
end
local argument = 7
local pools = {}
for place = 1, tonumber(ARGV[4]) do
  pools[place] = ARGV[argument]
  redis.call('HSET', state, ARGV[argument], ARGV[argument + 1])
  argument = argument + 2
end
redis.call('HSET', state, 'epoch', ARGV[1], 'version', ARGV[2], 'change', 0, 'pools', cjson.encode(pools))
for _ = 1, tonumber(ARGV[5]) do
  redis.call('HSET', rows, ARGV[argument], ARGV[argument + 1])
  argument = argument + 2
end
local due
for _ = 1, tonumber(ARGV[6]) do
  local nonce, until_ms, body = ARGV[argument], ARGV[argument + 1], ARGV[argument + 2]
  redis.call('HSET', state, 'n:' .. nonce, 'claimed ' .. until_ms .. ' - ' .. body)
  redis.call('ZADD', deadlines, until_ms, nonce)
  due = math.min(due or tonumber(until_ms), until_ms)
  for _, index in ipairs(cjson.decode(body).seats) do
    redis.call('HSET', owners, index, nonce)
  end
  argument = argument + 3
end
if due then
  note_deadline(nil, due)
end
for place = argument, #ARGV, 2 do
  redis.call('HSET', state, 'b:' .. ARGV[place], ARGV[place + 1] * TICKET)
end
redis.call('XADD', feed, ARGV[1] .. '-0', 'loaded', ARGV[2])
return {'LOADED'}
