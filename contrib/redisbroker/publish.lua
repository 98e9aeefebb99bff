-- Adds a batch of messages to a topic: all of them, or none, and none twice.
--
-- KEYS  1 stream, 2 head
-- ARGV  1 writer, 2 number of the batch, 3 epoch for a new history, 4 messages to keep, 5 ms to keep them, 6 ms to keep the head, 7... messages
-- Returns the epoch and the number of the first message.
--
-- The head is a hash: epoch, seq (number of the last message), run (the server that gave it), oldest (a time not after that of the oldest
-- message, in ms), and for each writer "w" .. its name: the number of its last batch, that of its first message, and the time.
local stream, head = KEYS[1], KEYS[2]
local batch, history, keep = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local writer = 'w' .. ARGV[1]
local old = redis.call('HMGET', head, 'epoch', 'seq', 'run', 'oldest', writer)
local epoch, seq, oldest = old[1], tonumber(old[2] or 0), tonumber(old[4] or 0)

-- numbers as digits only: tostring has 14 of them
local function digits(n) return string.format('%.0f', n) end

if old[5] then
	local last, first = string.match(old[5], '^(%d+) (%d+)')
	if tonumber(last) == batch then return { epoch, first } end
	if tonumber(last) > batch then return redis.error_reply('STALE a later batch of this writer is there already') end
end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local info = redis.pcall('INFO', 'server') -- may be forbidden
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''

local prev = seq
if not epoch then
	epoch, seq, prev, oldest = ARGV[3], 0, 0, now
	redis.call('DEL', stream) -- the head alone may have been evicted
elseif run ~= '' and old[3] ~= run then
	-- This server did not give the last number. It may have lost messages that subscribers have: it must not use their numbers again.
	seq = seq + 16777216
end

if now - oldest >= keep then -- some may have expired
	local from, kept = '-', nil
	repeat
		local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', 4)
		for _, e in ipairs(entries) do
			local at = tonumber(e[2][2])
			if now - at < keep then
				kept, oldest = e[1], at
				break
			end
			from = '(' .. e[1]
		end
	until kept or #entries < 4
	if kept then
		redis.call('XTRIM', stream, 'MINID', '=', kept)
	else
		redis.call('XTRIM', stream, 'MAXLEN', '=', 0)
		oldest = now
	end
end

-- The head comes first: if a command fails in the middle, for missing rights, no number is used again. The writer's batch comes last: then it is done.
local first, count, at = seq + 1, #ARGV - 6, digits(now)
redis.call('HSET', head, 'epoch', epoch, 'seq', digits(seq + count), 'run', run, 'oldest', digits(oldest))
redis.call('PEXPIRE', head, ARGV[6])
local before, live = digits(prev), {}
for i = 1, count do
	local id, msg = digits(seq + i), ARGV[6 + i]
	redis.call('XADD', stream, id .. '-0', 't', at, 'p', before, 'm', msg)
	live[i] = epoch .. ' ' .. id .. ' ' .. before .. ' ' .. msg
	before = id
end
redis.call('XTRIM', stream, 'MAXLEN', '=', history)
redis.call('PEXPIRE', stream, ARGV[5])
for i = 1, count do redis.call('PUBLISH', stream, live[i]) end
redis.call('HSET', head, writer, digits(batch) .. ' ' .. digits(first) .. ' ' .. at)

if not old[5] and redis.call('HLEN', head) > 36 then -- forget the writers of yesterday
	local all = redis.call('HGETALL', head)
	for i = 1, #all, 2 do
		local at = string.match(all[i + 1], '^%d+ %d+ (%d+)$')
		if string.sub(all[i], 1, 1) == 'w' and at and now - tonumber(at) > 600000 then
			redis.call('HDEL', head, all[i])
		end
	end
end
return { epoch, digits(first) }
