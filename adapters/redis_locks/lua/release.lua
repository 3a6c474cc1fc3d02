-- release: give a live hold's stock back before its deadline.
--
-- KEYS: meta seats holds owners deadlines ended buyers feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
-- Replies:
--   RELEASED
--   NONE         there is no live hold: nothing was touched (a claim never is; a lapsed hold is the reaper's)
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local now = clock(ARGV[1])
local record = redis.call('HGET', holds, ARGV[2])
if not record then
  return {'NONE'}
end
local state, deadline, fingerprint, body = parse(record)
if state ~= 'held' or tonumber(deadline) <= now then
  return {'NONE'}
end
give_back(ARGV[2], state, fingerprint, body, now)
return {'RELEASED'}
