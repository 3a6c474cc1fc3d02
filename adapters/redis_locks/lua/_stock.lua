-- Shared beginning of the scripts that move stock; put before them when they are loaded (see scripts.py).
-- It expects the eight keys of a sale's stock as KEYS[1] to KEYS[8] and only defines local functions.
--
-- A record (field of `holds`) is "<state> <deadline_ms> <fingerprint> <body>": state is held, claimed or over,
-- body is a JSON object {epoch, units, buyer: [device, address], pools: {pool: units}, seats: [index…],
-- picked: [[line, pool, first, count]…], lines: […]}; an ended record has none. `picked` are the best-available
-- seats, which are in `pools` and `seats` only by way of this list. A claim loaded from Postgres has fingerprint "-":
-- what was asked for is no longer known.

local meta, seats, holds, owners, deadlines, ended, buyers, feed = unpack(KEYS)
local FEED_LENGTH = 5000
local ENDED_KEPT_MS = 3600000

local function clock(shift_ms)
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + shift_ms
end

local function parse(record)
  return string.match(record, '^(%a+) (%d+) (%S*) (.*)$')
end

-- Everything that a record's body owns: units by pool, and a list of seats.
local function owned(body)
  local content = cjson.decode(body)
  local pools, indexes = content.pools, content.seats
  for _, pick in ipairs(content.picked) do
    pools[pick[2]] = (pools[pick[2]] or 0) + pick[4]
    for index = pick[3], pick[3] + pick[4] - 1 do
      indexes[#indexes + 1] = index
    end
  end
  return content, pools, indexes
end

-- Write new pool values (a flat list: pool, free, …) and tell the feed about them and about seats that changed
-- (a list of words such as "12h3": from seat 12, held, three of them). Nothing changed: nothing is said.
local function announce(epoch, change, values, words)
  if #values == 0 and #words == 0 then
    return
  end
  redis.call('HSET', meta, 'change', change, unpack(values))
  if #words > 0 then
    values[#values + 1] = 'seats'
    values[#values + 1] = table.concat(words, ' ')
  end
  redis.call('XADD', feed, 'MAXLEN', '~', FEED_LENGTH, epoch .. '-' .. change, unpack(values))
end

-- Add units (by pool) to what is free; answers the new values for `announce`, and the epoch and next change.
local function add(units)
  local names = {}
  for pool, count in pairs(units) do
    if count ~= 0 then
      names[#names + 1] = pool
    end
  end
  local known = redis.call('HMGET', meta, 'epoch', 'change', unpack(names))
  local values = {}
  for place, pool in ipairs(names) do
    values[#values + 1] = pool
    values[#values + 1] = (tonumber(known[place + 2]) or 0) + units[pool]
  end
  return values, known[1], known[2] + 1
end

-- Write one state into many single seats; answers the feed's words.
local function mark(indexes, state)
  local words = {}
  for place, index in ipairs(indexes) do
    redis.call('SETRANGE', seats, index, state)
    words[place] = index .. state .. '1'
  end
  return words
end

-- Those of the seats that `nonce` owns; they are nobody's from now on.
local function disown(indexes, nonce)
  local mine = {}
  if #indexes > 0 then
    local known = redis.call('HMGET', owners, unpack(indexes))
    for place, index in ipairs(indexes) do
      if known[place] == nonce then
        mine[#mine + 1] = index
      end
    end
    if #mine > 0 then
      redis.call('HDEL', owners, unpack(mine))
    end
  end
  return mine
end

-- Count a buyer's tickets (`u:`) and live holds (`l:`); a buyer with neither is forgotten.
local function count_buyer(device, units, live)
  local known = redis.call('HMGET', buyers, 'u:' .. device, 'l:' .. device)
  units = math.max(0, (tonumber(known[1]) or 0) + units)
  live = math.max(0, (tonumber(known[2]) or 0) + live)
  if units == 0 and live == 0 then
    redis.call('HDEL', buyers, 'u:' .. device, 'l:' .. device)
  else
    redis.call('HSET', buyers, 'u:' .. device, units, 'l:' .. device, live)
  end
end

-- The record is over: its id is remembered for a while, so that a late retry does not make a new hold.
local function finish(nonce, fingerprint, now)
  redis.call('ZREM', deadlines, nonce)
  redis.call('HSET', holds, nonce, 'over ' .. now .. ' ' .. fingerprint .. ' ')
  redis.call('ZADD', ended, now + ENDED_KEPT_MS, nonce)
end

-- Return all that a record owns to sale. Exactly once: afterwards the record is over.
local function give_back(nonce, state, fingerprint, body, now)
  local content, pools, indexes = owned(body)
  finish(nonce, fingerprint, now)
  count_buyer(content.buyer[1], -content.units, state == 'held' and -1 or 0)
  local words = mark(disown(indexes, nonce), 'f')
  local values, epoch, change = add(pools)
  announce(epoch, change, values, words)
end

-- Give back what lapsed up to `now`, oldest first, at most so many; answers how many.
local function reap(now, at_most)
  local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', now, 'LIMIT', 0, at_most)
  for _, nonce in ipairs(due) do
    local state, _, fingerprint, body = parse(redis.call('HGET', holds, nonce))
    give_back(nonce, state, fingerprint, body, now)
  end
  return #due
end
