-- KEYS: blocked key, unblocked key. ARGV: client and seconds, in turn
for i = 1, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then
    redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return redis.status_reply('OK')
