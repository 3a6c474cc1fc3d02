-- release: give a live hold's stock back before its deadline.
--
-- KEYS: state seats owners deadlines ended feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
-- Replies:
--   RELEASED
--   NONE         there is no live hold: nothing was touched (a claim never is; a lapsed hold is the reaper's)
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local now = clock()
local record = redis.call('HGET', state, 'n:' .. ARGV[2])
if not record then
  return {'NONE'}
end
local kind, deadline, fingerprint, body = parse(record)
if kind ~= 'held' or tonumber(deadline) <= now then
  return {'NONE'}
end
tools().give_back(ARGV[2], kind, fingerprint, body, now)
return {'RELEASED'}
