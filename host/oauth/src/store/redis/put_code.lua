-- ARGV: key, value, family, expires, milliseconds to live
redis.call('HSET', ARGV[1], 'value', ARGV[2], 'family', ARGV[3], 'expires', ARGV[4])
redis.call('PEXPIRE', ARGV[1], ARGV[5])
return redis.status_reply('OK')
