-- find: a hold or claim as it is now.
--
-- KEYS: state
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
-- Replies:
--   HELD deadline_ms body
--   CLAIMED deadline_ms body
--   NONE                       it lapsed, was given back, was sold, or never was
-- Invariant: reads only; what is past its deadline is not there, reaped or not.

local record = redis.call('HGET', KEYS[1], 'n:' .. ARGV[2])
if not record then
  return {'NONE'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local kind, deadline, body = string.match(record, '^(%a+) (%d+) %S* (.*)$')
deadline = tonumber(deadline)
if kind == 'over' or deadline <= now then
  return {'NONE'}
elseif kind == 'claimed' then
  return {'CLAIMED', deadline, body}
end
return {'HELD', deadline, body}
