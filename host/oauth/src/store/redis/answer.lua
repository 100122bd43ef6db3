-- ARGV: family key, generation, answer, answered until, milliseconds to keep the answer
local key = ARGV[1]
if tonumber(redis.call('HGET', key, 'generation') or '') ~= tonumber(ARGV[2]) then
  return redis.status_reply('OK')
end
redis.call('HDEL', key, 'claimed')
redis.call('HSET', key, 'generation', tonumber(ARGV[2]) + 1, 'answered_until', ARGV[4])
redis.call('SET', key .. ':answer', ARGV[3], 'PX', ARGV[5])
return redis.status_reply('OK')
