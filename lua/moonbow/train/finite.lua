--- Finds NaN and infinity in a training and traces them to their origin.
local core = require "moonbow.core"
local named = require "moonbow.train.named"

local finite = {}

--- True if a number is neither NaN nor infinite.
function finite.is_number(value) return value == value and math.abs(value) < math.huge end

local function is_bad(x)
  local bad = false
  named.map(x, function(part) bad = bad or core.find_non_finite { part } ~= nil end)
  return bad
end

local function name_of(part, path) return ("layer %s (%s)"):format(path == "" and "1" or path, part.type) end

-- Returns a message on the first weight or buffer for which tensor_of(entry) is not finite, such as "layer 3 (Dense):
-- its gradient of weight is not finite", or nil. list is the layers' method: "parameters" or "buffers".
local function first_bad(model, list, tensor_of, kind)
  local found
  model:visit(function(part, path)
    for _, entry in ipairs(part.layers and {} or part[list](part)) do
      local tensor = tensor_of(entry)
      if not found and tensor and is_bad(tensor) then
        found = ("%s: its %s%s is not finite"):format(name_of(part, path), kind, entry.name)
      end
    end
  end)
  return found
end

local function value_of(entry) return entry.value end

--- Names the first weight or running statistic that is not finite, or nil.
function finite.bad_state(model)
  return first_bad(model, "parameters", value_of, "") or first_bad(model, "buffers", value_of, "")
end

--- Names the first gradient that is not finite, or nil.
function finite.bad_gradient(model)
  return first_bad(model, "parameters", function(entry) return entry.value.grad end, "gradient of ")
end

-- Names the first layer with an output on x that is not finite, or nil.
local function bad_output(model, x)
  local paths = {}
  model:visit(function(part, path) paths[part] = name_of(part, path) end)
  for _, step in ipairs(model:trace_on(x)) do
    if not step.finite then return paths[step.layer] .. ": its output is the first that is not finite" end
  end
end

--- Names the origin of a NaN or infinity in the loss on x and y: the data, a weight, or the first layer whose output
-- holds one.
function finite.blame(model, x, y)
  if is_bad(x) then return "the input holds NaN or infinity" end
  if is_bad(y) then return "the labels or targets hold NaN or infinity" end
  return finite.bad_state(model) or bad_output(model, x) or "no layer's output: the loss itself"
end

return finite
