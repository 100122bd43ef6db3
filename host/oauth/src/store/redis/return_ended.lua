-- KEYS: ended key. ARGV: ended until and family, in turn
redis.call('ZADD', KEYS[1], unpack(ARGV))
return redis.status_reply('OK')
