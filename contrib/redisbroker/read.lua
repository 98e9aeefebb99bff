-- Reads the messages of a topic behind a position, as many as go into one answer.
--
-- KEYS  1 stream, 2 head
-- ARGV  1 epoch and 2 number of the position, 0 and 0 for the beginning, 3 ms that messages are kept, 4 messages at most, 5 bytes at most,
--       6 how many of the newest messages there are for this reader, 0: all
-- Returns the topic's epoch ('' when it has no history), its last number, whether there is no gap behind the position, and number and message of each.
local stream, head = KEYS[1], KEYS[2]
local most, size, visible = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local h = redis.call('HMGET', head, 'epoch', 'seq')
local epoch, last = h[1], tonumber(h[2] or 0)
local beginning = ARGV[1] == '0' and ARGV[2] == '0'
if not epoch then return { '', '0', beginning and 1 or 0 } end

local t = redis.call('TIME')
local expired = t[1] * 1000 + math.floor(t[2] / 1000) - tonumber(ARGV[3])

-- floor is a number that all visible messages are behind, and edge that of the message in front of them
local floor, edge = 0, 0
local length = redis.call('XLEN', stream)
if visible > 0 and length > visible then
	local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
	floor, edge = last - visible, last - visible
	if tonumber(string.match(oldest[1], '^%d+')) ~= last - length + 1 then -- not one number after the other: count them
		local entries = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', visible)
		oldest = entries[#entries]
		floor, edge = tonumber(string.match(oldest[1], '^%d+')) - 1, tonumber(oldest[2][4])
	end
end

-- behind appends what is behind a number to answer, and returns which number the first message follows
local function behind(from, answer)
	local follows, bytes = nil, 0
	repeat
		local entries = redis.call('XRANGE', stream, '(' .. from .. '-0', '+', 'COUNT', 16)
		for _, e in ipairs(entries) do
			local f = e[2] -- t, p, m
			from = string.match(e[1], '^%d+')
			if tonumber(f[2]) > expired then
				follows = follows or f[4]
				answer[#answer + 1] = from
				answer[#answer + 1] = f[6]
				bytes = bytes + #f[6]
				if #answer - 3 >= 2 * most or bytes >= size then return follows end
			end
		end
	until #entries < 16
	return follows
end

if ARGV[1] == epoch and tonumber(ARGV[2]) <= last then
	local answer = { epoch, h[2], 1 }
	if tonumber(ARGV[2]) == last or tonumber(ARGV[2]) >= edge and behind(ARGV[2], answer) == ARGV[2] then return answer end
end
local answer = { epoch, h[2], beginning and 1 or 0 }
behind(string.format('%.0f', floor), answer)
return answer
