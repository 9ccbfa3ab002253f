--- The classes of the results of functions, for completion behind a call that has not run yet. The reference has them
-- for all functions, but reading it takes longer than the 20 ms of Tab.
local counted = require "moonbow.counted"

-- Classes, with the functions that return them; "nn.*": functions of mb.nn with a capital letter; "models.+": all of
-- mb.models.
local makers = {
  tensor = "tensor zeros ones full arange linspace rand randn concat", rng = "rng", history = "fit",
  evaluation = "evaluate", layer = "nn.* models.+", optimizer = "optim.*", figure = "plot.+",
  forest = "forest.fit", linear = "linear.fit", neighbours = "neighbours.fit",
}

local methods = { history = { plot = "figure" }, evaluation = { plot = "figure" }, layer = { first = "layer" } }

local returned = {}

local function add_module(found, module, class, pattern)
  for name, f in next, module do
    if type(f) == "function" and name:find(pattern) then found[counted.original(f)] = class end
  end
end

local function find_all()
  local mb, found = require "moonbow", {}
  for class, paths in pairs(makers) do
    for path in paths:gmatch "%S+" do
      local module, name = path:match "^(%w+)%.(.+)$"
      local where = module and mb[module] or mb
      if name == "*" or name == "+" then
        add_module(found, where, class, name == "*" and "^%u" or "")
      else
        found[counted.original(where[name or path])] = class
      end
    end
  end
  for class, results in pairs(methods) do
    for name, result in pairs(results) do found[counted.original(counted.classes[class][name])] = result end
  end
  return found
end

local cache

--- The class of the result of a function, by its name in the reference; nil if it is not known.
function returned.class(f)
  return returned.all()[counted.original(f)]
end

--- All known functions, with the class of the result of each.
function returned.all()
  cache = cache or find_all()
  return cache
end

return returned
