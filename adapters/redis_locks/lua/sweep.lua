-- sweep: return lapsed holds and claims to sale without any traffic, and forget the ids of long-ended ones.
--
-- KEYS: meta seats holds owners deadlines ended buyers feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 at_most    how many to return
-- Replies:
--   SWEPT count  how many were returned
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local now = clock(ARGV[1])
local count = reap(now, ARGV[2])
local forgotten = redis.call('ZRANGEBYSCORE', ended, '-inf', now, 'LIMIT', 0, ARGV[2])
if #forgotten > 0 then
  redis.call('HDEL', holds, unpack(forgotten))
  redis.call('ZREM', ended, unpack(forgotten))
end
return {'SWEPT', count}
