-- settle: Postgres' word on stock that was claimed or sold, applied once.
--
-- KEYS: state seats deadlines feed settled
-- ARGV:
--   1 shift_ms      added to the server's clock (tests move time with it; otherwise 0)
--   2 epoch         in which the fact happened
--   3 key           names the fact
--   4 nonce         names the hold that was claimed; empty for sold stock that comes back
--   5 outcome       sold or released
--   6 buyers        buyer fields, with spaces between them
--   7 units         tickets in all
--   8 pool_count
--   9… pools (name, units), then seats
-- Replies:
--   SETTLED
--   KNOWN           applied before, or loaded with the stock of a later epoch
--   REBUILD         no stock, or of an older epoch
-- Invariant: afterwards sold stock is taken and released stock is free, each once. Released stock that neither the hold
-- nor the settlement owns is not touched; a live hold with a seat that Postgres has sold to another is over.

local settled = KEYS[5]
local SETTLED_KEPT_MS = 604800000
local now = clock(ARGV[1])
local tool = tools()
local nonce, buyers, units = ARGV[4], ARGV[6], tonumber(ARGV[7])

local epoch = tonumber(string.match(call('HGET', state, 'stamp') or '0', '^%d+'))
if epoch < tonumber(ARGV[2]) then
  return {'REBUILD'}
elseif epoch > tonumber(ARGV[2]) then
  return {'KNOWN'}
end
if call('ZSCORE', settled, ARGV[3]) then
  return {'KNOWN'}
end
-- In this order, because a server with a full memory refuses a script at its first write or not at all.
call('ZREMRANGEBYSCORE', settled, '-inf', now - SETTLED_KEPT_MS)
call('ZADD', settled, now, ARGV[3])

local pools, indexes, wanted = {}, {}, {}
local last = 8 + 2 * ARGV[8]
for place = 9, last, 2 do
  pools[ARGV[place]] = tonumber(ARGV[place + 1])
end
for place = last + 1, #ARGV do
  indexes[#indexes + 1] = tonumber(ARGV[place])
  wanted[tonumber(ARGV[place])] = true
end

local record = nonce ~= '' and tool.read(nonce)
if record and record.letter == 'o' then
  record = nil
end

-- Whoever holds one of these seats without being the one who bought it.
local function evict(index)
  for _, other in ipairs(tool.owners()) do
    local found = other ~= nonce and tool.read(other)
    if found then
      local _, _, theirs = tool.owned(found)
      for _, seat in ipairs(theirs) do
        if seat == index then
          tool.give_back(other, found, now)
          return
        end
      end
    end
  end
end

if ARGV[5] == 'sold' then
  -- What the hold had beyond what is sold comes back; what it lacked is taken.
  local difference, returning = {}, {}
  local mine = {}
  if record then
    local had_units, had, had_indexes = tool.owned(record)
    tool.finish(nonce, record, now)
    tool.count(record.buyers, -had_units, record.letter == 'c' and 0 or -1, -1)
    difference = had
    for _, index in ipairs(had_indexes) do
      mine[index] = true
      if not wanted[index] then
        returning[#returning + 1] = index
      end
    end
  end
  for _, index in ipairs(indexes) do
    if not mine[index] and call('GETRANGE', seats, index, index) == 'h' then
      evict(index)
    end
  end
  for pool, count in pairs(pools) do
    difference[pool] = (difference[pool] or 0) - count
  end
  tool.count(buyers, units, 0, 0)
  for field in string.gmatch(buyers, '%S+') do
    tool.forget_lapses(field)
  end
  local selling, letters = {}, {}
  for _, index in ipairs(indexes) do
    if call('GETRANGE', seats, index, index) ~= 's' then
      selling[#selling + 1] = index
      letters[#letters + 1] = 's'
    end
  end
  local words = tool.mark(returning, tool.free_letters(returning))
  for _, word in ipairs(tool.mark(selling, letters)) do
    words[#words + 1] = word
  end
  tool.announce(difference, words)
elseif record then
  tool.give_back(nonce, record, now)
elseif nonce == '' then
  local returning = {}
  for _, index in ipairs(indexes) do
    if call('GETRANGE', seats, index, index) == 's' then
      returning[#returning + 1] = index
    end
  end
  tool.count(buyers, -units, 0, 0)
  tool.announce(pools, tool.mark(returning, tool.free_letters(returning)))
end
return {'SETTLED'}
