-- snapshot: all free stock at one moment.
--
-- KEYS: state seats feed
-- ARGV: none
-- Replies:
--   STOCK change_id seat_states [pool, …] [free, …]   change_id is "<epoch>-<change>"
--   NONE                                              nothing is loaded
-- Invariant: reads only; pools and seats belong to the same change.

local pools = redis.call('HGET', KEYS[1], 'pools')
if not pools then
  return {'NONE'}
end
pools = cjson.decode(pools)
local free = redis.call('HMGET', KEYS[1], unpack(pools))
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return {'STOCK', newest[1][1], redis.call('GET', KEYS[2]) or '', pools, free}
