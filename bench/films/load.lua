-- The load: wrk ... -s load.lua http://host:port -- one|list|post
--
-- The ids 1 to 1000 follow one another over all connections, so that no two requests which are under way at once ask for the
-- same film: who answers two of them from one result has no advantage of it.

local films = 1000
local requests, last = {}, 0

local function spread(format)
  for id = 1, films do
    requests[id] = format(id)
  end
end

function init(args)
  if args[1] == "one" then
    spread(function(id) return wrk.format("GET", "/films/" .. id .. "/") end)
  elseif args[1] == "list" then
    requests[1] = wrk.format("GET", "/films/")
  elseif args[1] == "post" then
    local headers = { ["Content-Type"] = "application/json" }
    spread(function(id) return wrk.format("POST", "/reviews/", headers, '{"film_id":' .. id .. ',"rating":4}') end)
  else
    error("no load is named " .. tostring(args[1]))
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"Requests":%d,"Micros":%d,"Bytes":%d,"Failed":%d,"Refused":%d,"P50":%.0f,"P99":%.0f}\n',
    summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
