-- KEYS: clients key
return redis.call('HVALS', KEYS[1])
