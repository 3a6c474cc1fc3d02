-- snapshot: all free stock at one moment.
--
-- KEYS: state seats
-- ARGV: none
-- Replies:
--   STOCK epoch change seat_states [pool, …] [free, …]
--   NONE              nothing is loaded
-- Invariant: reads only; pools and seats belong to the same change.

local known = redis.call('HMGET', KEYS[1], 'epoch', 'change', 'pools')
if not known[1] then
  return {'NONE'}
end
local pools = cjson.decode(known[3])
local free = redis.call('HMGET', KEYS[1], unpack(pools))
return {'STOCK', tonumber(known[1]), tonumber(known[2]), redis.call('GET', KEYS[2]) or '', pools, free}
