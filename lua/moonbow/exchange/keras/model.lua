--- The description of a model of Keras, as steps of moonbow.exchange.import.tree.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local classes = require "moonbow.exchange.keras.classes"

local function fail(format, ...) error(format:format(...), 0) end

local MOST_LAYERS = 5000

-- ---- the places of layers in a graph ----

-- Adds the names and places "name/number" that a description of inputs holds, in order: lists of { name, number, ... }
-- in Keras 1 and 2, tensors with a history in Keras 3.
local function add_inputs(value, found, depth)
  if type(value) ~= "table" or depth > limits.depth then return end
  local history = type(value.config) == "table" and value.config.keras_history
  if value.class_name == "__keras_tensor__" and type(history) == "table" then value = history end
  if type(value[1]) == "string" and math.tointeger(value[2]) then
    found[#found + 1] = ("%s/%d"):format(value[1], value[2])
    return
  end
  for _, part in ipairs(value) do add_inputs(part, found, depth + 1) end
  if value.args then add_inputs(value.args, found, depth + 1) end
end

local function inputs_of(node)
  local found = {}
  add_inputs(node, found, 1)
  return found
end

-- The layers of a Sequential as { class, config, name, nodes }, each with the one before as its input.
local function chained(list)
  local layers = {}
  for i, entry in ipairs(list) do
    local before = layers[i - 1]
    layers[i] = { class = entry.class_name, config = entry.config, name = (entry.config or {}).name,
      nodes = { before and { before.name .. "/0" } or {} } }
  end
  return layers
end

local function graphed(list)
  local layers = {}
  for i, entry in ipairs(list) do
    local nodes = {}
    local given = type(entry.inbound_nodes) == "table" and entry.inbound_nodes or {}
    for k, node in ipairs(given) do nodes[k] = inputs_of(node) end
    if #nodes == 0 then nodes[1] = {} end
    layers[i] = { class = entry.class_name, config = entry.config, name = entry.name or (entry.config or {}).name,
      nodes = nodes }
  end
  return layers
end

-- Returns the layers of a description, and the place of its output.
local function layers_of(config)
  local inner = config.config
  local list = config.class_name == "Sequential" and type(inner) == "table" and (inner.layers or inner)
    or type(inner) == "table" and inner.layers
  if type(list) ~= "table" or #list == 0 or #list > MOST_LAYERS then
    fail("a model of the class %s, which holds no list of layers", check.show(config.class_name))
  end
  for i, entry in ipairs(list) do
    if type(entry) ~= "table" or type(entry.config) ~= "table" then fail("layer %d is no object with a config", i) end
  end
  local is_chain = config.class_name == "Sequential"
  local layers = (is_chain and chained or graphed)(list)
  for i, layer in ipairs(layers) do
    if type(layer.class) ~= "string" or type(layer.config) ~= "table" or type(layer.name) ~= "string" then
      fail("layer %d has no class or name", i)
    end
  end
  if is_chain then return layers, layers[#layers].name .. "/0" end
  local outputs = inputs_of(inner.output_layers)
  if #outputs ~= 1 then fail("it has %d outputs; one is taken", #outputs) end
  return layers, outputs[1]
end

-- ---- the input ----

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

-- ---- steps ----

local Reader = {}
Reader.__index = Reader

-- Raises unless the shape in the file has the sizes that are known.
local function check_shape(layer, path, got, expected)
  local fits = #got == #expected
  for i, size in ipairs(expected) do fits = fits and (size == 0 or got[i] == size) end
  if fits then return end
  local text = check.show_shape(expected):gsub("%f[%d]0%f[%D]", "?")
  fail("layer %s (%s) takes weights of shape %s, %s has shape %s", check.show(layer.name), layer.class, text,
    check.show(path), check.show_shape(got))
end

-- Finds the weights of a layer's specs in the file, and checks their shapes.
function Reader:locate(layer, specs)
  local paths, count = self.file:paths_of(layer.class, layer.name), 0
  for _, spec in ipairs(specs) do
    for _, weight in ipairs(spec.weights) do
      count = count + 1
      weight.path = paths[count] or fail("there are %d weights for layer %s (%s), which takes more", #paths,
        check.show(layer.name), layer.class)
      check_shape(layer, weight.path, self.file:shape_of(weight.path), weight[2])
      self.paths[#self.paths + 1] = weight.path
    end
  end
  if count < #paths then
    fail("layer %s (%s) takes %d weights, there is %s", check.show(layer.name), layer.class, count,
      check.show(paths[count + 1]))
  end
end

-- Adds the step of a spec behind another one.
local function add_step(self, spec, inputs, layer)
  self.steps[#self.steps + 1] = { type = spec.type, options = check.copy(spec.options), tensors = {}, inputs = inputs,
    spec = spec, node = { where = ("layer %s (%s)"):format(check.show(layer.name), layer.class) } }
  return #self.steps
end

local function add_merge(self, layer, inputs)
  local axis = layer.class == "Concatenate" and layer.config.axis or -1
  if axis ~= -1 and axis ~= inputs[1].rank - 1 then
    fail("layer %s (Concatenate): the option axis is %s", check.show(layer.name), check.show(axis))
  end
  local steps = {}
  for i, input in ipairs(inputs) do steps[i] = input.step end
  local last = steps[1]
  if layer.class == "Concatenate" then
    if #steps > 1 then last = add_step(self, { type = "Concat", options = {}, weights = {} }, steps, layer) end
  else
    for i = 2, #steps do
      last = add_step(self, { type = "Residual", options = {}, weights = {} }, { last, steps[i] }, layer)
    end
  end
  return { step = last, rank = inputs[1].rank }
end

local ends_rank = { Flatten = 2, GlobalAvgPool1d = 2, GlobalMaxPool1d = 2 }

-- The output { step, rank, pad } of a layer's specs behind an input.
local function add_specs(self, layer, specs, input)
  local step, rank = input.step, input.rank
  for _, spec in ipairs(specs) do
    step = add_step(self, spec, { step }, layer)
    rank = ends_rank[spec.type] or spec.type == "LSTM" and not spec.options.return_sequences and 2 or rank
  end
  return { step = step, rank = rank }
end

-- Reshape and ZeroPadding1D, which are no layers of moonbow: their output.
local special = {}

function special.ZeroPadding1D(config, input)
  local pad = config.padding
  if type(pad) ~= "table" then pad = { pad, pad } end
  local left, right = math.tointeger(pad[1]), math.tointeger(pad[2])
  if not (left and right) or left < 0 or right < 0 then fail("a ZeroPadding1D of no points") end
  local before = input.pad or { 0, 0 }
  return { step = input.step, rank = input.rank, pad = { left + before[1], right + before[2] } }
end

-- Rows of points as spectra of one channel.
function special.Reshape(config, input, self)
  local shape = config.target_shape
  if input.step ~= 1 or input.rank ~= 2 or type(shape) ~= "table" or #shape ~= 2 or shape[2] ~= 1 then
    fail("a Reshape that is not of rows to spectra of one channel")
  end
  self.shape = { self.shape[1], 1 }
  return { step = 1, rank = 3 }
end

-- The output of a layer at one of its places.
function Reader:place(layer, inputs)
  local class, input = layer.class, inputs[1]
  if not input then
    if self.input then fail("it has two inputs, or layer %s has none", check.show(layer.name)) end
    self.shape = shape_of(layer.config, self.length) or fail("the shape of its input is not known")
    self.input = { step = 1, rank = #self.shape + 1 }
    if class == "InputLayer" then return self.input end
    input = self.input
  end
  for _, one in ipairs(inputs) do
    local may_pad = class == "Conv1D" or class == "ZeroPadding1D"
    if one.pad and not may_pad then fail("a ZeroPadding1D that no Conv1D follows") end
  end
  if classes.merges[class] then return add_merge(self, layer, inputs) end
  if special[class] then return special[class](layer.config, input, self) end
  local make = type(classes[class]) == "function" and classes[class]
    or fail("moonbow has no layer for %s (layer %s)", check.show(class), check.show(layer.name))
  local ok, specs = pcall(make, layer.config, input.pad, input.rank, self.file.is_3)
  if not ok then fail("layer %s (%s): %s", check.show(layer.name), class, check.reason(specs)) end
  if not layer.specs then self:locate(layer, specs) end
  layer.specs = layer.specs or specs
  for i, spec in ipairs(specs) do spec.weights = layer.specs[i].weights end -- padding may differ from place to place
  return add_specs(self, layer, specs, input)
end

-- Gives each step the tensors of its layer.
function Reader:fill()
  local tensors = self.file:read(self.paths)
  for i = 2, #self.steps do
    local step = self.steps[i]
    for _, weight in ipairs(step.spec.weights) do
      step.tensors[weight[1]] = core.copy(tensors[weight.path])
    end
    local some = step.tensors.running_mean or step.tensors.gamma or step.tensors.beta
    for name, value in pairs(step.spec.missing or {}) do
      local shape = type(value) == "table" and value.shape or some and core.shape(some)
      if not shape then fail("%s has no weights", step.node.where) end
      step.tensors[name] = core.full(type(value) == "table" and value.value or value, shape)
    end
  end
end

--- The steps of the model in a file, the number of the last, and the shape of its input.
-- @param opened from moonbow.exchange.keras.file
-- @param length of spectra that the description leaves open; nil: unknown
return function(opened, length)
  local layers, last = layers_of(opened.config)
  local self = setmetatable({ file = opened, length = length, steps = { { inputs = {} } }, paths = {} }, Reader)
  local outputs = {}
  for _, layer in ipairs(layers) do
    for k, names in ipairs(layer.nodes) do
      local inputs = {}
      for i, name in ipairs(names) do
        inputs[i] = outputs[name]
          or fail("layer %s stands before its input %s", check.show(layer.name), check.show(name))
      end
      outputs[("%s/%d"):format(layer.name, k - 1)] = self:place(layer, inputs)
    end
  end
  local output = outputs[last] or fail("its output %s is made by no layer", check.show(last))
  if output.pad then fail("a ZeroPadding1D at its end") end
  self:fill()
  return self.steps, output.step, self.shape
end
