-- Reads the first page of restaurants, which are a hundred.
done = require("summary")

function init()
  wrk.path = "/restaurants"
end
