-- sweep: return lapsed holds and claims to sale without any traffic, and forget what need not be remembered.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 at_most    how many things to do
-- Replies:
--   SWEPT count  how many holds and claims were returned
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local FEED_KEPT = 5000
call('XTRIM', feed, 'MAXLEN', '~', FEED_KEPT)
return {'SWEPT', tools().reap(clock(ARGV[1]), ARGV[2])}
