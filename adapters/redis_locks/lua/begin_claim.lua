-- begin_claim: an order is being placed for this hold; keep its stock until Postgres speaks or the net ends.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms      added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce         names the hold
--   3 until_ms      Unix time at which the stock comes back if nothing is heard
--   4 buyer_count   what is known of the buyer only now
--   5… buyer fields, then by buyer the most tickets
-- Replies:
--   CLAIMED deadline_ms stamp tail   also when it was claimed before (the later end is kept)
--   LIMIT place taken                so many tickets has this one of the new buyers (from 1) already
--   OVER                             too late, or never held
-- Invariant: a claim takes no stock, it only renames who decides its end; whom it counts under is in its record.

local now = clock(ARGV[1])
local tool = tools()
local nonce, ends, buyer_count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local record = tool.read(nonce)
local deadline = record and record.letter ~= 'o' and tool.deadline(nonce, now)
if not deadline then
  return {'OVER'}
end
local units = cjson.decode(record.body).units
local joining = {}
for place = 1, buyer_count do
  local field = ARGV[4 + place]
  if not string.find(' ' .. record.buyers .. ' ', ' ' .. field .. ' ', 1, true) then
    local number = tonumber(string.match(call('HGET', state, field) or '0', '^%d+'))
    local taken = math.floor(number / TICKET)
    if taken + units > tonumber(ARGV[4 + buyer_count + place]) then
      return {'LIMIT', place, taken}
    end
    joining[#joining + 1] = field
  end
end
-- A server with a full memory refuses a script at its first write or not at all, and never this one: who holds
-- something can still buy it.
call('ZREM', deadlines, nonce)
if record.letter == 'c' then
  ends = math.max(ends, deadline)
else
  tool.count(record.buyers, 0, -1, 0)
end
local more = table.concat(joining, ' ')
tool.count(more, units, 0, 0)
local buyers = record.buyers .. (more ~= '' and record.buyers ~= '' and ' ' or '') .. more
local tail = buyers .. '\n' .. record.body .. '\n' .. record.picks
call('HSET', state, nonce, 'c' .. string.format('%010d', record.made) .. record.print .. tail)
call('ZADD', deadlines, ends, nonce)
tool.note_deadline(ends)
return {'CLAIMED', ends, call('HGET', state, 'stamp'), tail}
