-- waiting_room: move the door by the time that has passed, then say where a visitor stands.
--
-- KEYS: state queue admitted
-- ARGV:
--   1 shift_ms       added to the server's clock (tests move time with it; otherwise 0)
--   2 visitor        opaque key
--   3 action         join, look or leave
--   4 per_second     how many the door lets in; 0 keeps it shut
--   5 admission_ms   how long one may stay
-- Replies:
--   WAITING ahead
--   ADMITTED until_ms
--   NOBODY           never joined, left, or the admission has expired
--   LEFT
-- Invariant: nobody is let in before somebody who joined earlier, and never faster than the pace allows, one
-- second's worth after a pause set aside.

local state, queue, admitted = KEYS[1], KEYS[2], KEYS[3]
local FORGOTTEN_AFTER_MS = 86400000
local PAUSE_KEPT_MS = 1000
local visitor, action, per_second = ARGV[2], ARGV[3], tonumber(ARGV[4])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local number = tonumber(redis.call('HGET', queue, visitor) or 0)
local until_ms = tonumber(redis.call('ZSCORE', admitted, visitor) or 0)
if until_ms > 0 and until_ms <= now or action == 'leave' and number > 0 then
  redis.call('HDEL', queue, visitor)
  redis.call('ZREM', admitted, visitor)
  number, until_ms = 0, 0
  if action == 'leave' then
    return {'LEFT'}
  end
end
if number == 0 and action ~= 'join' then
  return {'NOBODY'}
end

local known = redis.call('HMGET', state, 'issued', 'released', 'at_ms')
local issued, released = tonumber(known[1] or 0), tonumber(known[2] or 0)
local at_ms = tonumber(known[3] or 0)
if released == issued then
  at_ms = math.max(at_ms, now - PAUSE_KEPT_MS)
end
if number == 0 then
  issued = issued + 1
  number = issued
  redis.call('HSET', queue, visitor, number)
end
if per_second == 0 then
  at_ms = now
else
  local due = math.min(math.floor((now - at_ms) * per_second / 1000), issued - released)
  released = released + due
  at_ms = at_ms + math.ceil(due * 1000 / per_second)
end
redis.call('HSET', state, 'issued', issued, 'released', released, 'at_ms', at_ms)
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, FORGOTTEN_AFTER_MS)
end
if number > released then
  return {'WAITING', number - released - 1}
end
if until_ms == 0 then
  until_ms = now + ARGV[5]
  redis.call('ZADD', admitted, until_ms, visitor)
end
return {'ADMITTED', until_ms}
