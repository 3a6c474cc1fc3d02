-- find: a hold or claim as it is now.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
-- Replies:
--   HELD deadline_ms stamp tail extensions
--   CLAIMED deadline_ms stamp tail
--   NONE                       it lapsed, was given back, was sold, or never was
-- Invariant: reads only; what is past its deadline is not there, reaped or not.

local tool = tools()
local record = tool.read(ARGV[2])
local deadline = record and record.letter ~= 'o' and tool.deadline(ARGV[2], clock(ARGV[1]))
if not deadline then
  return {'NONE'}
elseif record.letter == 'c' then
  return {'CLAIMED', deadline, call('HGET', state, 'stamp'), record.tail}
end
return {'HELD', deadline, call('HGET', state, 'stamp'), record.tail, tonumber(record.letter)}
