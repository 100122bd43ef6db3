-- KEYS: family key. ARGV: generation
if tonumber(redis.call('HGET', KEYS[1], 'generation') or '') == tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[1], 'claimed')
end
return redis.status_reply('OK')
