--- mb.nn.class: layers of a user's own.
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local inputs = require "moonbow.nn.inputs"
local made = require "moonbow.made"
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
  function class.forward(layer, x) return autograd.share(forward(layer, inputs.map(x, autograd.share))) end
  made[class.forward] = forward
  class.takes_named = true
  return class
end

--- Defines a kind of layer of your own, with weights or without. Models with it are saved and loaded as all others, by
-- scripts that have called nn.class with the name before mb.load.
--
-- The functions get the layer, with its options in layer.options; layer.training is true in training mode:
--
-- - forward(layer, x), required, returns the output, made by tensor operations or mb.operation so that gradients pass;
-- - make(layer, shape, rng), called once, with the shape of the first input, batch first, makes the weights by
--   layer:add_parameter and layer:add_buffer; they are then in layer[name];
-- - output_shape(layer, shape) returns the shape of the output, batch first; without it, forward is tried on zeros;
-- - macs(layer, input, output) returns the multiply-adds of one spectrum, from shapes, for summary; none without it;
-- - init(layer, options), called when the layer is constructed, may check its options.
--
-- Further functions are methods of the layer. A layer of several inputs gets a table of tensors by name in place of x,
-- and of shapes in place of shape; mb.fit calls a network that is one with the named tensors of its set.
-- @param name string letters, digits and underscores, for messages, summaries and files; one of moonbow's layers
--   raises, one of yours is replaced
-- @param options table of defaults: { rate = 0.5, activation = "relu" } takes a number rate and a string activation; an
--   unknown option, or a value of another kind than the default, raises
-- @param functions table as above
-- @return function the constructor, which takes a table of options
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
  own[name], made[construct] = true, { name, check.copy(options), copy }
  return construct
end

return class
