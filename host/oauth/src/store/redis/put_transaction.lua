-- KEYS: base key. ARGV: state digest, value, network, client, now, expires, capacity
-- <base>:<digest> hash {value, expires, network, client}; <base>s by expiry;
-- <base>o:<owner> that owner's by expiry; <base>n owners by how many they hold.
local base, id, value = KEYS[1], ARGV[1], ARGV[2]
local now, expires, capacity = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local function drop(key)
  local owners = redis.call('HMGET', base .. ':' .. key, 'network', 'client')
  redis.call('DEL', base .. ':' .. key)
  redis.call('ZREM', base .. 's', key)
  for _, owner in ipairs(owners) do
    if owner then
      redis.call('ZREM', base .. 'o:' .. owner, key)
      if tonumber(redis.call('ZINCRBY', base .. 'n', -1, owner)) <= 0 then
        redis.call('ZREM', base .. 'n', owner)
      end
    end
  end
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', base .. 's', '-inf', now, 'LIMIT', 0, 100)) do
  drop(key)
end
while redis.call('ZCARD', base .. 's') >= capacity do
  local largest = redis.call('ZREVRANGE', base .. 'n', 0, 0)[1]
  local oldest = largest and redis.call('ZRANGE', base .. 'o:' .. largest, 0, 0)[1]
  if not oldest then
    oldest = redis.call('ZRANGE', base .. 's', 0, 0)[1]
  end
  drop(oldest)
end
redis.call('HSET', base .. ':' .. id, 'value', value, 'expires', expires,
  'network', ARGV[3], 'client', ARGV[4])
redis.call('ZADD', base .. 's', expires, id)
for _, owner in ipairs({ ARGV[3], ARGV[4] }) do
  redis.call('ZADD', base .. 'o:' .. owner, expires, id)
  redis.call('ZINCRBY', base .. 'n', 1, owner)
end
return redis.status_reply('OK')
