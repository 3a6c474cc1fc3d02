-- rate_limit: may one more pass? The generic cell rate algorithm (ITU-T I.371): one number a key, no window to keep.
--
-- KEYS: full_at
-- ARGV:
--   1 shift_ms     added to the server's clock (tests move time with it; otherwise 0)
--   2 interval_us  between two that pass at an even pace
--   3 burst_us     how far ahead of the even pace a burst may run, at least interval_us
-- Replies:
--   PASS
--   WAIT us        refused, not counted; the next may pass after so long
-- Invariant: within any time t no more than (t + burst_us) / interval_us pass.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local full_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0)) + ARGV[2]
local wait = full_at - ARGV[3] - now
if wait > 0 then
  return {'WAIT', wait}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {'PASS'}
