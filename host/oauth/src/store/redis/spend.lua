-- KEYS: family key, ended key. ARGV: family, generation, now, lease until, ended until, ms to live
local key, ended, family = KEYS[1], KEYS[2], ARGV[1]
local generation, now = tonumber(ARGV[2]), tonumber(ARGV[3])
local until_ended = redis.call('ZSCORE', ended, family)
if until_ended and tonumber(until_ended) > now then
  return { 'ended' }
end
local entry = redis.call('HMGET', key, 'generation', 'claimed', 'answered_until')
local current = tonumber(entry[1] or '')
if not current or generation == current then
  if current and entry[2] and tonumber(entry[2]) > now then
    return { 'busy' }
  end
  redis.call('HSET', key, 'generation', generation, 'claimed', ARGV[4])
  redis.call('PEXPIRE', key, ARGV[6])
  return { 'claimed' }
end
-- A replica of version 1.0 writes `answered_until` alone, for the generation before this one.
local grace = redis.call('ZSCORE', key .. ':grace', ARGV[2])
if not grace and generation + 1 == current then
  grace = entry[3]
end
if grace and tonumber(grace) > now then
  local answer = redis.call('GET', key .. ':answer')
  if answer then
    return { 'answered', answer, string.format('%.0f', current) }
  end
end
redis.call('DEL', key, key .. ':answer', key .. ':grace')
redis.call('ZADD', ended, ARGV[5], family)
return { 'ended' }
