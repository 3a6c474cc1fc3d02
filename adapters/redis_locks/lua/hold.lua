-- hold: take everything a buyer asks for until the hold's deadline, or nothing.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms        added to the server's clock (tests move time with it; otherwise 0)
--   2 stamp           "<epoch>.<version>" of the caller's sale
--   3 change_id       "<epoch>-*", for the feed
--   4 opens_at_ms     Unix time
--   5 closes_at_ms    Unix time
--   6 hold_ms         how long the hold lasts
--   7 rules           "<lapses_max> <cooldown_ms> <may_strand>": so often in a row may a buyer let a hold lapse before
--                     the next one waits so long from the last lapse; 1 when a seat may be left alone, otherwise 0
--   8 nonce           names the hold
--   9 units           tickets in all
--  10 tail            of the record, picks excepted: fingerprint (16 characters), buyer fields, line feed, JSON
--  11 buyer_count     keys that this buyer is counted under
--  12 pool_count
--  13… buyer fields, then pool names (all of them, what wishes may draw from included), then by buyer the most tickets
--      and the most live holds, then units by pool; then, if seats are asked for at all, the number of rows with chosen
--      seats, those (first seat, length, number of runs, then by run first seat, count), the number of wishes, those
--      (line, quantity, is accessible, may split, number of choices, then by choice: rows field, own pool or nothing,
--      number of zones, zone pools)
-- Replies:
--   HELD deadline_ms [line, choice, first, count, pool]…   taken; the lists are the wishes' seats
--   FOUND deadline_ms tail extensions   an earlier call with this id and fingerprint made it
--   CLAIMED                  … and its order is being placed or paid
--   OVER                     … and it lapsed, was given back or sold
--   MISMATCH                 an earlier call with this id asked for something else
--   REBUILD                  no stock, or of an older epoch, or without one of these pools or seats
--   STALE                    the caller's sale is older than the stock
--   EARLY, LATE              outside the sale window
--   TOO_MANY place           live holds, under this one of the buyer's keys (from 1)
--   LIMIT place taken        tickets, likewise
--   COOLING until_ms         this buyer let too many holds lapse
--   TAKEN index…             chosen seats that are not free
--   STRANDED index…          seats that would be left alone though the same row had a better choice
--   SHORT pool…              pools with too little left
--   APART line               no row has so many free neighbours
-- Invariant: free units and free seats only move together with a record that owns them.

local REAPED_PER_HOLD = 8
local nonce = ARGV[8]
local buyer_count, pool_count = tonumber(ARGV[11]), tonumber(ARGV[12])
local BUYERS_AFTER = 12
local POOLS_AFTER = BUYERS_AFTER + buyer_count
local POOLS_KNOWN_AFTER = 3 + buyer_count

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local known = call('HMGET', state, 'stamp', 'due', nonce, unpack(ARGV, BUYERS_AFTER + 1, POOLS_AFTER + pool_count))
if known[1] ~= ARGV[2] then
  local epoch, version = string.match(known[1] or '0.0', '^(%d+)%.(%d+)$')
  local asked_epoch, asked_version = string.match(ARGV[2], '^(%d+)%.(%d+)$')
  if tonumber(epoch) < tonumber(asked_epoch) then
    return {'REBUILD'}
  elseif epoch ~= asked_epoch or tonumber(version) > tonumber(asked_version) then
    return {'STALE'}
  end
end
for place = POOLS_KNOWN_AFTER + 1, POOLS_KNOWN_AFTER + pool_count do
  if not known[place] then
    return {'REBUILD'}
  end
end
if known[1] ~= ARGV[2] then
  call('HSET', state, 'stamp', ARGV[2])
end

if known[3] then
  local tool = tools()
  local record = tool.read(nonce)
  local deadline = tool.deadline(nonce, now)
  if record.print ~= string.sub(ARGV[10], 1, 16) and record.print ~= string.rep('-', 16) then
    return {'MISMATCH'}
  elseif record.letter == 'o' or not deadline then
    return {'OVER'}
  elseif record.letter == 'c' then
    return {'CLAIMED'}
  end
  return {'FOUND', deadline, record.tail, tonumber(record.letter)}
end

if known[2] and tonumber(known[2]) <= now then
  tools().reap(now, REAPED_PER_HOLD)
  known = call('HMGET', state, 'stamp', 'due', nonce, unpack(ARGV, BUYERS_AFTER + 1, POOLS_AFTER + pool_count))
end

if now < tonumber(ARGV[4]) then
  return {'EARLY'}
elseif now >= tonumber(ARGV[5]) then
  return {'LATE'}
end

-- `values` becomes what is written into the state: buyers, then pools, which the feed is told of as well. It is made
-- with room for what most holds need, because growing costs more than filling.
local values = {false, false, false, false, false, false, false, false}
local argument = POOLS_AFTER + pool_count + 1
local units = tonumber(ARGV[9])
local growth = units * TICKET + 1
for place = 1, buyer_count do
  local count = growth
  local text = known[3 + place]
  -- Nobody's first order is larger than what one may have, so only those who have something are looked at.
  if text then
    local number = tonumber(text)
    local lapses
    if not number then
      local times, last
      number, times, last = string.match(text, '^(%d+) (%d+) (%d+)$')
      number, lapses = tonumber(number), ' ' .. times .. ' ' .. last
      local lapses_max, cooldown_ms = string.match(ARGV[7], '^(%d+) (%d+)')
      if place == 1 and tonumber(times) >= tonumber(lapses_max) and now < last + cooldown_ms then
        return {'COOLING', last + cooldown_ms}
      end
    end
    if number % TICKET >= tonumber(ARGV[argument + 1]) then
      return {'TOO_MANY', place}
    end
    local taken = math.floor(number / TICKET)
    if taken + units > tonumber(ARGV[argument]) then
      return {'LIMIT', place, taken}
    end
    count = lapses and string.format('%d%s', number + growth, lapses) or number + growth
  end
  values[2 * place - 1] = ARGV[BUYERS_AFTER + place]
  values[2 * place] = count
  argument = argument + 2
end
local filled = 2 * buyer_count
local UNITS_AFTER = argument - 1
argument = argument + pool_count
local row_count = tonumber(ARGV[argument] or 0)
argument = argument + 1

-- Chosen seats: each row is one read, and will be one write.
local rows, words, gone
local may_strand = row_count == 0 or string.sub(ARGV[7], -1) == '1'
local doubtful = false
for place = 1, row_count do
  local first, length, runs = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1]), tonumber(ARGV[argument + 2])
  local before = call('GETRANGE', seats, first, first + length - 1)
  if #before < length then
    return {'REBUILD'}
  end
  argument = argument + 3
  local after = before
  for _ = 1, runs do
    local start, count = ARGV[argument] - first, tonumber(ARGV[argument + 1])
    if string.find(string.sub(before, start + 1, start + count), '[^fac]') then
      gone = gone or {'TAKEN'}
      for offset = start + 1, start + count do
        if string.find(before, '^[^fac]', offset) then
          gone[#gone + 1] = first + offset - 1
        end
      end
    end
    after = string.sub(after, 1, start) .. string.rep('h', count) .. string.sub(after, start + count + 1)
    local word = ARGV[argument] .. 'h' .. ARGV[argument + 1]
    words = words and words .. ' ' .. word or word
    if not may_strand and not doubtful then
      local left = string.sub(after, math.max(start - 1, 1), start)
      local right = string.sub(after, start + count + 1, start + count + 2)
      doubtful = string.find(left, '^[^f]?f$') or string.find(right, '^f[^f]?$')
    end
    argument = argument + 2
  end
  rows = rows or {}
  rows[place] = {first, after, before}
end
if gone then
  return gone
end

-- Some seat beside a chosen one has no free neighbour now. Within each run of free seats, no more may be left alone
-- than the same number of neighbours would have left.
if doubtful then
  local stranded
  for place = 1, row_count do
    local first, after, before = rows[place][1], rows[place][2], rows[place][3]
    for head, tail in string.gmatch(before, '()f+()') do
      local part = string.sub(after, head, tail - 1)
      local _, taken = string.gsub(part, 'h', '')
      local alone = {}
      for offset in string.gmatch(part, '%f[f]()f%f[^f]') do
        alone[#alone + 1] = first + head + offset - 2
      end
      if taken > 0 and #alone > (#part - taken == 1 and 1 or 0) then
        stranded = stranded or {'STRANDED'}
        for _, index in ipairs(alone) do
          stranded[#stranded + 1] = index
        end
      end
    end
  end
  if stranded then
    return stranded
  end
end

-- Pools: what is left when this hold has been served; wishes are subtracted as they are granted.
local wish_count = tonumber(ARGV[argument] or 0)
argument = argument + 1
local left
local short
for place = 1, pool_count do
  local wanted = tonumber(ARGV[UNITS_AFTER + place])
  local remaining = known[POOLS_KNOWN_AFTER + place] - wanted
  if remaining < 0 and wanted > 0 then
    short = short or {'SHORT'}
    short[#short + 1] = ARGV[POOLS_AFTER + place]
  elseif wish_count > 0 then
    left = left or {}
    left[ARGV[POOLS_AFTER + place]] = remaining
  elseif wanted > 0 then
    values[filled + 1] = ARGV[POOLS_AFTER + place]
    values[filled + 2] = remaining
    filled = filled + 2
  end
end
if short then
  return short
end

-- Best-available seats are chosen here and taken below, so nobody can come between.
local picks = {}
local picked = ''
local cursors
if wish_count > 0 then
  local states = call('GET', seats) or ''
  for _, row in ipairs(rows or {}) do
    states = string.sub(states, 1, row[1]) .. row[2] .. string.sub(states, row[1] + #row[2] + 1)
  end

  -- The best neighbours in one row's states: fewest seats left alone, then nearest to the middle, then leftmost.
  -- Whoever asked for an accessible seat gets one, no more of them than can be, and companions' seats beside it.
  local function best_start(row, quantity, letters, accessible)
    local best, best_rank
    for head, tail in string.gmatch(row, '()[' .. letters .. ']+()') do
      for start = head, tail - quantity do
        local special, ordinary, _ = 0, 0, nil
        if accessible then
          local part = string.sub(row, start, start + quantity - 1)
          _, special = string.gsub(part, 'a', '')
          _, ordinary = string.gsub(part, 'f', '')
        end
        if not accessible or special > 0 then
          local alone = (start - head == 1 and 1 or 0) + (tail - start - quantity == 1 and 1 or 0)
          local rank = ((special * 100 + ordinary) * 4 + alone) * 1000000 + math.abs(2 * start - 2 + quantity - #row)
          if not best or rank < best_rank then
            best, best_rank = start, rank
          end
        end
      end
    end
    return best
  end

  -- The first row of a plan, best first, that has the neighbours. Rows before it that have not so many are passed over
  -- by whoever wants as many next, until a seat somewhere comes back. A trial may be given up, so it teaches nothing.
  local function pick(field, zones, quantity, accessible, is_trial)
    local cursor_field = 'q' .. quantity .. field
    local plan, cursor, returns = unpack(call('HMGET', state, field, cursor_field, 'returns'))
    local letters = accessible and 'fac' or 'f'
    local low, high, from = string.match(plan, '^(%d+) (%d+) ()')
    local together = accessible and 'a' or string.rep('f', quantity)
    if not string.find(string.sub(states, low + 1, high + 1), together, 1, true) then
      return nil
    end
    local known_returns, known_from = string.match(cursor or '', '^(%d+) (%d+)$')
    returns = returns or '0'
    if known_returns == returns and not accessible then
      from = tonumber(known_from)
    end
    local in_vain = not accessible and not is_trial
    local begun = from
    while true do
      local first, count, zone, following = string.match(plan, '^(%d+),(%d+),(%d+) ?()', from)
      if not first then
        return nil
      end
      local row = string.sub(states, first + 1, first + count)
      if string.find(row, together, 1, true) then
        if in_vain and from > begun then
          cursors = cursors or {}
          cursors[cursor_field] = returns .. ' ' .. from
        end
        in_vain = false
        local start = left[zones[tonumber(zone)]] >= quantity and best_start(row, quantity, letters, accessible)
        if start then
          return first + start - 1, zones[tonumber(zone)]
        end
      end
      from = following
    end
  end

  local line, choice
  local more = false
  local function grant(pool, first, count)
    picks[#picks + 1] = {line, choice, first, count, pool}
    picked = picked .. string.format('%d,%d,%d,%d,%s;', line, choice, first, count, pool)
    left[pool] = left[pool] - count
    if first >= 0 then
      local taken = string.rep('h', count)
      if more then
        states = string.sub(states, 1, first) .. taken .. string.sub(states, first + count + 1)
      end
      rows = rows or {}
      rows[#rows + 1] = {first, taken}
      words = (words and words .. ' ' or '') .. string.format('%dh%d', first, count)
    end
  end

  -- All of a line's seats in one row, or, for whoever asked, in as few parts of as even a size as there are.
  local function serve(field, zones, quantity, accessible, parts_max)
    local first, pool = pick(field, zones, quantity, accessible)
    if first then
      return {{pool, first, quantity}}
    end
    for parts = 2, parts_max do
      local found, remaining, taken_back = {}, quantity, states
      for part = 1, parts do
        local size = math.ceil(remaining / (parts - part + 1))
        first, pool = pick(field, zones, size, accessible and part == 1, true)
        if not first then
          break
        end
        found[part] = {pool, first, size}
        states = string.sub(states, 1, first) .. string.rep('h', size) .. string.sub(states, first + size + 1)
        left[pool] = left[pool] - size
        remaining = remaining - size
      end
      states = taken_back
      for _, part in ipairs(found) do
        left[part[1]] = left[part[1]] + part[3]
      end
      if remaining == 0 then
        return found
      end
    end
    return nil
  end

  for wish = 1, wish_count do
    more = wish < wish_count
    local quantity, accessible = tonumber(ARGV[argument + 1]), ARGV[argument + 2] == '1'
    local parts_max = ARGV[argument + 3] == '1' and quantity or 1
    local choices = tonumber(ARGV[argument + 4])
    local any, empty = false, {'SHORT'}
    line = tonumber(ARGV[argument])
    argument = argument + 5
    local found
    for place = 1, choices do
      local field, own, zone_count = ARGV[argument], ARGV[argument + 1], tonumber(ARGV[argument + 2])
      local zones, free = {}, 0
      for zone = 1, zone_count do
        zones[zone] = ARGV[argument + 2 + zone]
        free = free + math.max(0, left[zones[zone]])
        empty[#empty + 1] = zones[zone]
      end
      argument = argument + 3 + zone_count
      if not found and free >= quantity then
        if own == '' or left[own] >= quantity then
          any = true
          if call('HEXISTS', state, field) == 0 then
            return {'REBUILD'}
          end
          found = serve(field, zones, quantity, accessible, parts_max)
          if found then
            choice = place - 1
            if own ~= '' then
              grant(own, -1, quantity)
            end
          end
        else
          empty[#empty + 1] = own
        end
      end
    end
    if not found and any then
      return {'APART', line}
    elseif not found then
      return empty
    end
    for _, part in ipairs(found) do
      grant(part[1], part[2], part[3])
    end
  end
  for place = 1, pool_count do
    local pool = ARGV[POOLS_AFTER + place]
    if left[pool] ~= tonumber(known[POOLS_KNOWN_AFTER + place]) then
      values[filled + 1] = pool
      values[filled + 2] = left[pool]
      filled = filled + 2
    end
  end
end

-- Everything fits: write.
if cursors then
  for field, cursor in pairs(cursors) do
    call('HSET', state, field, cursor)
  end
end
local POOLS_TOLD_AFTER = 2 * buyer_count
local made = ARGV[1] == '0' and time[1] or string.format('%010d', math.floor(now / 1000))
call('HSET', state, nonce, '0' .. made .. ARGV[10] .. '\n' .. picked, unpack(values, 1, filled))
local deadline = now + ARGV[6]
call('ZADD', deadlines, deadline, nonce)
if not known[2] or deadline < tonumber(known[2]) then
  call('HSET', state, 'due', deadline)
end
if words then
  for _, row in ipairs(rows) do
    call('SETRANGE', seats, row[1], row[2])
  end
  call('XADD', feed, ARGV[3], 'seats', words, unpack(values, POOLS_TOLD_AFTER + 1, filled))
else
  call('XADD', feed, ARGV[3], unpack(values, POOLS_TOLD_AFTER + 1, filled))
end
return {'HELD', deadline, unpack(picks)}
