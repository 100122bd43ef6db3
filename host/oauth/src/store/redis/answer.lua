-- KEYS: family key. ARGV: generation, answer, answered until, milliseconds to keep the answer,
-- generations at most in grace. <key>:grace holds these by the end of their grace.
local key = KEYS[1]
if tonumber(redis.call('HGET', key, 'generation') or '') ~= tonumber(ARGV[1]) then
  return redis.status_reply('OK')
end
redis.call('HDEL', key, 'claimed')
redis.call('HSET', key, 'generation', tonumber(ARGV[1]) + 1, 'answered_until', ARGV[3])
redis.call('SET', key .. ':answer', ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', key .. ':grace', ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYRANK', key .. ':grace', 0, -1 - tonumber(ARGV[5]))
redis.call('PEXPIRE', key .. ':grace', ARGV[4])
return redis.status_reply('OK')
