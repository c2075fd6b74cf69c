-- Places orders of a hundred customers at a hundred restaurants, without an Idempotency-Key.
done = require("summary")

local order = require("order")

init, request = order.init, order.request
