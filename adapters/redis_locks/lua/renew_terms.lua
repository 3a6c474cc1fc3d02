-- renew_terms: a newer version of the sale exists; holds asked for under an older one are sent back.
--
-- KEYS: state
-- ARGV:
--   1 epoch     of the sale
--   2 version   of the sale
-- Replies:
--   RENEWED
--   KNOWN       no stock, of another epoch, or at this version or a later one
-- Invariant: the version never falls.

local known = redis.call('HMGET', KEYS[1], 'epoch', 'version')
if known[1] ~= ARGV[1] or tonumber(known[2]) >= tonumber(ARGV[2]) then
  return {'KNOWN'}
end
redis.call('HSET', KEYS[1], 'version', ARGV[2])
return {'RENEWED'}
