--- The model in a file of Keras, as steps of moonbow.exchange.import.graph.
local check = require "moonbow.check"
local classes = require "moonbow.exchange.keras.classes"
local describe = require "moonbow.exchange.keras.description"
local special = require "moonbow.exchange.keras.special"
local squeeze_excite = require "moonbow.exchange.import.squeeze_excite"
local weights = require "moonbow.exchange.keras.weights"

local function fail(format, ...) error(format:format(...), 0) end

local MOST = 10000 -- steps, and places of layers and models

local Reader = {}
Reader.__index = Reader

-- ---- steps ----

function Reader.refuse_size() fail("it has more than %d layers, with those in several places", MOST) end

-- Adds the step of a spec behind others, and returns its number.
function Reader:add_step(spec, inputs, layer)
  if #self.steps == MOST then self:refuse_size() end
  self.steps[#self.steps + 1] = { type = spec.type, options = check.copy(spec.options), tensors = {}, inputs = inputs,
    spec = spec, name = layer.name, node = { where = ("layer %s (%s)"):format(check.show(layer.name), layer.class) } }
  return #self.steps
end

local function merge(type) return { type = type, options = {}, weights = {} } end

-- The output of a layer of several inputs. moonbow's sums and products have two.
function Reader:merge(layer, inputs)
  local class, steps = layer.class, {}
  local axis = class == "Concatenate" and layer.config.axis or -1
  if axis ~= -1 and axis ~= inputs[1].rank - 1 then
    fail("layer %s (Concatenate): the option axis is %s", check.show(layer.name), check.show(axis))
  end
  if class == "Multiply" and #inputs == 2 and inputs[1].is_point then inputs = { inputs[2], inputs[1] } end
  for i, input in ipairs(inputs) do
    if input.is_point and (class ~= "Multiply" or i == 1) then special.refuse_point(layer) end
    steps[i] = input.step
  end
  local last = steps[1]
  if class == "Concatenate" then
    if #steps > 1 then last = self:add_step(merge "Concat", steps, layer) end
  else
    for i = 2, #steps do
      last = self:add_step(merge(classes.merges[class]), { last, steps[i] }, layer)
      self.steps[last].has_gates = inputs[i].is_point
    end
  end
  return { step = last, rank = inputs[1].rank }
end

local ends_rank = { Flatten = 2, GlobalAvgPool1d = 2, GlobalMaxPool1d = 2 }
local ends_rank_at_last = { LSTM = true, GRU = true }

-- The output of a layer's specs behind an input.
function Reader:add_specs(layer, specs, input)
  local step, rank = input.step, input.rank
  for _, spec in ipairs(specs) do
    step = self:add_step(spec, { step }, layer)
    rank = ends_rank[spec.type] or ends_rank_at_last[spec.type] and not spec.options.return_sequences and 2 or rank
  end
  local is_point = special.is_point_after(layer, input)
  return { step = step, rank = is_point and 3 or rank, is_point = is_point }
end

-- Raises unless a layer that is no merge takes what it gets: one input, or one several times if it takes these.
local function check_inputs(layer, inputs)
  if inputs.is_causal and layer.class ~= "MultiHeadAttention" then
    fail("layer %s (%s): it is called with use_causal_mask = true", check.show(layer.name), layer.class)
  end
  if classes.takes_itself[layer.class] then
    for _, input in ipairs(inputs) do
      if input.step ~= inputs[1].step or input.pad or input.is_point then
        fail("layer %s (%s): attention between different inputs", check.show(layer.name), layer.class)
      end
    end
  elseif #inputs > 1 then
    fail("layer %s (%s): it has %d inputs, of which moonbow's layer takes one", check.show(layer.name), layer.class,
      #inputs)
  end
end

-- The output of a layer at one of its places.
function Reader:place(layer, inputs)
  local class, input = layer.class, inputs[1]
  if not input then fail("layer %s has no input", check.show(layer.name)) end
  for _, one in ipairs(inputs) do
    if one.pad and not special.takes_pad[class] then fail("a ZeroPadding1D that no Conv1D follows") end
    one.is_used = one.is_used or class ~= "Reshape"
  end
  if classes.merges[class] then return self:merge(layer, inputs) end
  check_inputs(layer, inputs)
  if special[class] then return special[class](layer, input, self) end
  if input.is_point and not special.takes_point[class] then special.refuse_point(layer) end
  local make = type(classes[class]) == "function" and classes[class]
    or fail("moonbow has no layer for %s (layer %s)", check.show(class), check.show(layer.name))
  local ok, specs = check.refusal(make, layer.config, input.pad, input.rank, self.file.is_3)
  if not ok then fail("layer %s (%s): %s", check.show(layer.name), class, check.reason(specs)) end
  if not layer.specs then weights.locate(self.file, layer, specs) end
  layer.specs = layer.specs or specs
  for i, spec in ipairs(specs) do -- padding and masks may differ from place to place
    spec.weights, spec.options.causal = layer.specs[i].weights, inputs.is_causal or nil
  end
  return self:add_specs(layer, specs, input)
end

-- ---- models ----

-- The shape of one input, { L, C } or { C }, of a description; nil if it has none.
local function shape_of(config, length)
  local dims = config.batch_shape or config.batch_input_shape
  if type(dims) ~= "table" then return nil end
  local shape = {}
  for i = 2, #dims do
    local value = math.tointeger(dims[i]) or length and i == 2 and #dims == 3 and length
    if not value or value < 1 then fail("the length of its input is free; give the option length") end
    shape[i - 1] = value
  end
  return shape
end

-- Adds an input of the whole model.
function Reader:add_input(layer)
  local first = layer
  while first.inner do first = first.inner.layers[1] end
  local shape = shape_of(first.config, self.length) or fail("the shape of its input is not known")
  self.steps[#self.steps + 1] = { inputs = {}, name = layer.name }
  local value = { step = #self.steps, rank = #shape + 1, shape = shape, name = layer.name }
  self.inputs[#self.inputs + 1] = value
  return value
end

-- The values of the inputs of a model by reference: those given, or new ones of the whole model.
function Reader:inputs_of(model, given)
  local values, by_name = {}, {}
  for _, layer in ipairs(model.layers) do by_name[layer.name] = layer end
  for i, reference in ipairs(model.inputs) do
    local layer = by_name[reference:match "^(.*)/0/0$"]
    if not layer or layer.class ~= "InputLayer" then fail("its input %s is none", check.show(reference)) end
    values[reference] = given and given[i] or self:add_input(layer)
  end
  if #model.inputs > 0 then return values end
  for _, layer in ipairs(model.layers) do
    if #layer.nodes[1] == 0 then return values, given and given[1] or self:add_input(layer) end
  end
  return values
end

-- Raises unless a model in a model gets as many inputs as it has.
local function check_count(layer, inputs)
  local count = math.max(#layer.inner.inputs, 1)
  if #inputs ~= count then
    fail("layer %s (%s): it takes %d inputs and gets %d", check.show(layer.name), layer.class, count, #inputs)
  end
end

-- Finds the weights of a model's layers, which files number in the order of the layers.
function Reader:find_weights(model, scope)
  for _, layer in ipairs(model.layers) do
    if layer.inner then
      layer.scope = layer.scope or self.file:inside(layer.class, layer.name, scope)
    else
      layer.paths = layer.paths or self.file:paths_of(layer.class, layer.name, scope)
    end
  end
end

-- The calls of a model's layers: { layer, place, names of the inputs }.
local function calls_of(model)
  local calls = {}
  for _, layer in ipairs(model.layers) do
    for k, names in ipairs(layer.class ~= "InputLayer" and layer.nodes or {}) do
      calls[#calls + 1] = { layer = layer, place = k - 1 + (layer.first_place or 0), names = names }
    end
  end
  return calls
end

-- The inputs of a call; nil if one is not there yet.
local function inputs_of_call(call, values)
  local inputs = { is_causal = call.names.is_causal }
  for i, name in ipairs(call.names) do
    inputs[i] = values[name]
    if not inputs[i] then return nil end
  end
  return inputs
end

local function refuse_call(call, values)
  for _, name in ipairs(call.names) do
    if not values[name] then
      fail("layer %s takes %s, which nothing before it makes", check.show(call.layer.name),
        check.show((name:gsub("/0$", ""))))
    end
  end
end

-- The outputs of a layer at one of its places: a list.
function Reader:outputs_of(layer, inputs)
  self.places = self.places + 1
  if self.places > MOST then self:refuse_size() end
  if not layer.inner then return { self:place(layer, inputs) } end
  check_count(layer, inputs)
  return self:run(layer.inner, inputs, layer.scope)
end

-- Adds the steps of all calls. Layers stand in the order of their first call: a later call may take what a layer behind
-- makes, and waits for it.
function Reader:run_calls(calls, values, first)
  while #calls > 0 do
    local waiting = {}
    for _, call in ipairs(calls) do
      local inputs = inputs_of_call(call, values)
      if inputs and #inputs == 0 then inputs[1], first = first, nil end
      for number, value in ipairs(inputs and self:outputs_of(call.layer, inputs) or {}) do
        values[("%s/%d/%d"):format(call.layer.name, call.place, number - 1)] = value
        if not call.layer.inner then value.name = call.layer.name end
      end
      if not inputs then waiting[#waiting + 1] = call end
    end
    if #waiting == #calls then refuse_call(calls[1], values) end
    calls = waiting
  end
end

--- Adds the steps of a model, and returns its outputs.
-- @param given? list of its inputs; none for the whole model
-- @param scope? of its weights
function Reader:run(model, given, scope)
  local values, first = self:inputs_of(model, given)
  self:find_weights(model, scope)
  self:run_calls(calls_of(model), values, first)
  local outputs = {}
  for i, reference in ipairs(model.outputs) do
    local value = values[reference] or fail("its output %s is made by no layer", check.show(reference))
    outputs[i] = { step = value.step, rank = value.rank, pad = value.pad, is_point = value.is_point, name = value.name }
  end
  return outputs
end

-- Makes a product of maps and gates a SqueezeExcite, in place.
local function join_gates(steps, product)
  local maps, gates = table.unpack(product.inputs)
  local options, tensors = squeeze_excite(steps, maps, gates)
  if not options then
    error { node = product.node, message = "a product with one point that is no squeeze and excitation" }
  end
  product.type, product.options, product.tensors, product.inputs = "SqueezeExcite", options, tensors, { maps }
end

--- The steps of the model in a file, of which the first are its inputs; its inputs { name, shape }; and its outputs
-- { step, name }.
-- @param opened from moonbow.exchange.keras.file
-- @param length of spectra that the description leaves open; nil: unknown
return function(opened, length)
  local self = setmetatable({ file = opened, length = length, steps = {}, inputs = {}, places = 0 }, Reader)
  local outputs = self:run(describe(opened.config))
  for _, output in ipairs(outputs) do
    if output.pad then fail("a ZeroPadding1D at its end") end
    if output.is_point then fail("an output of one point that stands for rows") end
  end
  special.check_rows(self.inputs)
  weights.fill(self.file, self.steps)
  for _, step in ipairs(self.steps) do
    if step.has_gates then join_gates(self.steps, step) end
  end
  return self.steps, self.inputs, outputs
end
