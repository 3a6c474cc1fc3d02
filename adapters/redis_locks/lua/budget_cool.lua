-- budget_cool: the provider refused a call for being one too many, so nobody calls until it has cooled down.
--
-- KEYS: cell
-- ARGV:
--   1 shift_ms     added to the server's clock (tests move time with it; otherwise 0)
--   2 least_us     how long the provider asked us to wait; 0: it did not say
--   3 burst_us     how far ahead of the even pace slots of this cell may run
--   4 first_us     the first cool-down; each that follows soon is twice as long
--   5 longest_us   the longest
--   6 forgotten_us after so long without another refusal the next one counts as the first
-- Replies:
--   COOLING us     how long nobody calls
-- Invariant: a cool-down is never shortened, and after it slots come at the even pace, without a burst.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local found = redis.call('HMGET', KEYS[1], 'full_at', 'cool_until', 'cool_step', 'cools')
local full_at = tonumber(found[1] or 0)
local cool_until = tonumber(found[2] or 0)
local step = tonumber(found[3] or 0)
local cools = tonumber(found[4] or 0)
local until_us = now + ARGV[2]
if now >= cool_until then
  if cools > 0 and now < cool_until + ARGV[6] then
    step = step + 1
  else
    step = 0
  end
  until_us = now + math.max(tonumber(ARGV[2]), math.min(tonumber(ARGV[5]), ARGV[4] * 2 ^ step))
end
redis.call('HINCRBY', KEYS[1], 'limited', 1)
if until_us > cool_until then
  cool_until = until_us
  redis.call('HSET', KEYS[1], 'full_at', string.format('%.0f', math.max(full_at, cool_until + ARGV[3])),
    'cool_until', string.format('%.0f', cool_until), 'cool_step', step, 'cools', cools + 1)
end
return {'COOLING', cool_until - now}
