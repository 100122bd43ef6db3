-- ARGV: family key, generation
if tonumber(redis.call('HGET', ARGV[1], 'generation') or '') == tonumber(ARGV[2]) then
  redis.call('HDEL', ARGV[1], 'claimed')
end
return redis.status_reply('OK')
