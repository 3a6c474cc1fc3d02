-- release: give a live hold's stock back before its deadline.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
-- Replies:
--   RELEASED
--   NONE         there is no live hold: nothing was touched (a claim never is; a lapsed hold is the reaper's)
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local SECONDS_FORGIVEN = 60
local now = clock(ARGV[1])
local tool = tools()
local record = tool.read(ARGV[2])
if not record or not string.find(record.letter, '%d') or not tool.deadline(ARGV[2], now) then
  return {'NONE'}
end
tool.give_back(ARGV[2], record, now)
-- Keeping places from others and giving them back at the last moment is what lapsing is.
if now / 1000 - record.made > SECONDS_FORGIVEN then
  tool.note_lapse(record.buyers, now)
end
return {'RELEASED'}
