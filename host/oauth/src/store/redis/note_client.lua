-- KEYS: clients key, used key. ARGV: client, text, seconds, at most
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
local more = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[4])
if more > 0 then
  for _, client in ipairs(redis.call('ZRANGE', KEYS[2], 0, more - 1)) do
    redis.call('HDEL', KEYS[1], client)
    redis.call('ZREM', KEYS[2], client)
  end
end
return redis.status_reply('OK')
