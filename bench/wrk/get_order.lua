-- Reads orders at random.
-- Arguments: the first and the last id.
done = require("summary")

local first, last

function init(arguments)
  first, last = tonumber(arguments[1]), tonumber(arguments[2])
end

function request()
  return wrk.format("GET", "/orders/" .. math.random(first, last))
end
