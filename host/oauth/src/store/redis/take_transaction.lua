-- KEYS: base key. ARGV: state digest, now
local base, id, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
local entry = redis.call('HMGET', base .. ':' .. id, 'value', 'expires', 'network', 'client')
if not entry[1] then
  return false
end
redis.call('DEL', base .. ':' .. id)
redis.call('ZREM', base .. 's', id)
for i = 3, 4 do
  redis.call('ZREM', base .. 'o:' .. entry[i], id)
  if tonumber(redis.call('ZINCRBY', base .. 'n', -1, entry[i])) <= 0 then
    redis.call('ZREM', base .. 'n', entry[i])
  end
end
if tonumber(entry[2]) <= now then
  return false
end
return entry[1]
