-- KEYS: ended key. ARGV: now, at most. Removes what has expired, returns the rest as pairs.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local flat = redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
local pairs_ = {}
for i = 1, #flat, 2 do
  pairs_[#pairs_ + 1] = { flat[i], string.format('%.0f', flat[i + 1]) }
end
return pairs_
