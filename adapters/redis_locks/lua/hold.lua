-- hold: take everything a buyer asks for until the hold's deadline, or nothing.
--
-- KEYS: state seats owners deadlines ended feed rows
-- ARGV:
--   1 shift_ms         added to the server's clock (tests move time with it; otherwise 0)
--   2 epoch            of the caller's sale
--   3 version          of the caller's sale
--   4 opens_at_ms      Unix time
--   5 closes_at_ms     Unix time
--   6 hold_ms          how long the hold lasts
--   7 per_buyer_max    tickets over all holds and orders of one buyer
--   8 live_holds_max   holds of one buyer that are not orders yet
--   9 nonce            names the hold
--  10 fingerprint      of what was asked for
--  11 device           the buyer, for limits
--  12 units            tickets in all
--  13 body             the record's JSON object after its opening brace, without epoch and picked
--  14 pool_count
--  15 run_count        of chosen seats: neighbours are told as one run
--  16 wish_count       of best-available lines
--  17… pool names (all of them, zones of wishes included), then units by pool, then runs (first, count),
--      then wishes (line, quantity, number of zones, zone pools in order of preference)
-- Replies:
--   HELD deadline_ms [line, pool, first, count]…   taken; the lists are the wishes' seats
--   FOUND deadline_ms body     an earlier call with this id and fingerprint made it
--   CLAIMED                    … and its order is being placed or paid
--   OVER                       … and it lapsed, was given back or sold
--   MISMATCH                   an earlier call with this id asked for something else
--   REBUILD                    no stock, or of an older epoch, or without one of these pools or seats
--   STALE                      the caller's sale is older than the stock
--   EARLY, LATE                outside the sale window
--   TOO_MANY                   live holds
--   LIMIT taken                tickets of this buyer
--   TAKEN index…               chosen seats that are not free
--   SHORT pool…                pools with too little left
--   APART line                 no row has so many free neighbours
-- Invariant: free units and free seats only move together with a record that owns them.

local rows = KEYS[7]
local REAPED_PER_HOLD = 8
local pool_count, run_count, wish_count = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local nonce = ARGV[9]
local record_field, buyer_field = 'n:' .. nonce, 'b:' .. ARGV[11]

local function look()
  return redis.call('HMGET', state, 'epoch', 'version', 'change', 'due', record_field, buyer_field,
    unpack(ARGV, 17, 16 + pool_count))
end
local POOLS_KNOWN_AFTER = 6

local now = clock()
local known = look()
if known[1] ~= ARGV[2] or known[2] ~= ARGV[3] then
  local epoch, version = tonumber(known[1] or 0), tonumber(known[2] or 0)
  if epoch < tonumber(ARGV[2]) then
    return {'REBUILD'}
  elseif epoch > tonumber(ARGV[2]) or version > tonumber(ARGV[3]) then
    return {'STALE'}
  end
end
for place = POOLS_KNOWN_AFTER + 1, POOLS_KNOWN_AFTER + pool_count do
  if not known[place] then
    return {'REBUILD'}
  end
end
if known[2] ~= ARGV[3] then
  redis.call('HSET', state, 'version', ARGV[3])
end

if known[5] then
  local kind, deadline, fingerprint, body = parse(known[5])
  deadline = tonumber(deadline)
  if fingerprint ~= ARGV[10] and fingerprint ~= '-' then
    return {'MISMATCH'}
  elseif kind == 'over' or deadline <= now then
    return {'OVER'}
  elseif kind == 'claimed' then
    return {'CLAIMED'}
  end
  return {'FOUND', deadline, body}
end

if known[4] and tonumber(known[4]) <= now then
  tools().reap(now, REAPED_PER_HOLD)
  known = look()
end

if now < tonumber(ARGV[4]) then
  return {'EARLY'}
elseif now >= tonumber(ARGV[5]) then
  return {'LATE'}
end

local bought = tonumber(known[6] or 0)
if bought % TICKET >= tonumber(ARGV[8]) then
  return {'TOO_MANY'}
elseif math.floor(bought / TICKET) + ARGV[12] > tonumber(ARGV[7]) then
  return {'LIMIT', math.floor(bought / TICKET)}
end

-- Chosen seats: each run of neighbours is one read.
local argument = 17 + 2 * pool_count
local runs = {}
local gone
for place = 1, run_count do
  local first, count = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1])
  argument = argument + 2
  runs[place] = {first, count}
  local states = redis.call('GETRANGE', seats, first, first + count - 1)
  if #states < count then
    return {'REBUILD'}
  end
  if states ~= string.rep('f', count) then
    gone = gone or {'TAKEN'}
    for offset = 1, count do
      if string.sub(states, offset, offset) ~= 'f' then
        gone[#gone + 1] = first + offset - 1
      end
    end
  end
end
if gone then
  return gone
end

-- Pools: what is left when this hold has been served; wishes are subtracted as they are granted.
local left = {}
local short
for place = 1, pool_count do
  local wanted = tonumber(ARGV[16 + pool_count + place])
  local remaining = known[POOLS_KNOWN_AFTER + place] - wanted
  left[ARGV[16 + place]] = remaining
  if remaining < 0 and wanted > 0 then
    short = short or {'SHORT'}
    short[#short + 1] = ARGV[16 + place]
  end
end
if short then
  return short
end

-- Best-available seats are chosen here and taken below, so nobody can come between.
local picks = {}
if wish_count > 0 then
  -- The best neighbours in one row's states: fewest seats left alone, then nearest to the middle, then leftmost.
  local function best_start(states, quantity)
    local length = #states
    local best, best_alone, best_distance
    local from = 1
    while true do
      local head, tail = string.find(states, 'f+', from)
      if not head then
        return best
      end
      for start = head, tail - quantity + 1 do
        local alone = (start - head == 1 and 1 or 0) + (tail - start - quantity == 0 and 1 or 0)
        local distance = math.abs(2 * start - 2 + quantity - length)
        if not best or alone < best_alone or (alone == best_alone and distance < best_distance) then
          best, best_alone, best_distance = start, alone, distance
        end
      end
      from = tail + 1
    end
  end

  -- The first row of a zone, in its order of preference, that has the neighbours. Sees this hold's other seats.
  local function pick(pool, quantity, wanted)
    local plan = redis.call('HGET', rows, pool)
    if not plan then
      return nil
    end
    local low, high, from = string.match(plan, '^(%d+) (%d+)()')
    local states = redis.call('GETRANGE', seats, low, high)
    for _, run in ipairs(runs) do
      -- A run may reach into the next zone: only its part in this one matters here.
      local before, last = math.max(run[1] - low, 0), math.min(run[1] + run[2] - low, #states)
      if before < last then
        states = string.sub(states, 1, before) .. string.rep('h', last - before) .. string.sub(states, last + 1)
      end
    end
    for first, count in string.gmatch(string.sub(plan, from), '(%d+),(%d+)') do
      local offset = first - low
      local row = string.sub(states, offset + 1, offset + count)
      if string.find(row, wanted, 1, true) then
        return first + best_start(row, quantity) - 1
      end
    end
    return nil
  end
  for place = 1, wish_count do
    local line, quantity, zones = ARGV[argument], tonumber(ARGV[argument + 1]), tonumber(ARGV[argument + 2])
    local wanted = string.rep('f', quantity)
    for zone = 1, zones do
      local pool = ARGV[argument + 2 + zone]
      local first = left[pool] >= quantity and pick(pool, quantity, wanted)
      if first then
        picks[place] = {tonumber(line), pool, first, quantity}
        runs[#runs + 1] = {first, quantity}
        left[pool] = left[pool] - quantity
        break
      end
    end
    if not picks[place] then
      return {'APART', tonumber(line)}
    end
    argument = argument + 3 + zones
  end
end

-- Everything fits: write.
local words = {}
if #runs > 0 then
  local owning = {}
  for place, run in ipairs(runs) do
    redis.call('SETRANGE', seats, run[1], string.rep('h', run[2]))
    words[place] = run[1] .. 'h' .. run[2]
    for index = run[1], run[1] + run[2] - 1 do
      owning[#owning + 1] = index
      owning[#owning + 1] = nonce
    end
  end
  redis.call('HSET', owners, unpack(owning))
end
local values = {}
for place = 1, pool_count do
  local pool = ARGV[16 + place]
  if left[pool] ~= tonumber(known[POOLS_KNOWN_AFTER + place]) then
    values[#values + 1] = pool
    values[#values + 1] = left[pool]
  end
end
local deadline = now + ARGV[6]
local change = known[3] + 1
local picked = wish_count > 0 and cjson.encode(picks) or '[]'
local record = 'held ' .. deadline .. ' ' .. ARGV[10] .. ' {"epoch":' .. ARGV[2] .. ',"picked":' .. picked .. ',' ..
  ARGV[13]
redis.call('HSET', state, 'change', change, record_field, record, buyer_field, bought + ARGV[12] * TICKET + 1,
  unpack(values))
redis.call('ZADD', deadlines, deadline, nonce)
note_deadline(known[4], deadline)
if #words > 0 then
  values[#values + 1] = 'seats'
  values[#values + 1] = table.concat(words, ' ')
end
redis.call('XADD', feed, ARGV[2] .. '-' .. change, unpack(values))
if change % FEED_TRIMMED_EVERY == 0 then
  redis.call('XTRIM', feed, 'MAXLEN', '~', FEED_LENGTH)
end
return {'HELD', deadline, unpack(picks)}
