-- Shared beginning of the scripts that move stock; put before them when they are loaded (see scripts.py).
--
-- It expects the six keys of a sale's stock as KEYS[1] to KEYS[6]. The hash `state` holds, in one place so that a hold
-- is one read and one write of it:
--   epoch, version, change   of the stock, of the sale it was last asked for under, of the feed
--   due                      no deadline lies before this (Unix ms); it may be earlier than the first one
--   pools                    JSON list of pool names; each of them is a field too: units free
--   n:<nonce>                a record: "<held|claimed|over> <deadline_ms> <fingerprint> <body>"
--   b:<device>               a buyer: tickets held, claimed and sold, times 1000, plus live holds
-- A record's body is a JSON object {epoch, units, buyer: [device, address], pools: {pool: units}, seats: [index…],
-- picked: [[line, pool, first, count]…], lines: […]}; an ended record has none. `picked` are the best-available
-- seats, which are in `pools` and `seats` only by way of this list. A claim loaded from Postgres has fingerprint "-":
-- what was asked for is no longer known.

local state, seats, owners, deadlines, ended, feed = unpack(KEYS)
local FEED_LENGTH = 5000
local FEED_TRIMMED_EVERY = 64
local TICKET = 1000

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
end

local function parse(record)
  return string.match(record, '^(%a+) (%d+) (%S*) (.*)$')
end

-- The tools of the rarer steps, made only when they are needed: a hold rarely is.
local function tools()
  local ENDED_KEPT_MS = 3600000
  local tool = {}

  -- Everything that a record's body owns: units by pool, and a list of seats.
  function tool.owned(body)
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

  -- Add units (by pool) to what is free, and tell the feed about them and about seats that changed (a list of words
  -- such as "12h3": from seat 12, held, three of them). Nothing changed: nothing is said.
  function tool.announce(units, words)
    local names = {}
    for pool, count in pairs(units) do
      if count ~= 0 then
        names[#names + 1] = pool
      end
    end
    if #names == 0 and #words == 0 then
      return
    end
    local known = redis.call('HMGET', state, 'epoch', 'change', unpack(names))
    local change = known[2] + 1
    local values = {}
    for place, pool in ipairs(names) do
      values[#values + 1] = pool
      values[#values + 1] = (tonumber(known[place + 2]) or 0) + units[pool]
    end
    redis.call('HSET', state, 'change', change, unpack(values))
    if #words > 0 then
      values[#values + 1] = 'seats'
      values[#values + 1] = table.concat(words, ' ')
    end
    redis.call('XADD', feed, known[1] .. '-' .. change, unpack(values))
    if change % FEED_TRIMMED_EVERY == 0 then
      redis.call('XTRIM', feed, 'MAXLEN', '~', FEED_LENGTH)
    end
  end

  -- Write one state into many single seats; answers the feed's words.
  function tool.mark(indexes, letter)
    local words = {}
    for place, index in ipairs(indexes) do
      redis.call('SETRANGE', seats, index, letter)
      words[place] = index .. letter .. '1'
    end
    return words
  end

  -- Those of the seats that `nonce` owns; they are nobody's from now on.
  function tool.disown(indexes, nonce)
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

  -- Count a buyer's tickets and live holds; a buyer with neither is forgotten.
  function tool.count_buyer(device, units, live)
    local field = 'b:' .. device
    local known = tonumber(redis.call('HGET', state, field) or 0)
    local count = math.max(0, math.floor(known / TICKET) + units) * TICKET + math.max(0, known % TICKET + live)
    if count == 0 then
      redis.call('HDEL', state, field)
    else
      redis.call('HSET', state, field, count)
    end
  end

  -- The record is over: its id is remembered for a while, so that a late retry does not make a new hold.
  function tool.finish(nonce, fingerprint, now)
    redis.call('ZREM', deadlines, nonce)
    redis.call('HSET', state, 'n:' .. nonce, 'over ' .. now .. ' ' .. fingerprint .. ' ')
    redis.call('ZADD', ended, now + ENDED_KEPT_MS, nonce)
  end

  -- Return all that a record owns to sale. Exactly once: afterwards the record is over.
  function tool.give_back(nonce, kind, fingerprint, body, now)
    local content, pools, indexes = tool.owned(body)
    tool.finish(nonce, fingerprint, now)
    tool.count_buyer(content.buyer[1], -content.units, kind == 'held' and -1 or 0)
    tool.announce(pools, tool.mark(tool.disown(indexes, nonce), 'f'))
  end

  -- Give back what lapsed up to `now`, oldest first, at most so many; answers how many.
  function tool.reap(now, at_most)
    local lapsed = redis.call('ZRANGEBYSCORE', deadlines, '-inf', now, 'LIMIT', 0, at_most)
    for _, nonce in ipairs(lapsed) do
      local kind, _, fingerprint, body = parse(redis.call('HGET', state, 'n:' .. nonce))
      tool.give_back(nonce, kind, fingerprint, body, now)
    end
    local first = redis.call('ZRANGE', deadlines, 0, 0, 'WITHSCORES')
    if first[2] then
      redis.call('HSET', state, 'due', first[2])
    else
      redis.call('HDEL', state, 'due')
    end
    return #lapsed
  end

  return tool
end

-- A deadline moved or came: `due` must not lie after it.
local function note_deadline(due, deadline)
  if not due or deadline < tonumber(due) then
    redis.call('HSET', state, 'due', deadline)
  end
end
