-- ARGV: family key, ended key, family, ended until
redis.call('DEL', ARGV[1], ARGV[1] .. ':answer', ARGV[1] .. ':grace')
redis.call('ZADD', ARGV[2], ARGV[4], ARGV[3])
return redis.status_reply('OK')
