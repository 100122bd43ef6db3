-- KEYS: key. ARGV: now, remember until, milliseconds to remember
local entry = redis.call('HMGET', KEYS[1], 'value', 'family', 'expires')
if not entry[2] or tonumber(entry[3]) <= tonumber(ARGV[1]) then
  return { 'unknown' }
end
redis.call('HDEL', KEYS[1], 'value')
redis.call('HSET', KEYS[1], 'expires', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if entry[1] then
  return { 'fresh', entry[1] }
end
return { 'spent', entry[2] }
