-- KEYS: key. ARGV: value, family, expires, milliseconds to live
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'family', ARGV[2], 'expires', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return redis.status_reply('OK')
