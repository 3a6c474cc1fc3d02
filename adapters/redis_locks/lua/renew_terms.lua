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

local epoch, version = string.match(redis.call('HGET', KEYS[1], 'stamp') or '', '^(%d+)%.(%d+)$')
if epoch ~= ARGV[1] or tonumber(version) >= tonumber(ARGV[2]) then
  return {'KNOWN'}
end
redis.call('HSET', KEYS[1], 'stamp', ARGV[1] .. '.' .. ARGV[2])
return {'RENEWED'}
