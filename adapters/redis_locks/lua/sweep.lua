-- sweep: return lapsed holds and claims to sale without any traffic, and forget the ids of long-ended ones.
--
-- KEYS: state seats owners deadlines ended feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 at_most    how many to return
-- Replies:
--   SWEPT count  how many were returned
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local now = clock()
local count = tools().reap(now, ARGV[2])
local forgotten = redis.call('ZRANGEBYSCORE', ended, '-inf', now, 'LIMIT', 0, ARGV[2])
if #forgotten > 0 then
  local fields = {}
  for place, nonce in ipairs(forgotten) do
    fields[place] = 'n:' .. nonce
  end
  redis.call('HDEL', state, unpack(fields))
  redis.call('ZREM', ended, unpack(forgotten))
end
return {'SWEPT', count}
