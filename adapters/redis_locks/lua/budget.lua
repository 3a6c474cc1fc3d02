-- budget: book the next slot that a call of this urgency may have, if it is near enough (domain/pacing.py says why).
--
-- KEYS: endpoint everywhere
-- ARGV:
--   1 shift_ms        added to the server's clock (tests move time with it; otherwise 0)
--   2 urgency         live, settling or bulk
--   3 interval_us     between two slots of the endpoint
--   4 burst_us        how far ahead of the even pace its slots may run
--   5 tolerance_us    how far ahead calls of this urgency may run
--   6 all_interval_us like 3, for all endpoints together; 0: no limit
--   7 all_burst_us    like 4
--   8 all_tolerance_us like 5
--   9 turn_us         how long a lesser urgency waits for its turn to queue like a buyer
--   10 within_us      how far away a slot may be to be of use
--   11 waited_us      how long this caller has waited already, for the books
-- Replies:
--   SLOT us cools     booked: how far away it is (0 is now), and how many cool-downs there were so far
--   LATER us cools    not booked: ask again after so long
--   FULL us cools     not booked, and asking again within within_us is of no use
-- Invariant: within any time t no more than (t + burst_us) / interval_us + 1 calls to one endpoint begin, and a booked
-- slot is never given to somebody else.

local function remembered(key)
  local found = redis.call('HMGET', key, 'full_at', 'cools', 'turn_' .. ARGV[2])
  return tonumber(found[1] or 0), tonumber(found[2] or 0), tonumber(found[3] or 0)
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local within = tonumber(ARGV[10])
local full_at, cools, turn_at = remembered(KEYS[1])
local all_full_at, all_cools = remembered(KEYS[2])
local queue = math.max(0, full_at - now - ARGV[4], all_full_at - now - ARGV[7])
local wait = math.max(0, full_at - now - ARGV[5], all_full_at - now - ARGV[8])
local turn = math.max(0, turn_at - now)
if ARGV[2] == 'live' then
  turn = 0
end

if wait > 0 and (turn > 0 or queue > within) then
  local again = wait
  if turn > 0 then
    again = math.min(wait, turn)
  end
  if again > within then
    redis.call('HINCRBY', KEYS[1], 'refused_' .. ARGV[2], 1)
    return {'FULL', again, cools + all_cools}
  end
  return {'LATER', again, cools + all_cools}
end

local away = 0
if wait > 0 then
  away = queue
end
redis.call('HSET', KEYS[1], 'full_at', string.format('%.0f', math.max(now, full_at) + ARGV[3]),
  'turn_' .. ARGV[2], string.format('%.0f', now + ARGV[9]))
redis.call('HSET', KEYS[2], 'full_at', string.format('%.0f', math.max(now, all_full_at) + ARGV[6]))
redis.call('HINCRBY', KEYS[1], 'calls_' .. ARGV[2], 1)
redis.call('HINCRBY', KEYS[1], 'waited_us_' .. ARGV[2], string.format('%.0f', away + ARGV[11]))
return {'SLOT', away, cools + all_cools}
