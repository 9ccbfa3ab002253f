--- mb.nn.class: layers of a user's own.
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

local known = { "forward", "make", "output_shape", "macs", "init" }

local own = {} -- the names that scripts have defined

local function check_name(name)
  check.kind("nn.class", "name", name, "string")
  if not name:find "^[%a_][%w_]*$" then
    check.fail("nn.class", "name: expected letters, digits and underscores, got %s", check.show(name))
  end
  if Layer.constructors[name] and not own[name] then
    check.fail("nn.class", "name: moonbow has a layer %s; take another name", name)
  end
end

-- The class of a user's table, which itself stays as it is. Its forward gets and gives tensors that it may keep: those
-- between the layers of a network are closed when nothing else needs them.
local function copy_class(given)
  check.kind("nn.class", "functions", given, "table")
  check.kind("nn.class", "functions.forward", given.forward, "function")
  for _, name in ipairs(known) do
    if given[name] ~= nil then check.kind("nn.class", "functions." .. name, given[name], "function") end
  end
  local class, forward = {}, given.forward
  for key, value in pairs(given) do class[key] = value end
  function class.forward(layer, x) return autograd.share(forward(layer, autograd.share(x))) end
  return class
end

--- A kind of layer of your own, with weights or without. Models with it are saved and loaded as all others, by scripts
-- that have called nn.class with the name before mb.load.
--
-- @param name of the layer, letters, digits and underscores, in messages, summaries and files. One of moonbow's own
--   raises; one of yours is replaced.
-- @param options a table of defaults: { rate = 0.5, activation = "relu" } takes a number rate and a string activation.
--   Unknown options, and values of another kind than the default, raise.
-- @param functions a table of functions, which get the layer, with the options in layer.options:
--   forward(layer, x), required, returns the output, made by tensor operations or mb.operation so that gradients pass;
--   make(layer, shape, rng), called once, with the shape of the first input, batch first, makes the weights:
--   layer:add_parameter(name, initializer, rng, shape, fan_in, fan_out) for what is trained, layer:add_buffer(name,
--   tensor) for what is only saved; both are then in layer[name];
--   output_shape(layer, shape) returns the shape of the output, batch first (left out: forward is tried on zeros);
--   macs(layer, input, output) returns the multiply-adds of one spectrum, from shapes, for summary (left out: none).
--   init(layer, options), called when the layer is constructed, may check options.
--   layer.training is true in training mode. Further functions are methods of the layer.
-- @return the constructor: Scale{ options }
-- @usage
-- local Scale = mb.nn.class("Scale", { initializer = "ones" }, {
--   make = function(layer, shape, rng)
--     layer:add_parameter("weight", layer.options.initializer, rng, { shape[#shape] }, 1, 1)
--   end,
--   forward = function(layer, x) return x * layer.weight end,
-- })
-- local model = mb.nn.Sequential { Scale {}, mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
local function class(name, options, functions)
  check_name(name)
  check.kind("nn.class", "options", options, "table")
  local copy = copy_class(functions)
  local construct = Layer.class(name, check.copy(options), copy, copy.init)
  own[name] = true
  return construct
end

return class
