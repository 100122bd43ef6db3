-- KEYS: blocked key, unblocked key. ARGV: client, seconds, or nothing to end the block. Ends are remembered
-- for a week, so that servers tell them from blocks that were lost.
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], '1')
  redis.call('EXPIRE', KEYS[2], 604800)
else
  redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return redis.status_reply('OK')
