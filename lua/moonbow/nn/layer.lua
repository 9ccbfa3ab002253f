--- What all layers share: calling, parts, weights by name, modes.
--
-- A kind of layer is a class with forward(layer, x) and, where it has weights, make(layer, shape, rng),
-- which is called with the shape of the first input before it is used. output_shape(layer, shape, infer) tells what
-- forward makes of a shape (left out: forward is tried on zeros); see moonbow.nn.shapes. Containers keep their parts
-- in layer.layers. A layer may stand in several places: it is one layer, with one set of weights.
local uv = require "luv"
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local random = require "moonbow.random"
local initializers = require "moonbow.nn.initializers"

local Layer = { constructors = {} }
Layer.__index = Layer

-- While values are looked at: { watch, apart }, where watch is called with layer, input and output, and apart says that
-- every layer has to make its own output.
local current_trace, call_with_trace = core.scoped()
local was_traced = false -- until then nobody need be asked

local function call_traced(trace, f, ...)
  was_traced = true
  return call_with_trace(trace, f, ...)
end

--- A new class of layers. defaults is what check.options takes; init is called with the layer after its options were
-- read.
-- @return the constructor: type{ options }
function Layer.class(type_name, defaults, class, init)
  class.__index, class.__name, class.type = class, type_name, type_name
  class.__call, class.__tostring = Layer.call, function(layer) return layer:tostring() end
  setmetatable(class, Layer)
  local function construct(given)
    local layer = setmetatable({ training = false, given = {} }, class)
    layer.options = check.options(type_name, given, defaults)
    for key, value in pairs(given or {}) do layer.given[key] = value end
    if init then init(layer, layer.options) end
    return layer
  end
  Layer.constructors[type_name] = construct
  return check.takes(construct, 1, defaults)
end

--- Names the constructor from which from_config makes layers of a type.
function Layer.register(type_name, construct) Layer.constructors[type_name] = construct end

--- Whether a value is a layer.
function Layer.is_layer(value)
  local class = type(value) == "table" and getmetatable(value)
  return type(class) == "table" and getmetatable(class) == Layer
end

--- Makes the weights for inputs of a shape with the batch first, unless they exist. Raises where it does not fit.
function Layer.ensure_made(layer, shape)
  if layer.made then return end
  if layer.make then
    if layer.output_shape and not layer.layers then layer:output_shape(shape) end
    layer:make(shape, layer.rng or random.default())
  end
  layer.made = true
end

--- True while every layer has to make its own output, so that none may do the work of others.
function Layer.is_apart()
  local trace = was_traced and current_trace()
  return trace and trace.apart or false
end

--- Tells those who watch that a layer has run on x and made y, and with it the layers behind it, of whose outputs only
-- the last, y, was made.
function Layer.report(x, y, layer, ...)
  local trace = was_traced and current_trace()
  if not trace then return end
  local shared = autograd.share(y)
  trace.watch(layer, autograd.share(x), shared)
  for i = 1, select("#", ...) do trace.watch(select(i, ...), shared, shared) end
end

--- Runs the layer on x (N, ...), making its weights on first use.
function Layer.run(layer, x)
  check.kind(layer.type, "input", x, "tensor")
  if not layer.made then layer:ensure_made(core.shape(x)) end
  local y = layer:forward(x)
  if not core.is_tensor(y) then check.fail(layer.type, "expected to return a tensor, got %s", check.show(y)) end
  Layer.report(x, y, layer)
  return y
end

--- layer(x): see run. The first call tells the shape of inputs, as build does.
function Layer.call(layer, x, ...)
  check.no_more(layer.type, 1, ...)
  local y = layer:run(x)
  if not layer.input_shape and core.rank(x) > 1 then layer.input_shape = { table.unpack(core.shape(x), 2) } end
  return y
end

-- ---- parts ----

--- The path of part i of the layer at a path; that of the whole is "".
function Layer.path_of_part(path, i) return path == "" and tostring(i) or path .. "." .. i end

--- Calls f(layer, path) for the layer and all its parts, in order, for one that stands in several places once, with
-- the path of the first. The path of the layer itself is "". Raises where a layer contains itself.
function Layer.visit(layer, f)
  local states = {}
  local function enter(part, path)
    if states[part] == "open" then check.fail(layer.type, "layer %s (%s) contains itself", path, part.type) end
    if states[part] then return end
    states[part] = "open"
    f(part, path)
    for i, inner in ipairs(part.layers or {}) do enter(inner, Layer.path_of_part(path, i)) end
    states[part] = "done"
  end
  enter(layer, "")
end

-- ---- weights ----

local function show_bytes(bytes) return ("%.3g GB"):format(bytes / 1e9) end

-- A system kills what asks for more than there is, so that no error could say why.
local function check_memory(layer, name, shape)
  local count = 1.0
  for _, size in ipairs(shape) do count = count * size end
  if count > limits.elements then
    check.fail(layer.type, "%s of shape %s has %.3g elements, more than mb.limits.elements", name,
      check.show_shape(shape), count)
  end
  local bytes = count * core.real_bytes
  if bytes > uv.get_total_memory() then
    check.fail(layer.type, "%s of shape %s takes %s, but this machine has %s", name, check.show_shape(shape),
      show_bytes(bytes), show_bytes(uv.get_total_memory()))
  end
end

local function check_shape(layer, name, value, shape)
  if not core.is_tensor(value) or check.show_shape(core.shape(value)) ~= check.show_shape(shape) then
    check.fail(layer.type, "%s: expected a tensor of shape %s, got %s", name, check.show_shape(shape),
      check.show(value))
  end
  return value
end

-- What stands in the place of a fresh tensor: that of the file which is restored, that of a tensor tied to it, or what
-- a script has set before the layer was made. Nil where there is none.
local function find_value(layer, name, shape)
  local source, tie = layer.source, layer.ties and layer.ties[name]
  local value = rawget(layer, name)
  if tie and tie.value then
    value = tie.value
  elseif source then
    value, source[name] = source[name], nil
  end
  if value == nil and not source then return nil end
  return check_shape(layer, name, value, shape)
end

local function register(layer, field, name, value, shape)
  local tie, list = layer.ties and layer.ties[name], layer[field] or {}
  if tie then tie.value = tie.value or value end
  layer[field], layer[name] = list, value
  for _, entry in ipairs(list) do
    if entry.name == name then return end
  end
  list[#list + 1] = { name = name, shape = shape }
end

--- A weight with initial values, which the tape follows. Called by make.
-- @param initializer a name, a number or a function (see moonbow.nn.initializers), with fan_in and fan_out for it
function Layer.add_parameter(layer, name, initializer, rng, shape, fan_in, fan_out)
  local value = find_value(layer, name, shape)
  if not value then
    check_memory(layer, name, shape)
    value = autograd.param(initializers.make(layer.type, initializer, rng, shape, fan_in, fan_out))
  elseif layer.source then
    autograd.param(value)
  end
  register(layer, "weights", name, value, shape)
end

--- A tensor that belongs to the state but is not trained.
function Layer.add_buffer(layer, name, value)
  local shape = core.shape(value)
  register(layer, "kept", name, find_value(layer, name, shape) or value, shape)
end

--- Calls f(name, tensor) for each tensor of a field ("weights" or "kept") of the layer and its parts, in each place
-- of its own.
function Layer.visit_tensors(layer, field, f)
  Layer.visit(layer, function(part, path)
    for _, entry in ipairs(part[field] or {}) do
      f((path == "" and "" or path .. ".") .. entry.name, check_shape(part, entry.name, part[entry.name], entry.shape))
    end
  end)
end

--- A key for tables, which is the same for all places that hold a tensor.
function Layer.identity(value) return core.record(value) or value end

local function collect(layer, field)
  local found, seen = {}, {}
  Layer.visit_tensors(layer, field, function(name, value)
    local identity = Layer.identity(value)
    if seen[identity] then return end
    seen[identity] = true
    found[#found + 1] = { name = name, value = value }
  end)
  return found
end

--- The trained tensors, in order: a list of { name = "1.weight", value = tensor }. Empty before build. A tensor that
-- several places share is listed once, by the first. layer.weight = other.weight shares one; a tensor that is no
-- parameter (see param) belongs to the state, but is not trained.
function Layer.parameters(layer)
  return collect(layer, "weights")
end

--- What belongs to the state but is not trained (running statistics), likewise.
function Layer.buffers(layer)
  return collect(layer, "kept")
end

-- ---- modes and the generator ----

local function set_mode(layer, training)
  Layer.visit(layer, function(part) part.training = training end)
  return layer
end

--- Training mode: dropout drops, batch norm uses the batch. Returns the layer.
function Layer.train(layer)
  return set_mode(layer, true)
end

--- Evaluation mode, in which a layer is made. Returns the layer.
function Layer.eval(layer)
  return set_mode(layer, false)
end

--- A value for a <close> variable: layer and parts have the modes they have now where the variable's block ends, on
-- every way out.
function Layer.keep_modes(layer)
  local modes = {}
  Layer.visit(layer, function(part) modes[part] = part.training end)
  return setmetatable({}, { __close = function()
    for part, mode in pairs(modes) do part.training = mode end
  end })
end

--- The generator from which dropout draws, and weights not yet made (nil: the default one). Returns the layer.
function Layer.set_rng(layer, rng)
  if rng ~= nil then check.kind("set_rng", "rng", rng, "generator") end
  Layer.visit(layer, function(part) part.rng = rng end)
  return layer
end

-- ---- looking at values ----

--- Calls f(...), and watch(layer, input, output) whenever a layer has run, parts before their containers; a layer that
-- does the work of the next one has that one's output. Returns the results of f. Concerns the coroutine that calls it.
function Layer.traced_as_run(watch, f, ...) return call_traced({ watch = watch }, f, ...) end

--- The innermost layers in the order of their use on x, and whether the output of each is finite:
-- a list of { layer, finite }. Each makes its own output.
function Layer.trace_on(layer, x)
  local found = {}
  local function watch(part, _, y)
    local stats = core.describe(y)
    if not part.layers then found[#found + 1] = { layer = part, finite = stats.nan + stats.inf == 0 } end
  end
  call_traced({ watch = watch, apart = true }, autograd.no_grad, layer, x)
  return found
end

return Layer
