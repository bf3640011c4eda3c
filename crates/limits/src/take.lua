-- Takes one token of every bucket in KEYS, or none of any. ARGV holds two numbers for each key: the microseconds in
-- which a token is gained, and the tokens that a full bucket holds. A key holds the moment, in microseconds since
-- 1970 by the clock of Redis, at which its bucket is full again; a full bucket has no key.
-- Returns 1 or 0 (taken or not), then for each key the microseconds until its bucket was full before anything was taken.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.call('MGET', unpack(KEYS))
local taken = 1
local answer = {}
for i = 1, #KEYS do
  local interval = tonumber(ARGV[2 * i - 1])
  local capacity = interval * tonumber(ARGV[2 * i])
  local missing = (tonumber(stored[i] or now) or now) - now
  if missing > capacity then
    -- More than empty: the clock was set back, or the limit was made tighter. Empty from now on, not until then.
    missing = capacity
    redis.call('SET', KEYS[i], string.format('%.0f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
  end
  missing = math.max(missing, 0)
  answer[i + 1] = missing
  if missing + interval > capacity then
    taken = 0
  end
end
answer[1] = taken
if taken == 1 then
  for i = 1, #KEYS do
    local missing = answer[i + 1] + tonumber(ARGV[2 * i - 1])
    redis.call('SET', KEYS[i], string.format('%.0f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
  end
end
return answer
