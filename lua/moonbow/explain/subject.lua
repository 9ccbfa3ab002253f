--- What is explained: a model, and spectra as the model gets them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local axis_label = require "moonbow.spectra.axis_label"
local expected = require "moonbow.data.expected"
local inputs = require "moonbow.explain.inputs"
local make = require "moonbow.explain.attribution"
local named = require "moonbow.train.named"
local scores = require "moonbow.pipeline.scores"
local values_of = require "moonbow.data.values_of"
local Layer = require "moonbow.nn.layer"

local subject = {}

-- The axis that was given, or that of a set; 1, 2, ... for tensors. Also the label, and true if it falls on paper.
local function read_axis(operation, data, given, count)
  local is_set = values_of(data) ~= data
  local axis, label, falls = given, nil, false
  if is_set then
    label, falls = axis_label(data)
    axis = axis or data.axis
  end
  local list = {}
  if axis then list = check.numbers(operation, "axis", axis) end
  for i = 1, axis and 0 or count do list[i] = i end
  if #list ~= count then
    check.fail(operation, "axis: expected %d numbers, one for each point, got %d", count, #list)
  end
  return list, label, falls
end

-- One input: { axis, x_label, falls }.
local function read_place(operation, data, options, name)
  local x = values_of(data)
  if core.rank(x) < 2 then
    check.fail(operation, "x: expected spectra (N, L, C), got shape %s", check.show_shape(core.shape(x)))
  end
  local axis = inputs.option(operation, options, "axis", name)
  local list, label, falls = read_axis(operation, data, axis, core.size(x, 2))
  local x_label = inputs.option(operation, options, "x_label", name)
  if x_label then check.kind(operation, "x_label", x_label, "string") end
  return { axis = list, x_label = x_label or label, falls = falls }
end

--- The places of the points of data: { axis, x_label, falls }, or several by name.
function subject.places(operation, data, options)
  return named.map(data, function(part, name) return read_place(operation, part, options, name) end)
end

-- The option axis, that of raw spectra or of prepared ones, as the axis of prepared ones.
local function prepared_axis(operation, model, given, data, prepared)
  local axis, points = check.numbers(operation, "axis", given), core.size(values_of(data), 2)
  local before, after = expected.axes(model, data, prepared)
  if #axis ~= points and #axis ~= core.size(values_of(prepared), 2) then
    check.fail(operation, "axis: expected %d numbers, one for each point, got %d", points, #axis)
  end
  if #axis ~= points or not before or not axes.difference(after, axis) or axes.equal(before, after) then return axis end
  local why = axes.difference(before, axis)
  if why then
    check.fail(operation, "axis: expected the one from which the steps of the pipeline make another: %s", why)
  end
  return after
end

--- Raw spectra as the model expects them, and options with their axis, if it was given: see scores.prepared.
function subject.prepared(operation, model, data, options)
  local prepared = scores.prepared(operation, model, data)
  if prepared == data or not options.axis then return prepared, options end
  local changed = check.copy(options)
  changed.axis = prepared_axis(operation, model, options.axis, data, prepared)
  return prepared, changed
end

--- Reads a model and spectra.
-- @param model a network, a fitted pipeline, or any other model that predicts
-- @param data a tensor (N, L, C) or (N, D), or a set of spectra, raw ones for a pipeline, which prepares them; or a
--   table of such by name, for a network of several inputs
-- @param options { axis, x_label } of the spectra
-- @return { x, places, network (nil if the model is none), scores = function(x) that gives (N, M) }; x and places by
--   name if data are
function subject.read(operation, model, data, options)
  inputs.check(operation, "x", model, data, options)
  data, options = subject.prepared(operation, model, data, options)
  local places, inner = subject.places(operation, data, options), scores.inner(model)
  return { x = named.read(operation, "x", data), places = places, network = Layer.is_layer(inner) and inner or nil,
    scores = scores.of_values(operation, model, data, options.outputs) }
end

--- Makes the attribution of an input.
-- @param own the values, or a table of them and further fields
-- @param fields of all inputs: method, target
function subject.attribution(read, name, own, fields)
  local result = { x = subject.curves(named.at(read.x, name)) }
  own = core.is_tensor(own) and { values = own } or own
  for _, part in ipairs { own, fields, named.at(read.places, name) } do
    for key, value in pairs(part) do result[key] = value end
  end
  return make(result)
end

--- Raises unless the model is a network.
function subject.network(operation, read, model)
  if read.network then return read.network end
  check.fail(operation, "model: expected a network, whose gradients are known, got %s; occlusion takes every model",
    check.show(model))
end

--- The outputs to explain, one number for each spectrum.
-- @param given a number, a list or tensor of one for each spectrum, or nil: the largest output of each
-- @param outputs tensor (N, M)
function subject.targets(operation, given, outputs)
  local n, most = core.size(outputs, 1), core.size(outputs, 2)
  local list = {}
  if given == nil then
    list = core.totable(core.argmax(outputs, 2))
  elseif type(given) == "number" then
    for i = 1, n do list[i] = given end
  else
    list = check.numbers(operation, "target", given)
    if #list ~= n then
      check.fail(operation, "target: expected one output per spectrum, %d, got %d", n, #list)
    end
  end
  for i, target in ipairs(list) do
    list[i] = math.tointeger(target) or 0
    if list[i] < 1 or list[i] > most then
      check.fail(operation, "target: expected outputs from 1 to %d, got %s", most, check.show(target))
    end
  end
  return list
end

--- Returns (N, M) with a 1 at each spectrum's target, 0 elsewhere.
function subject.one_hot(targets, most)
  return core.eq(core.reshape(core.tensor(targets), -1, 1), core.reshape(core.arange(1, 1, most), 1, most))
end

--- The spectra, (N, L), the mean of their channels.
function subject.curves(x)
  return core.rank(x) == 3 and core.mean(x, 3) or core.reshape(x, core.size(x, 1), -1)
end

return subject
