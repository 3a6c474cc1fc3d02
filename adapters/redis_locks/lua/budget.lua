-- budget: book the next free slot, unless it is too far away for the caller.
--
-- KEYS: full_at
-- ARGV:
--   1 shift_ms     added to the server's clock (tests move time with it; otherwise 0)
--   2 interval_us  between two slots
--   3 burst_us     how far ahead of the even pace slots may run after a pause
--   4 within_us    how far away a slot may be to be of use
-- Replies:
--   SLOT us        how far away the slot is; 0 is now; booked unless that is further than within_us
-- Invariant: no two callers get the same slot; within any time t no more than (t + burst_us) / interval_us + 1 begin.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local full_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local away = math.max(0, full_at - now - ARGV[3])
if away <= tonumber(ARGV[4]) then
  redis.call('SET', KEYS[1], string.format('%.0f', full_at + ARGV[2]),
    'PX', math.ceil((full_at + ARGV[2] - now) / 1000))
end
return {'SLOT', away}
