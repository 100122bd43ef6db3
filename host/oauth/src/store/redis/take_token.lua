-- KEYS: key. ARGV: now
local entry = redis.call('HMGET', KEYS[1], 'value', 'expires')
redis.call('DEL', KEYS[1])
if not entry[1] or tonumber(entry[2]) <= tonumber(ARGV[1]) then
  return false
end
return entry[1]
