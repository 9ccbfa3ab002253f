--- What all layers share: calling, building, modes, parameters by name, state, configuration.
--
-- A kind of layer is a class with forward(layer, x) and, where it has weights, make(layer, shape, rng),
-- which is called with the shape of the first input before it is used. Containers keep their parts in
-- layer.layers.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local random = require "moonbow.random"
local initializers = require "moonbow.nn.initializers"

local Layer = {}
Layer.__index = Layer

-- While shapes or values are looked at: { watch, apart }, where watch is called with layer, input and output, and
-- apart says that every layer has to make its own output.
local tracing, call_tracing = core.scoped()

local classes = {}

--- A new class of layers. defaults is what check.options takes; build is called with the layer after
-- its options were read.
-- @return the constructor: type{ options }
function Layer.class(type_name, defaults, class, init)
  class.__index, class.__name, class.type = class, type_name, type_name
  class.__call, class.__tostring = Layer.call, Layer.tostring
  setmetatable(class, Layer)
  local function construct(given)
    local layer = setmetatable({ training = false, given = given or {} }, class)
    layer.options = check.options(type_name, given, defaults)
    if init then init(layer, layer.options) end
    return layer
  end
  classes[type_name] = construct
  return construct
end

--- Names the constructor from which from_config makes layers of a type.
function Layer.register(type_name, construct) classes[type_name] = construct end

--- Whether a value is a layer.
function Layer.is_layer(value)
  local class = type(value) == "table" and getmetatable(value)
  return type(class) == "table" and getmetatable(class) == Layer
end

--- How many of the layers behind part i of a Sequential the layer, which is that part, does in one pass over x.
function Layer.count_joined(layer, parts, i, x)
  if not layer.joins or not core.is_tensor(x) then return 0 end
  local trace = tracing()
  return not (trace and trace.apart) and layer:joins(parts, i, x) or 0
end

--- Runs the layer on x (N, ...), making its weights on first use. joined: a list of layers whose work it
-- does too.
function Layer.call(layer, x, joined)
  check.kind(layer.type, "input", x, "tensor")
  if layer.make and not layer.made then
    layer:make(core.shape(x), layer.rng or random.default())
    layer.made = true
  end
  local y = layer:forward(x, joined)
  if not core.is_tensor(y) then check.fail(layer.type, "expected to return a tensor, got %s", check.show(y)) end
  local trace = tracing()
  if trace then
    local shared = autograd.share(y)
    trace.watch(layer, autograd.share(x), shared)
    for _, part in ipairs(joined or {}) do trace.watch(part, shared, shared) end
  end
  return y
end

--- A weight with initial values, which the tape follows.
function Layer.add_parameter(layer, name, initializer, rng, shape, fan_in, fan_out)
  local value = autograd.param(initializers.make(initializer, rng, shape, fan_in, fan_out))
  layer.weights = layer.weights or {}
  table.insert(layer.weights, { name = name, value = value })
  layer[name] = value
end

--- A tensor that belongs to the state but is not trained.
function Layer.add_buffer(layer, name, value)
  layer.kept = layer.kept or {}
  table.insert(layer.kept, { name = name, value = value })
  layer[name] = value
end

--- Calls f(layer, path) for the layer and all its parts, in order. The path of the layer itself is "".
function Layer.visit(layer, f, path)
  path = path or ""
  f(layer, path)
  for i, part in ipairs(layer.layers or {}) do part:visit(f, path == "" and tostring(i) or path .. "." .. i) end
end

local function collect(layer, field)
  local found = {}
  layer:visit(function(part, path)
    for _, entry in ipairs(part[field] or {}) do
      found[#found + 1] = { name = path == "" and entry.name or path .. "." .. entry.name, value = entry.value }
    end
  end)
  return found
end

--- The trained tensors, in order: a list of { name = "1.weight", value = tensor }. Empty before build.
function Layer.parameters(layer) return collect(layer, "weights") end

--- What belongs to the state but is not trained (running statistics), likewise.
function Layer.buffers(layer) return collect(layer, "kept") end

local function set_mode(layer, training)
  layer:visit(function(part) part.training = training end)
  return layer
end

--- Training mode: dropout drops, batch norm uses the batch. Returns the layer.
function Layer.train(layer) return set_mode(layer, true) end

--- Evaluation mode, in which a layer is made. Returns the layer.
function Layer.eval(layer) return set_mode(layer, false) end

--- The generator from which dropout draws, and weights not yet made. Returns the layer.
function Layer.set_rng(layer, rng)
  layer:visit(function(part) part.rng = rng end)
  return layer
end

-- Runs a spectrum of zeros in evaluation mode: shapes follow from the operations themselves.
local function run_zeros(layer, shape)
  check.kind("build", "shape", shape, "table")
  local modes = {}
  layer:visit(function(part) modes[part], part.training = part.training, false end)
  local ok, y = pcall(autograd.no_grad, layer, core.full(0, { 1, table.unpack(shape) }))
  for part, mode in pairs(modes) do part.training = mode end
  if not ok then error(y, 0) end
  local output = core.shape(y)
  table.remove(output, 1)
  return output
end

--- Makes the weights for inputs of a shape without batch, {L, C}, drawing them from rng (default: the
-- default generator). Weights that exist stay. Returns the output shape.
function Layer.build(layer, shape, rng)
  if rng then layer:set_rng(rng) end
  layer.input_shape = shape
  return run_zeros(layer, shape)
end

--- Calls f(...), and watch(layer, input, output) whenever a layer has run, parts before their containers. Returns
-- the results of f. Concerns the coroutine that calls it.
function Layer.traced(watch, f, ...) return call_tracing({ watch = watch, apart = true }, f, ...) end

--- The same as things normally run: a layer that does the work of the next one has that one's output.
function Layer.traced_as_run(watch, f, ...) return call_tracing({ watch = watch }, f, ...) end

--- The layers in the order of their use, with shapes: a list of { layer, input, output }.
function Layer.trace(layer, shape)
  local found = {}
  Layer.traced(function(part, x, y)
    found[#found + 1] = { layer = part, input = core.shape(x), output = core.shape(y) }
  end, run_zeros, layer, shape)
  return found
end

--- The innermost layers in the order of their use on x, and whether the output of each is finite:
-- a list of { layer, finite }.
function Layer.trace_on(layer, x)
  local found = {}
  Layer.traced(function(part, _, y)
    local stats = core.describe(y)
    if not part.layers then found[#found + 1] = { layer = part, finite = stats.nan + stats.inf == 0 } end
  end, autograd.no_grad, layer, x)
  return found
end

--- A copy of all parameters and buffers: { [name] = tensor }.
function Layer.state(layer)
  local state = {}
  for _, list in ipairs { layer:parameters(), layer:buffers() } do
    for _, entry in ipairs(list) do state[entry.name] = core.copy(entry.value) end
  end
  return state
end

local function check_state(state, known)
  for _, entry in ipairs(known) do
    local value = state[entry.name]
    if not core.is_tensor(value) then
      check.fail("load_state", "expected a tensor '%s', got %s", entry.name, check.show(value))
    end
    local expected, got = check.show_shape(core.shape(entry.value)), check.show_shape(core.shape(value))
    if expected ~= got then check.fail("load_state", "'%s': expected shape %s, got %s", entry.name, expected, got) end
    known[entry.name] = true
  end
  for name in pairs(state) do
    if not known[name] then check.fail("load_state", "the model has no '%s'", tostring(name)) end
  end
end

--- Takes over what state() gave. Names and shapes must agree with those of the built layer; where they
-- do not, nothing is changed. Returns the layer.
function Layer.load_state(layer, state)
  check.kind("load_state", "state", state, "table")
  local known = layer:parameters()
  table.move(layer:buffers(), 1, #layer:buffers(), #known + 1, known)
  check_state(state, known)
  for _, entry in ipairs(known) do core.copy_from(entry.value, state[entry.name]) end
  return layer
end

--- The architecture as a plain table: { type = "Conv1d", filters = 64, ... }. Raises where it holds a
-- function, which no file can keep.
function Layer.config(layer)
  local config = { type = layer.type }
  for key, value in pairs(layer.given) do
    if type(value) == "function" then
      check.fail("config", "%s holds a function (%s), which cannot be saved", layer.type, tostring(key))
    end
    if type(key) == "string" and not Layer.is_layer(value) then config[key] = value end
  end
  if layer.layers then
    config.layers = {}
    for i, part in ipairs(layer.layers) do config.layers[i] = part:config() end
  end
  return config
end

--- The layer of a config, not yet built.
function Layer.from_config(config)
  check.kind("from_config", "config", config, "table")
  local construct = classes[config.type]
  if not construct then check.fail("from_config", "unknown layer %s", check.show(config.type)) end
  local options = {}
  for key, value in pairs(config) do
    if key ~= "type" and key ~= "layers" then options[key] = value end
  end
  for i, part in ipairs(config.layers or {}) do options[i] = Layer.from_config(part) end
  return construct(options)
end

local function show_option(value)
  return type(value) == "string" and ('"%s"'):format(value) or Layer.is_layer(value) and tostring(value)
    or type(value) == "table" and "{...}" or tostring(value)
end

--- As it would be written: nn.Conv1d{filters = 64, kernel = 20}.
function Layer.tostring(layer)
  local parts, keys = {}, {}
  for key in pairs(layer.given) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do parts[#parts + 1] = key .. " = " .. show_option(layer.given[key]) end
  for _, part in ipairs(layer.layers or {}) do parts[#parts + 1] = "\n  " .. tostring(part):gsub("\n", "\n  ") end
  return ("nn.%s{%s}"):format(layer.type, table.concat(parts, ", "))
end

return Layer
