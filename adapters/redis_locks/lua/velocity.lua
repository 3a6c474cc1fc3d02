-- velocity: count an order under one key, once, and say how many there were in the window.
--
-- KEYS: seen
-- ARGV:
--   1 shift_ms    added to the server's clock (tests move time with it; otherwise 0)
--   2 window_ms   how far back is counted
--   3 order       names what is counted; empty to count nothing and only look
-- Replies:
--   COUNT orders
-- Invariant: an order counts once, from when it was first said; what left the window is forgotten.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[1], 'NX', now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {'COUNT', redis.call('ZCARD', KEYS[1])}
