-- account: all stock at one moment and who has it, to be compared with Postgres.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 live_max   more live holds and claims than these are not gone through: it would keep everybody else waiting
-- Replies:
--   ACCOUNT change_id seat_states [pool, …] [free, …] [held, …] [[nonce, "units pool", …], …] [stray seat, …]
--                     held: units of live holds, by pool; a list for each claim; seats held by nobody
--   BUSY change_id seat_states [pool, …] [free, …]
--   NONE              nothing is loaded
-- Invariant: reads only; a lapsed hold has its stock until it is given back.

local live_max = tonumber(ARGV[1])
local tool = tools()
local pools = call('HGET', state, 'pools')
if not pools then
  return {'NONE'}
end
pools = cjson.decode(pools)
local free = call('HMGET', state, unpack(pools))
local change_id = call('XREVRANGE', feed, '+', '-', 'COUNT', 1)[1][1]
local states = call('GET', seats) or ''
if call('ZCOUNT', deadlines, 0, '+inf') > live_max then
  return {'BUSY', change_id, states, pools, free}
end

local held, claims, owned = {}, {}, {}
for _, nonce in ipairs(tool.owners()) do
  local record = tool.read(nonce)
  if record then
    local _, taken, indexes = tool.owned(record)
    for _, index in ipairs(indexes) do
      owned[index] = true
    end
    if record.letter == 'c' then
      local claim = {nonce}
      for pool, count in pairs(taken) do
        claim[#claim + 1] = count .. ' ' .. pool
      end
      claims[#claims + 1] = claim
    else
      for pool, count in pairs(taken) do
        held[pool] = (held[pool] or 0) + count
      end
    end
  end
end
local held_by_place, strays = {}, {}
for place, pool in ipairs(pools) do
  held_by_place[place] = held[pool] or 0
end
for place in string.gmatch(states, '()h') do
  if not owned[place - 1] then
    strays[#strays + 1] = place - 1
  end
end
return {'ACCOUNT', change_id, states, pools, free, held_by_place, claims, strays}
