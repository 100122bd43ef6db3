-- KEYS: blocked key. ARGV: client, seconds, or nothing to end the block
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
end
return redis.status_reply('OK')
