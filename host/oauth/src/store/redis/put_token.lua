-- KEYS: key. ARGV: value, expires, milliseconds to live
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'expires', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.status_reply('OK')
