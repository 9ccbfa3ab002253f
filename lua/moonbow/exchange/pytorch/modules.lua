--- A module of PyTorch: an expression of Python, and its tensors.
--
-- A module is { code, class, tensors }. A tensor is { name, value, own, place, to, from }: its name in the module, the
-- weight of the layer, that one's name, the place of the layer for messages; to(value) is what PyTorch holds, and from
-- the way back.
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"

local modules = {}

--- Raises { refused = message }: what stands at a place has no module.
function modules.refuse(place, message) error { refused = ("%s: %s"):format(place, message) } end

-- ---- code ----

local function number(value)
  if value == math.huge or value == -math.huge then return ('float("%s")'):format(value > 0 and "inf" or "-inf") end
  return math.type(value) == "integer" and ("%d"):format(value) or ("%.9g"):format(value)
end

-- nn.NAME(1, 2, option=3). Names without nn. are of moonbow.exchange.pytorch.classes.
local function call(name, arguments, options)
  local parts = {}
  for i, value in ipairs(arguments or {}) do parts[i] = type(value) == "number" and number(value) or tostring(value) end
  for _, option in ipairs(options or {}) do parts[#parts + 1] = option end
  return ("%s(%s)"):format(name, table.concat(parts, ", "))
end

--- A module by the name of its class and the arguments of its constructor.
-- @param options texts such as "stride=2"
function modules.new(name, arguments, options, tensors)
  return { code = call(name, arguments, options), class = name, tensors = tensors or {} }
end

--- The text of an option that is not the default; nil if it is.
function modules.option(text, value, default)
  return value ~= default and (text .. "=" .. (type(value) == "number" and number(value) or tostring(value))) or nil
end

--- A list without the entries that are nil.
function modules.given(...)
  local list = {}
  for i = 1, select("#", ...) do list[#list + 1] = (select(i, ...)) end
  return list
end

-- ---- tensors ----

local function same(value) return value end

local function inverse(order)
  local back = {}
  for j, i in ipairs(order) do back[i] = j end
  return back
end

--- A tensor of a layer; to and from are the ways to PyTorch and back, the identity unless given.
function modules.tensor(layer, place, name, own, to, from)
  return { name = name, value = layer[own], own = own, place = place, to = to or same, from = from or to or same }
end

--- A number of each channel, in the order of the features (nil: moonbow's).
function modules.vector(layer, place, name, own, order)
  if not order then return modules.tensor(layer, place, name, own) end
  local back = inverse(order)
  return modules.tensor(layer, place, name, own, function(value) return core.index(value, order) end,
    function(value) return core.index(value, back) end)
end

--- (in, out) as (out, in), its inputs in the order of the features.
function modules.matrix(layer, place, name, own, order)
  local back = order and inverse(order)
  return modules.tensor(layer, place, name, own,
    function(value) return core.transpose(order and core.index(value, order) or value, 1, 2) end,
    function(value)
      value = core.transpose(value, 1, 2)
      return back and core.index(value, back) or value
    end)
end

--- (in, out) as (out, in, 1), and back.
function modules.points(value) return core.reshape(core.transpose(value, 1, 2), core.size(value, 2), -1, 1) end

function modules.points_back(value)
  return core.transpose(core.reshape(value, core.size(value, 1), core.size(value, 2)), 1, 2)
end

--- (kernel, in, out) as (out, in, kernel), and back.
function modules.turned(value) return core.transpose(value, 1, 3) end

--- Appends the bias of a layer, if it has one, to a list of tensors, and returns the list.
function modules.append_bias(tensors, layer, place)
  if layer.bias then tensors[#tensors + 1] = modules.tensor(layer, place, "bias", "bias") end
  return tensors
end

-- ---- activations ----

local activations = {
  linear = "nn.Identity", relu = "nn.ReLU", leaky_relu = "nn.LeakyReLU", elu = "nn.ELU", gelu = "nn.GELU",
  selu = "nn.SELU", softplus = "nn.Softplus", tanh = "nn.Tanh", sigmoid = "nn.Sigmoid", softmax = "nn.Softmax",
  log_softmax = "nn.LogSoftmax",
}

--- Appends the module of an activation (nil: none) to a list, and returns the list.
function modules.activate(list, name, alpha, place)
  if name == nil then return list end
  if not activations[name] then
    modules.refuse(place, ("the activation is %s, which PyTorch does not know"):format(
      type(name) == "function" and "a Lua function" or name))
  end
  local row, argument = elementwise.find(name), nil
  if name == "softmax" or name == "log_softmax" then argument = 1 end -- along channels
  if row and row.alpha then argument = alpha or row.alpha end
  list[#list + 1] = modules.new(activations[name], { argument })
  return list
end

return modules
