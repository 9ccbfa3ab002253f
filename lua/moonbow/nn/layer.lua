--- The base of all layers: classes, calls, parts. The other methods of layers are in files of their own: weights,
-- modes, shapes, state, config, summary.
--
-- A kind of layer is a class with forward(layer, x) and, if it has weights, make(layer, shape, rng), which is called
-- with the shape of the first input before it is used. output_shape(layer, shape, infer) gives the shape that forward
-- makes of a shape (left out: forward is tried on zeros); see moonbow.nn.shapes. Containers keep their parts in
-- layer.layers. A layer may stand in several places: it is one layer, with one set of weights.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local random = require "moonbow.random"
local inputs = require "moonbow.nn.inputs"

--- What all layers and networks share. layer(x) runs it on x (N, ...); the first call, or build, makes the weights.
-- Errors name the path of the layer. A layer may stand in several places: it is one layer, with one set of weights.
--
-- @class layer
-- @field type string the kind: "Conv1d"
-- @field options table as they were given, with defaults
-- @field layers table of a container: the layers in it, from 1 on
-- @field training boolean true in training mode
-- @field weight tensor of a layer that has one, once it is made; bias, gamma, beta likewise
local Layer = { constructors = {}, classes = {} }
Layer.__index = Layer

-- While values are looked at: { watch, apart, joins }. watch is called with layer, input and output; apart: every layer
-- makes its own output; joins: watch is called for the nodes of a Graph that join values, too.
local current_trace, call_with_trace = core.scoped()
local was_traced = false -- until then nobody need be asked

local function call_traced(trace, f, ...)
  was_traced = true
  return call_with_trace(trace, f, ...)
end

--- A new class of layers. defaults: as check.options takes them; init(layer, options) is called after the options were
-- read.
-- @return the constructor: type{ options }
function Layer.class(type_name, defaults, class, init)
  class.__index, class.__name, class.type = class, type_name, type_name
  class.__call, class.__tostring = Layer.call, function(layer) return layer:tostring() end
  setmetatable(class, Layer)
  local function construct(given)
    given = check.copy(given)
    local layer = setmetatable({ training = false, given = {} }, class)
    layer.options = check.options(type_name, given, defaults)
    for key, value in pairs(given or {}) do layer.given[key] = value end
    if init then init(layer, layer.options) end
    return layer
  end
  Layer.constructors[type_name], Layer.classes[type_name] = construct, class
  return check.takes(construct, 1, defaults)
end

--- Names the constructor from which from_config makes layers of a type.
function Layer.register(type_name, construct) Layer.constructors[type_name] = construct end

--- True if a value is a layer.
-- @param value any
-- @return boolean
function Layer.is_layer(value)
  local class = type(value) == "table" and getmetatable(value)
  return type(class) == "table" and getmetatable(class) == Layer
end

-- Raises for a name among the ties or frozen weights of a layer, from a description, that no tensor of it has.
local function check_marks(layer)
  for field, lists in pairs { ties = { "weights", "kept" }, frozen = { "weights" } } do
    local names, is_known = {}, {}
    for _, list in ipairs(lists) do
      for _, entry in ipairs(layer[list] or {}) do names[#names + 1], is_known[entry.name] = entry.name, true end
    end
    for name in pairs(layer[field] or {}) do
      if not is_known[name] then
        check.fail(layer.type, "%s: there is no %s; %s", field, check.show(name),
          #names > 0 and "its tensors are " .. table.concat(names, ", ") or "it has no weights")
      end
    end
  end
end

--- Calls f(name, mark) for each mark, of the field "ties" or "frozen", of tensors that are not made yet, in order.
function Layer.visit_marks(layer, field, f)
  Layer.visit(layer, function(part, path)
    for _, name in ipairs(check.sorted_keys(not part.made and part[field] or {})) do
      f((path == "" and "" or path .. ".") .. name, part[field][name])
    end
  end)
end

--- Makes the weights for inputs of a shape with the batch first, unless they exist. Raises if it does not fit.
function Layer.ensure_made(layer, shape)
  if layer.made then return end
  if layer.make then
    if layer.output_shape and not layer.layers then layer:output_shape(shape) end
    layer:make(shape, layer.rng or random.default())
  end
  check_marks(layer)
  layer.made = true
end

--- True while every layer has to make its own output, so that none may do the work of others.
function Layer.is_apart()
  local trace = was_traced and current_trace()
  return trace and trace.apart or false
end

--- Tells those who watch that a layer has run on x and made y, and with it the layers behind it, of whose outputs only
-- the last, y, was made. Returns y, or what a watcher wants in its place.
function Layer.report(x, y, layer, ...)
  local trace = was_traced and current_trace()
  if not trace then return y end
  local shared = autograd.share(y)
  local other = trace.watch(layer, autograd.share(x), shared)
  for i = 1, select("#", ...) do trace.watch(select(i, ...), shared, shared) end
  return other or y
end

--- Tells those who watch joins that a node of a Graph has made y of several values. Returns y, or what a watcher wants
-- in its place.
function Layer.report_join(node, y)
  local trace = was_traced and current_trace()
  return trace and trace.joins and trace.watch(node, nil, autograd.share(y)) or y
end

local function without_batch(x) return { table.unpack(core.shape(x), 2) } end

--- Runs the layer on x (N, ...), making its weights on first use.
function Layer.run(layer, x)
  if not core.is_tensor(x) then x = inputs.read(layer, x) end
  if not layer.made then layer:ensure_made(inputs.map(x, core.shape)) end
  local y = layer:forward(x)
  if not core.is_tensor(y) then
    if not layer.gives_named then check.fail(layer.type, "expected to return a tensor, got %s", check.show(y)) end
    return y
  end
  return was_traced and Layer.report(x, y, layer) or y
end

--- Runs the layer, as layer(x) does. The first call makes the weights, and tells the shape of inputs, as build does.
-- @param x tensor|table (N, ...); a table of tensors by name, for a layer of several inputs such as a Graph
-- @return tensor a table of tensors, if the layer is a Graph of several outputs
function Layer.call(layer, x, ...)
  check.no_more(layer.type, 1, ...)
  local y = layer:run(x)
  if layer.input_shape then return y end
  if not core.is_tensor(x) then x = inputs.read(layer, x) end
  if not core.is_tensor(x) or core.rank(x) > 1 then layer.input_shape = inputs.map(x, without_batch) end
  return y
end

-- ---- parts ----

--- The path of part i of the layer at a path. The path of the whole network is "".
function Layer.path_of_part(path, i) return path == "" and tostring(i) or path .. "." .. i end

--- Calls a function for the layer and all its parts, in order; for one that stands in several places once, with the
-- path of the first. Raises if a layer contains itself.
-- @param f function called with the layer and its path: "" for the layer itself, "2.1" for part 1 of its part 2
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

-- ---- looking at values ----

--- Calls f(...), and watch(layer, input, output) whenever a layer has run, parts before their containers; a layer that
-- does the work of the next one has that one's output. Returns the results of f. Concerns the coroutine that calls it.
function Layer.traced_as_run(watch, f, ...) return call_traced({ watch = watch }, f, ...) end

--- The same, but every layer runs by itself, unfused, and a tensor that watch returns takes the place of the output.
function Layer.traced_apart(watch, f, ...) return call_traced({ watch = watch, apart = true }, f, ...) end

--- The same, and watch is called for each node of a Graph that joins several values, too: watch(node, nil, output).
function Layer.traced_with_joins(watch, f, ...)
  return call_traced({ watch = watch, apart = true, joins = true }, f, ...)
end

--- Runs the layer on x, unfused and unrecorded, and tells of each innermost layer if its output is finite.
-- @param x tensor the input
-- @return table a list of { layer, finite }, in the order of their use
function Layer.trace_on(layer, x)
  local found = {}
  local function watch(part, _, y)
    local stats = core.describe(y)
    if not part.layers then found[#found + 1] = { layer = part, finite = stats.nan + stats.inf == 0 } end
  end
  Layer.traced_apart(watch, autograd.no_grad, layer, x)
  return found
end

return Layer
