-- KEYS: family key, ended key. ARGV: generation, answer, answered until, milliseconds to keep the
-- answer, generations at most in grace, family, now. <key>:grace holds these by the end of their grace.
-- Returns 0 if the family has ended.
local key = KEYS[1]
local until_ended = redis.call('ZSCORE', KEYS[2], ARGV[6])
if until_ended and tonumber(until_ended) > tonumber(ARGV[7]) then
  return 0
end
if tonumber(redis.call('HGET', key, 'generation') or '') ~= tonumber(ARGV[1]) then
  return 1
end
redis.call('HDEL', key, 'claimed')
redis.call('HSET', key, 'generation', tonumber(ARGV[1]) + 1, 'answered_until', ARGV[3])
redis.call('SET', key .. ':answer', ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', key .. ':grace', ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYRANK', key .. ':grace', 0, -1 - tonumber(ARGV[5]))
redis.call('PEXPIRE', key .. ':grace', ARGV[4])
return 1
