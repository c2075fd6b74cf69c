-- The request that places an order.
local order = {}

function order.init()
  wrk.method, wrk.path = "POST", "/orders"
  wrk.headers["Content-Type"] = "application/json"
end

function order.request()
  wrk.body = string.format(
    '{"userId": %d, "restaurantId": %d, "items": [{"name": "Pho", "qty": 2}], "totalPrice": 25.00}',
    math.random(100), math.random(100)
  )
  return wrk.format()
end

return order
