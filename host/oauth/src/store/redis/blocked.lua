-- KEYS: blocked key. Returns clients and the seconds since which they are blocked, as pairs.
local flat = redis.call('HGETALL', KEYS[1])
local pairs_ = {}
for i = 1, #flat, 2 do
  pairs_[#pairs_ + 1] = { flat[i], flat[i + 1] }
end
return pairs_
