-- sweep: return lapsed holds and claims to sale without any traffic, and forget what need not be remembered.
--
-- KEYS: state seats deadlines feed
-- ARGV:
--   1 shift_ms   added to the server's clock (tests move time with it; otherwise 0)
--   2 at_most    how many to return, and how many things to forget
-- Replies:
--   SWEPT count  how many holds and claims were returned
-- Invariant: a hold's stock returns exactly once, whoever returns it.

local FEED_KEPT = 5000
local now = clock(ARGV[1])
local tool = tools()
-- The first write is one that a server with a full memory allows.
call('XTRIM', feed, 'MAXLEN', '~', FEED_KEPT)
local count = tool.reap(now, ARGV[2])
tool.forget(now, ARGV[2])
return {'SWEPT', count}
