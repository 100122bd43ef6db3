-- ARGV: family key, generation, answer, answered until, milliseconds to keep the answer,
-- generations at most in grace. <key>:grace holds these by the end of their grace.
local key = ARGV[1]
if tonumber(redis.call('HGET', key, 'generation') or '') ~= tonumber(ARGV[2]) then
  return redis.status_reply('OK')
end
redis.call('HDEL', key, 'claimed')
redis.call('HSET', key, 'generation', tonumber(ARGV[2]) + 1, 'answered_until', ARGV[4])
redis.call('SET', key .. ':answer', ARGV[3], 'PX', ARGV[5])
redis.call('ZADD', key .. ':grace', ARGV[4], ARGV[2])
redis.call('ZREMRANGEBYRANK', key .. ':grace', 0, -1 - tonumber(ARGV[6]))
redis.call('PEXPIRE', key .. ':grace', ARGV[5])
return redis.status_reply('OK')
