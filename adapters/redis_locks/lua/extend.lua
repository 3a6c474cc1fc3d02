-- extend: a buyer who is still choosing gets more time, so often and no longer than the sale's terms say.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms         added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce            names the hold
--   3 number           which extension this is, from 1, so that a retry is not a second one
--   4 hold_ms          how much an extension adds to the deadline
--   5 cap_ms           how long one may last with all its extensions
--   6 extensions_max
-- Replies:
--   EXTENDED deadline_ms stamp tail extensions   also when this extension was given before
--   NO_MORE deadline_ms                          used up, or the cap is reached, or the one before was never given
--   CLAIMED                                      its order is being placed or paid
--   OVER                                         too late, or never held
-- Invariant: a deadline never moves back, and never past the cap.

local now = clock(ARGV[1])
local tool = tools()
local nonce, number = ARGV[2], tonumber(ARGV[3])
local record = tool.read(nonce)
local deadline = record and record.letter ~= 'o' and tool.deadline(nonce, now)
if not deadline then
  return {'OVER'}
elseif record.letter == 'c' then
  return {'CLAIMED'}
end
local used = tonumber(record.letter)
if number > used then
  local later = math.min(deadline + ARGV[4], record.made * 1000 + ARGV[5])
  if number > used + 1 or used >= tonumber(ARGV[6]) or later <= deadline then
    return {'NO_MORE', deadline}
  end
  used, deadline = used + 1, later
  call('HSET', state, nonce, used .. string.format('%010d', record.made) .. record.print .. record.tail)
  call('ZADD', deadlines, deadline, nonce)
end
return {'EXTENDED', deadline, call('HGET', state, 'stamp'), record.tail, used}
