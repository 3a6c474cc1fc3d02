-- snapshot: all free stock at one moment.
--
-- KEYS: meta seats
-- ARGV: none
-- Replies:
--   STOCK seat_states [epoch, version, change and pools, each followed by its value]
--   NONE              nothing is loaded
-- Invariant: reads only; pools and seats belong to the same change.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'NONE'}
end
return {'STOCK', redis.call('GET', KEYS[2]) or '', redis.call('HGETALL', KEYS[1])}
