-- KEYS: blocked key, unblocked key. Returns clients and the seconds since which they are blocked, as pairs, and
-- clients whose block was ended.
local flat = redis.call('HGETALL', KEYS[1])
local pairs_ = {}
for i = 1, #flat, 2 do
  pairs_[#pairs_ + 1] = { flat[i], flat[i + 1] }
end
return { pairs_, redis.call('HKEYS', KEYS[2]) }
