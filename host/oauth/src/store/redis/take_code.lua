-- ARGV: key, now, remember until, milliseconds to remember
local entry = redis.call('HMGET', ARGV[1], 'value', 'family', 'expires')
if not entry[2] or tonumber(entry[3]) <= tonumber(ARGV[2]) then
  return { 'unknown' }
end
redis.call('HDEL', ARGV[1], 'value')
redis.call('HSET', ARGV[1], 'expires', ARGV[3])
redis.call('PEXPIRE', ARGV[1], ARGV[4])
if entry[1] then
  return { 'fresh', entry[1] }
end
return { 'spent', entry[2] }
