-- begin_claim: an order is being placed for this hold; keep its stock until Postgres speaks or the net ends.
--
-- KEYS: state seats owners deadlines ended feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 nonce      names the hold
--   3 until_ms   Unix time at which the stock comes back if nothing is heard
-- Replies:
--   CLAIMED deadline_ms body   also when it was claimed before (the later end is kept)
--   OVER                       too late, or never held
-- Invariant: a claim takes no stock, it only renames who decides its end.

local now = clock()
local record = redis.call('HGET', state, 'n:' .. ARGV[2])
if not record then
  return {'OVER'}
end
local kind, deadline, fingerprint, body = parse(record)
deadline = tonumber(deadline)
if kind == 'over' or deadline <= now then
  return {'OVER'}
end
local ends = tonumber(ARGV[3])
if kind == 'held' then
  tools().count_buyer(cjson.decode(body).buyer[1], 0, -1)
elseif deadline > ends then
  ends = deadline
end
redis.call('HSET', state, 'n:' .. ARGV[2], 'claimed ' .. ends .. ' ' .. fingerprint .. ' ' .. body)
redis.call('ZADD', deadlines, ends, ARGV[2])
note_deadline(redis.call('HGET', state, 'due'), ends)
return {'CLAIMED', ends, body}
