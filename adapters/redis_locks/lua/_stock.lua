-- Shared beginning of the scripts that move stock; put before them when they are loaded (see scripts.py).
--
-- It expects the four keys of a sale's stock as KEYS[1] to KEYS[4]. The hash `state` holds, in one place so that a hold
-- is one read and one write of it:
--   stamp        "<epoch>.<version>" of the stock, and of the sale it was last asked for under
--   due          no entry of `deadlines` lies before this (Unix ms); it may be earlier than the first one
--   pools        JSON list of pool names; each of them is a field too: units free
--   r:<tier>     the tier's rows, best first: "<first seat> <last seat>", then " <first>,<count>,<zone>" each
--   q<number>r:<tier>   "<returns> <position>": rows before that position in r:<tier> had not so many free neighbours, as
--                long as `returns` is still so many
--   returns      how often seats came back
--   special      there are seats with a letter of their own when they are free: x<index>, "a" or "c"
--   <nonce>      a record: a letter, the second it was made (10 digits), a fingerprint (16), the buyers it counts
--                under, a line feed, JSON {units, buyer, pools, seats, lines}, a line feed, and picks
--   b:<key>      a buyer: tickets held, claimed and sold, times 1,000,000, plus live holds; then, after lapses, a space, how
--                many, a space and the last one's Unix ms
-- A record's letter is a digit for a hold (how often it was extended), "c" for a claim and "o" for one that is over,
-- which keeps nothing behind its fingerprint. Picks are best-available seats, "<line>,<choice>,<first>,<count>,<pool>;"
-- each, and count on top of the JSON's pools and seats; a first of -1 takes units of a pool only. A claim that was
-- loaded from Postgres has a fingerprint of dashes: what was asked for is no longer known.
-- The sorted set `deadlines` says by Unix ms when <nonce> gives its stock back. With the sign turned, so that the one
-- never waits behind the other, it says when <nonce> is forgotten (x<nonce>), or the lapses of a buyer are (s<field>).
--
-- A hold spends more time around its commands than in them, so on its way numbers are kept out of strings (formatting
-- one costs as much as a command), functions borrow no locals from outside (each one borrowed is an allocation a call),
-- and nothing is made before it is needed.

local state, seats, deadlines, feed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call = redis.call
local TICKET = 1000000

-- The tools of the rarer steps, made only when they are needed: a hold rarely is.
local function tools()
  local state, seats, deadlines, feed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local call = redis.call
  local TICKET = 1000000
  local FEED_LENGTH = 5000
  local ENDED_KEPT_MS = 3600000
  local LAPSES_KEPT_MS = 3600000
  local FREE = '^[fac]$'
  local tool = {}

  -- What there is to know about a record, none of it decoded yet; nil when there is none.
  function tool.read(nonce)
    local text = call('HGET', state, nonce)
    if not text then
      return nil
    end
    local buyers, body, picks = string.match(text, '^([^\n]*)\n([^\n]*)\n(.*)$', 28)
    return {
      letter = string.sub(text, 1, 1),
      made = tonumber(string.sub(text, 2, 11)),
      print = string.sub(text, 12, 27),
      tail = string.sub(text, 28),
      picks = picks,
      buyers = buyers,
      body = body,
    }
  end

  -- The nonces of all records that own stock, lapsed ones included.
  function tool.owners()
    return call('ZRANGEBYSCORE', deadlines, 0, '+inf')
  end

  -- The moment a live record lapses; nil when it is not live any more, reaped or not.
  function tool.deadline(nonce, now)
    local deadline = tonumber(call('ZSCORE', deadlines, nonce) or 0)
    return deadline > now and deadline or nil
  end

  -- Everything that a record owns: tickets, units by pool, and a list of seats.
  function tool.owned(record)
    local content = cjson.decode(record.body)
    local pools, indexes = content.pools, content.seats
    for first, count, pool in string.gmatch(record.picks, '%d+,%d+,(-?%d+),(%d+),([^;]+);') do
      first, count = tonumber(first), tonumber(count)
      pools[pool] = (pools[pool] or 0) + count
      for index = first, first >= 0 and first + count - 1 or first - 1 do
        indexes[#indexes + 1] = index
      end
    end
    return content.units, pools, indexes
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
    local known = call('HMGET', state, 'stamp', unpack(names))
    local values = {}
    for place, pool in ipairs(names) do
      -- A tier whose limit was lifted has no pool any more; those who held it under the limit may still say its name.
      if known[place + 1] then
        values[#values + 1] = pool
        values[#values + 1] = known[place + 1] + units[pool]
      end
    end
    if #values == 0 and #words == 0 then
      return
    end
    if #values > 0 then
      call('HSET', state, unpack(values))
    end
    if #words > 0 then
      values[#values + 1] = 'seats'
      values[#values + 1] = table.concat(words, ' ')
    end
    local epoch = string.match(known[1], '^%d+')
    call('XADD', feed, 'MAXLEN', '~', FEED_LENGTH, epoch .. '-*', unpack(values))
  end

  -- The letter of each of these seats when it is free.
  function tool.free_letters(indexes)
    local letters = {}
    if #indexes > 0 and call('HEXISTS', state, 'special') == 1 then
      local fields = {}
      for place, index in ipairs(indexes) do
        fields[place] = 'x' .. index
      end
      letters = call('HMGET', state, unpack(fields))
    end
    for place in ipairs(indexes) do
      letters[place] = letters[place] or 'f'
    end
    return letters
  end

  -- Write a letter into each of these seats; answers the feed's words.
  function tool.mark(indexes, letters)
    local words = {}
    if #indexes > 0 and letters[1] ~= 's' then
      call('HINCRBY', state, 'returns', 1)
    end
    for place, index in ipairs(indexes) do
      call('SETRANGE', seats, index, letters[place])
      words[place] = index .. letters[place] .. '1'
    end
    return words
  end

  function tool.is_free(index)
    return string.find(call('GETRANGE', seats, index, index), FREE) ~= nil
  end

  -- Count tickets and live holds under each key of a list such as "b:d:17 b:e:4". Whoever has neither, nor lapses, is
  -- forgotten. A network keeps its hold until the checkout is over, so that it cannot take a sale off sale by checkouts.
  function tool.count(buyers, units, live_of_people, live_of_network)
    for field in string.gmatch(buyers, '%S+') do
      local live = string.sub(field, 1, 4) == 'b:i:' and live_of_network or live_of_people
      local known = call('HGET', state, field) or '0'
      local number, lapses = string.match(known, '^(%d+)(.*)$')
      number = math.max(0, math.floor(number / TICKET) + units) * TICKET + math.max(0, number % TICKET + live)
      if number == 0 and lapses == '' then
        call('HDEL', state, field)
      else
        call('HSET', state, field, lapses == '' and number or string.format('%d%s', number, lapses))
      end
    end
  end

  -- A hold ended unbought: its first buyer may be asked to wait when that happens again and again.
  function tool.note_lapse(buyers, now)
    local field = string.match(buyers, '^%S+')
    if field then
      local known = call('HGET', state, field) or '0'
      local number, lapses = string.match(known, '^(%d+) ?(%d*)')
      call('HSET', state, field, string.format('%d %d %d', number, (tonumber(lapses) or 0) + 1, now))
      call('ZADD', deadlines, -now - LAPSES_KEPT_MS, 's' .. field)
    end
  end

  -- Whoever buys, or has waited long enough, starts anew.
  function tool.forget_lapses(field)
    local known = call('HGET', state, field)
    local number = known and string.match(known, '^(%d+) ')
    if number == '0' then
      call('HDEL', state, field)
    elseif number then
      call('HSET', state, field, number)
    end
    call('ZREM', deadlines, 's' .. field)
  end

  -- The record is over: its id is remembered for a while, so that a late retry does not make a new hold. A server
  -- whose memory is full refuses a script at its first write or not at all, and never refuses ZREM: so that comes first,
  -- and stock can come back.
  function tool.finish(nonce, record, now)
    call('ZREM', deadlines, nonce)
    call('HSET', state, nonce, 'o' .. string.rep('0', 10) .. record.print)
    call('ZADD', deadlines, -now - ENDED_KEPT_MS, 'x' .. nonce)
  end

  -- Return all that a record owns to sale. Exactly once: afterwards the record is over.
  function tool.give_back(nonce, record, now)
    local units, pools, indexes = tool.owned(record)
    tool.finish(nonce, record, now)
    tool.count(record.buyers, -units, record.letter == 'c' and 0 or -1, -1)
    tool.announce(pools, tool.mark(indexes, tool.free_letters(indexes)))
  end

  -- Give back what lapsed up to `now`, oldest first, at most so many; answers how many.
  function tool.reap(now, at_most)
    local lapsed = call('ZRANGEBYSCORE', deadlines, 0, now, 'LIMIT', 0, at_most)
    for _, nonce in ipairs(lapsed) do
      local record = tool.read(nonce)
      if record then
        tool.give_back(nonce, record, now)
        if record.letter ~= 'c' then
          tool.note_lapse(record.buyers, now)
        end
      else
        call('ZREM', deadlines, nonce)
      end
    end
    local first = call('ZRANGEBYSCORE', deadlines, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if first[2] then
      call('HSET', state, 'due', first[2])
    else
      call('HDEL', state, 'due')
    end
    return #lapsed
  end

  -- Forget what need not be remembered any more, at most so many things.
  function tool.forget(now, at_most)
    for _, member in ipairs(call('ZRANGEBYSCORE', deadlines, -now, -1, 'LIMIT', 0, at_most)) do
      local kind, name = string.match(member, '^(.)(.*)$')
      if kind == 's' then
        tool.forget_lapses(name)
      else
        call('ZREM', deadlines, member)
        call('HDEL', state, name)
      end
    end
  end

  -- A deadline moved or came: `due` must not lie after it.
  function tool.note_deadline(deadline)
    local due = call('HGET', state, 'due')
    if not due or deadline < tonumber(due) then
      call('HSET', state, 'due', deadline)
    end
  end

  return tool
end

local function clock(shift_ms)
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + shift_ms
end
