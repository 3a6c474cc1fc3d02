-- load: replace everything known about a sale by the stock that Postgres knows, and keep the live holds that still fit.
--
-- KEYS: state seats deadlines feed settled
-- ARGV:
--   1 shift_ms      added to the server's clock (tests move time with it; otherwise 0)
--   2 epoch         of the stock, higher than what is there
--   3 version       of the sale
--   4 seat_states   one character a seat; may be empty
--   5 pool_count
--   6 plan_count
--   7 special_count
--   8 claim_count
--   9… pools (name, free), then rows (field, plan), then special seats (index, letter when free), then claims (nonce,
--      until_ms, tail), then buyers (field, units)
-- Replies:
--   LOADED kept dropped   how many live holds were kept, and how many met stock that is gone
--   KNOWN                 the stock is of this epoch or a later one: nothing was touched
-- Invariant: afterwards what Postgres has taken is not free, and nothing is anybody's but by a record. A claim that
-- Postgres does not know is an order that was just being placed or has just ended: it is kept for a minute. One that it
-- does know is kept for ten at least, however late it is.

local UNKNOWN_CLAIM_MS = 60000
local KNOWN_CLAIM_MS = 600000
local REMEMBERED = 5000
local BUYERS_AT_ONCE = 1000
local settled = KEYS[5]
local now = clock(ARGV[1])
local tool = tools()
local stamp = call('HGET', state, 'stamp')
if stamp and tonumber(string.match(stamp, '^%d+')) >= tonumber(ARGV[2]) then
  return {'KNOWN'}
end

local survivors = {}
local live = call('ZRANGEBYSCORE', deadlines, '(' .. string.format('%d', now), '+inf', 'WITHSCORES')
for place = 1, #live, 2 do
  local nonce, deadline = live[place], tonumber(live[place + 1])
  local record = tool.read(nonce)
  if record then
    if record.letter == 'c' then
      deadline = math.min(deadline, now + UNKNOWN_CLAIM_MS)
    end
    survivors[#survivors + 1] = {nonce, record, deadline}
  end
end

-- What is remembered for a while, the newest of it: ids of holds that are over, and who let holds lapse.
local remembered = {}
local memories = call('ZRANGEBYSCORE', deadlines, '-inf', string.format('%d', -now), 'WITHSCORES', 'LIMIT', 0, REMEMBERED)
for place = 1, #memories, 2 do
  local kind, field = string.match(memories[place], '^(.)(.*)$')
  local text = call('HGET', state, field)
  if text then
    remembered[#remembered + 1] = {kind, field, text, memories[place + 1]}
  end
end

call('DEL', state, seats, deadlines, feed, settled)
if ARGV[4] ~= '' then
  call('SET', seats, ARGV[4])
end
local argument = 9
local pools, free = {}, {}
for place = 1, tonumber(ARGV[5]) do
  pools[place] = ARGV[argument]
  free[pools[place]] = tonumber(ARGV[argument + 1])
  argument = argument + 2
end
call('HSET', state, 'stamp', ARGV[2] .. '.' .. ARGV[3], 'pools', cjson.encode(pools))
for _ = 1, tonumber(ARGV[6]) do
  call('HSET', state, ARGV[argument], ARGV[argument + 1])
  argument = argument + 2
end
local special_count = tonumber(ARGV[7])
if special_count > 0 then
  call('HSET', state, 'special', special_count)
end
for _ = 1, special_count do
  call('HSET', state, 'x' .. ARGV[argument], ARGV[argument + 1])
  argument = argument + 2
end
local standing = {}
for _ = 1, tonumber(ARGV[8]) do
  local nonce, until_ms, tail = ARGV[argument], ARGV[argument + 1], ARGV[argument + 2]
  standing[nonce] = true
  call('HSET', state, nonce, 'c' .. string.rep('0', 10) .. string.rep('-', 16) .. tail)
  call('ZADD', deadlines, math.max(until_ms, now + KNOWN_CLAIM_MS), nonce)
  argument = argument + 3
end
while argument <= #ARGV do
  local batch = {}
  for place = argument, math.min(argument + BUYERS_AT_ONCE - 1, #ARGV), 2 do
    batch[#batch + 1] = ARGV[place]
    batch[#batch + 1] = ARGV[place + 1] * TICKET
  end
  call('HSET', state, unpack(batch))
  argument = argument + BUYERS_AT_ONCE
end

local kept, dropped = 0, 0
for _, survivor in ipairs(survivors) do
  local nonce, record, deadline = survivor[1], survivor[2], survivor[3]
  if record.body ~= nil and not standing[nonce] then
    local units, taken, indexes = tool.owned(record)
    local fits = true
    for pool in pairs(taken) do
      -- A tier's limit may have been lifted; a zone that is gone has nothing to sit in.
      fits = fits and (free[pool] ~= nil or string.sub(pool, 1, 2) == 't:')
    end
    for _, index in ipairs(indexes) do
      fits = fits and tool.is_free(index)
    end
    if fits then
      for pool, count in pairs(taken) do
        free[pool] = free[pool] and free[pool] - count
      end
      for _, index in ipairs(indexes) do
        call('SETRANGE', seats, index, 'h')
      end
      call('HSET', state, nonce, record.letter .. string.format('%010d', record.made) .. record.print .. record.tail)
      call('ZADD', deadlines, deadline, nonce)
      tool.count(record.buyers, units, record.letter == 'c' and 0 or 1, 1)
      kept = kept + 1
    else
      tool.finish(nonce, record, now)
      dropped = dropped + 1
    end
  end
end
for _, memory in ipairs(remembered) do
  local kind, field, text, score = unpack(memory)
  if kind == 's' then
    local lapses = string.match(text, '^%d+( %d+ %d+)$')
    if lapses then
      call('HSET', state, field, (call('HGET', state, field) or '0') .. lapses)
      call('ZADD', deadlines, score, kind .. field)
    end
  elseif call('HSETNX', state, field, text) == 1 then
    call('ZADD', deadlines, score, kind .. field)
  end
end
for pool, count in pairs(free) do
  call('HSET', state, pool, count)
end
local first = call('ZRANGEBYSCORE', deadlines, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if first[2] then
  call('HSET', state, 'due', first[2])
end
call('XADD', feed, ARGV[2] .. '-0', 'loaded', ARGV[3])
return {'LOADED', kept, dropped}
