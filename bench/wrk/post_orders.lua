-- Places orders of a hundred customers at a hundred restaurants, with an Idempotency-Key each.
-- Argument: what the keys of this run begin with.
done = require("summary")

local order = require("order")
local prefix, count = nil, 0

function init(arguments)
  prefix = arguments[1]
  order.init()
end

function request()
  count = count + 1
  wrk.headers["Idempotency-Key"] = prefix .. "-" .. count
  return order.request()
end
