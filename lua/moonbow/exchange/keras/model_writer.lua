--- A model of Keras that is being made of layers of moonbow. Values are { layer, shape }: the layer of Keras that makes
-- it, and its shape without the batch.
local check = require "moonbow.check"
local elementwise = require "moonbow.elementwise"
local has_activation = require("moonbow.exchange.keras.options").has_activation

local Writer = {}
Writer.__index = Writer

--- Raises { node, message }: Keras does not have what stands at a place.
function Writer.refuse(where, format, ...) error { node = { where = where }, message = format:format(...) } end

--- Adds a layer of Keras and returns its output.
-- @param inputs list of values
-- @param shape of the output, without the batch
-- @param config its options, without the name; layer = { class, config } is a layer within it
-- @param weights list of tensors in Keras' order, or how they are arranged (moonbow.exchange.keras.arrange)
-- @param source the layer of moonbow whose weights are arranged
function Writer:add(class, inputs, shape, config, weights, source)
  local layer = { class = class, inputs = inputs, config = check.copy(config or {}), weights = weights or {},
    where = self.where, shape = shape }
  if source then layer.arrangement, layer.source, layer.weights = weights, source, weights.to(source, "") end
  self.layers[#self.layers + 1] = layer
  return { layer = layer, shape = shape }
end

--- Adds an activation (nil: none) behind a value.
function Writer:activate(x, name, alpha, where)
  if name == nil or name == "linear" then return x end
  if type(name) ~= "string" then self.refuse(where, "the activation is a Lua function") end
  local row = elementwise.find(name)
  if name == "leaky_relu" then
    return self:add("LeakyReLU", { x }, x.shape, { negative_slope = alpha or row.alpha })
  end
  if name == "elu" then return self:add("ELU", { x }, x.shape, { alpha = alpha or row.alpha }) end
  if not has_activation(name) then self.refuse(where, "Keras has no activation %s", name) end
  return self:add("Activation", { x }, x.shape, { activation = name })
end

--- Adds what values become together.
-- @param how "add", "multiply" or "concat"
function Writer:join(how, values)
  if #values == 1 then return values[1] end
  local shape = { table.unpack(values[1].shape) }
  if how ~= "concat" then return self:add(how == "add" and "Add" or "Multiply", values, shape) end
  for i = 2, #values do shape[#shape] = shape[#shape] + values[i].shape[#shape] end
  return self:add("Concatenate", values, shape, { axis = -1 })
end

--- The weights of moonbow that a layer of Keras holds, with what a list in Keras' order gives each: { { value, new } }.
function Writer.given_by(layer, list)
  local found = {}
  if not layer.arrangement then
    for i, value in ipairs(layer.weights) do found[i] = { value, list[i] } end
    return found
  end
  for name, new in pairs(layer.arrangement.from(list)) do found[#found + 1] = { layer.source[name], new } end
  return found
end

--- A writer without layers.
function Writer.new() return setmetatable({ layers = {} }, Writer) end

return Writer
