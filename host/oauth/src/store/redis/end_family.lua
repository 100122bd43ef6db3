-- KEYS: family key, ended key. ARGV: family, ended until
redis.call('DEL', KEYS[1], KEYS[1] .. ':answer', KEYS[1] .. ':grace')
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return redis.status_reply('OK')
