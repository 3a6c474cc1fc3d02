-- settle: Postgres' word on stock that was claimed or sold, applied once.
--
-- KEYS: state seats owners deadlines ended feed settled
-- ARGV:
--   1 shift_ms     added to the server's clock (tests move time with it; otherwise 0)
--   2 epoch        in which the fact happened
--   3 key          names the fact
--   4 nonce        names the hold that was claimed; empty for sold stock that comes back
--   5 outcome      sold or released
--   6 device       the buyer, for limits
--   7 units        tickets in all
--   8 pool_count
--   9… pools (name, units), then seats
-- Replies:
--   SETTLED
--   KNOWN          applied before, or loaded with the stock of a later epoch
--   REBUILD        no stock, or of an older epoch
-- Invariant: afterwards sold stock is taken and released stock is free, each once; stock that neither the hold
-- nor the settlement owns is not touched.

local settled = KEYS[7]
local SETTLED_KEPT_MS = 604800000
local now = clock()
local nonce, device, units = ARGV[4], ARGV[6], tonumber(ARGV[7])

local epoch = tonumber(redis.call('HGET', state, 'epoch') or 0)
if epoch < tonumber(ARGV[2]) then
  return {'REBUILD'}
elseif epoch > tonumber(ARGV[2]) then
  return {'KNOWN'}
end
if redis.call('ZSCORE', settled, ARGV[3]) then
  return {'KNOWN'}
end
redis.call('ZADD', settled, now, ARGV[3])
redis.call('ZREMRANGEBYSCORE', settled, '-inf', now - SETTLED_KEPT_MS)

local pools, indexes = {}, {}
local last = 8 + 2 * ARGV[8]
for place = 9, last, 2 do
  pools[ARGV[place]] = tonumber(ARGV[place + 1])
end
for place = last + 1, #ARGV do
  indexes[#indexes + 1] = tonumber(ARGV[place])
end

local tool = tools()
local kind, fingerprint, body, _
local record = nonce ~= '' and redis.call('HGET', state, 'n:' .. nonce)
if record then
  kind, _, fingerprint, body = parse(record)
  if kind == 'over' then
    body = nil
  end
end

if ARGV[5] == 'sold' then
  -- What the hold had beyond what is sold comes back; what it lacked is taken.
  local difference, marks = {}, {}
  if body then
    local content, had, had_indexes = tool.owned(body)
    tool.finish(nonce, fingerprint, now)
    tool.count_buyer(content.buyer[1], -content.units, kind == 'held' and -1 or 0)
    difference = had
    for _, index in ipairs(tool.disown(had_indexes, nonce)) do
      marks[index] = 'f'
    end
  end
  for pool, count in pairs(pools) do
    difference[pool] = (difference[pool] or 0) - count
  end
  for _, index in ipairs(indexes) do
    marks[index] = 's'
  end
  if #indexes > 0 then
    redis.call('HDEL', owners, unpack(indexes))
  end
  tool.count_buyer(device, units, 0)
  local changed = {f = {}, s = {}}
  for index, mark_as in pairs(marks) do
    if redis.call('GETRANGE', seats, index, index) ~= mark_as then
      table.insert(changed[mark_as], index)
    end
  end
  table.sort(changed.f)
  table.sort(changed.s)
  local words = tool.mark(changed.f, 'f')
  for _, word in ipairs(tool.mark(changed.s, 's')) do
    words[#words + 1] = word
  end
  tool.announce(difference, words)
elseif body then
  tool.give_back(nonce, kind, fingerprint, body, now)
elseif nonce == '' then
  local returning = {}
  if #indexes > 0 then
    local known = redis.call('HMGET', owners, unpack(indexes))
    for place, index in ipairs(indexes) do
      if not known[place] and redis.call('GETRANGE', seats, index, index) == 's' then
        returning[#returning + 1] = index
      end
    end
  end
  tool.count_buyer(device, -units, 0)
  tool.announce(pools, tool.mark(returning, 'f'))
end
return {'SETTLED'}
