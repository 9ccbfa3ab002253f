--- Explanations by gradients of a network's output.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local ops = require "moonbow.ops"
local closing = require "moonbow.train.closing"
local make = require "moonbow.explain.attribution"
local subject = require "moonbow.explain.subject"
local scores = require "moonbow.pipeline.scores"
local Layer = require "moonbow.nn.layer"

local gradients = {}

local BATCH = 64

-- Reads the arguments, calls f(read, network) with a network in evaluation mode whose weights the tape does not follow,
-- and returns the attribution with what f fills in.
local function explained(method, model, data, options, f)
  local operation = "explain." .. method
  if not autograd.is_recording() then
    check.fail(operation, "gradients are not recorded inside mb.no_grad; call it outside")
  end
  local read = subject.read(operation, model, data, options)
  local network = subject.network(operation, read, model)
  local outputs = scores.outputs(operation, network, read.x)
  read.targets = subject.targets(operation, options.target, outputs)
  read.chosen, read.outputs, read.operation = subject.one_hot(read.targets, core.size(outputs, 2)), outputs, operation
  local result = { method = method, axis = read.axis, target = read.targets, x_label = read.x_label, falls = read.falls,
    x = subject.curves(read.x) }
  local _ <close> = interrupt.catch(operation)
  local _ <close> = network:keep_modes()
  local _ <close> = network:keep_untracked()
  network:eval()
  result.values = f(read, network, result)
  return make(result)
end

-- Calls f(x, chosen, first, count) for batches of rows, and concatenates what it returns.
local function by_batches(read, f)
  local parts, n = {}, core.size(read.x, 1)
  for first = 1, n, BATCH do
    interrupt.check()
    local count = math.min(BATCH, n - first + 1)
    parts[#parts + 1] = f(core.narrow(read.x, first, count), core.narrow(read.chosen, first, count), first, count)
  end
  return core.concat(parts, 1)
end

-- The gradient of the chosen outputs with respect to x.
local function input_gradient(network, x, chosen)
  local leaf = autograd.param(core.copy(x))
  local y = ops.sum(ops.mul(network(leaf), chosen))
  if not core.is_tracked(y) then return core.full(0, core.shape(x)) end
  autograd.backward(y)
  return leaf.grad or core.full(0, core.shape(x))
end

local function over_channels(x, reduce) return core.rank(x) == 3 and reduce(x, 3) or x end

function gradients.saliency(model, data, options)
  return closing(explained, "saliency", model, data, options, function(read, network)
    return by_batches(read, function(x, chosen)
      local gradient = input_gradient(network, x, chosen)
      if options.times_input then return over_channels(core.mul(gradient, x), core.sum) end
      if options.signed then return over_channels(gradient, core.sum) end
      return over_channels(core.abs(gradient), core.max)
    end)
  end)
end

-- The spectrum that integrals start from, (1, ...).
local function baseline_of(read, given)
  local shape = { 1, table.unpack(core.shape(read.x), 2) }
  if given == "zero" then return core.full(0, shape) end
  if given == "mean" then return core.reshape(core.mean(read.x, 1), shape) end
  if type(given) == "string" then check.name(read.operation, "baseline", given, { "zero", "mean" }) end
  local sizes, count = core.shape(given), 1
  for i = 2, #shape do count = count * shape[i] end
  if core.count(given) ~= count then
    check.fail(read.operation, "baseline: expected one spectrum of shape %s, got shape %s",
      check.show_shape { table.unpack(shape, 2) }, check.show_shape(sizes))
  end
  return core.reshape(given, shape)
end

-- The largest difference between the sum of weights and the change of the output, as a share of the mean change.
local function gap_of(read, network, values, baseline)
  local before = core.sum(core.mul(scores.outputs(read.operation, network, baseline), read.chosen), 2)
  local change = core.sub(core.sum(core.mul(read.outputs, read.chosen), 2), before)
  local off = core.abs(core.sub(core.sum(values, 2), change))
  return core.max(off):item() / math.max(core.mean(core.abs(change)):item(), 1e-30)
end

function gradients.integrated_gradients(model, data, options)
  return closing(explained, "integrated_gradients", model, data, options, function(read, network, result)
    local baseline = baseline_of(read, options.baseline)
    local values = by_batches(read, function(x, chosen)
      local way, sum = core.sub(x, baseline), nil
      for step = 1, options.steps do
        local at = core.add(core.mul(way, (step - 0.5) / options.steps), baseline)
        local gradient = input_gradient(network, at, chosen)
        sum = sum and core.add(sum, gradient) or gradient
        interrupt.check()
      end
      return over_channels(core.mul(core.mul(sum, 1 / options.steps), way), core.sum)
    end)
    result.gap = gap_of(read, network, values, baseline)
    return values
  end)
end

-- The last layer whose output is a map (N, L', C), or the one at a path: { path, layer, output, use }, which counts the
-- uses of a layer that stands in several places.
local function map_layer(read, network, path)
  local maps = network:maps(core.narrow(read.x, 1, 1))
  local names, uses, found = {}, {}, nil
  for _, map in ipairs(maps) do
    uses[map.layer] = (uses[map.layer] or 0) + 1
    if core.rank(map.output) == 3 and not map.layer.layers then
      names[#names + 1], map.use = map.path, uses[map.layer]
      if path == nil or map.path == path then found = map end
    end
  end
  if path and not found then check.name(read.operation, "layer", path, names) end
  return found or check.fail(read.operation, "the network has no layer whose output is a map (N, L, C)")
end

-- The map of a layer and the gradient of the chosen outputs with respect to it.
local function map_and_gradient(network, map, x, chosen)
  local leaf, use = nil, 0
  local function watch(part, _, y)
    if part ~= map.layer then return nil end
    use = use + 1
    if use ~= map.use then return nil end
    leaf = autograd.param(core.copy(y))
    return autograd.share(leaf)
  end
  local y = ops.sum(ops.mul(Layer.traced_apart(watch, network, x), chosen))
  if core.is_tracked(y) then autograd.backward(y) end
  return core.copy(leaf), leaf.grad or core.full(0, core.shape(leaf))
end

-- (N, L') at the centres of the map's positions, as (N, L) at the points 1 to L, linear between centres.
local function at_points(values, centres, length)
  local low, share = {}, {}
  local i, last = 1, #centres
  for point = 1, length do
    while i < last - 1 and centres[i + 1] <= point do i = i + 1 end
    low[point] = i
    local width = last > 1 and centres[i + 1] - centres[i] or 1
    share[point] = math.max(0, math.min(1, (point - centres[i]) / width))
  end
  local high = {}
  for point = 1, length do high[point] = math.min(low[point] + 1, last) end
  local weight = core.reshape(core.tensor(share), 1, length)
  local from_low = core.mul(core.take(values, 2, low), core.sub(1, weight))
  return core.add(from_low, core.mul(core.take(values, 2, high), weight))
end

function gradients.grad_cam(model, data, options)
  return closing(explained, "grad_cam", model, data, options, function(read, network, result)
    local map = map_layer(read, network, options.layer)
    result.layer = map.path
    local shape = { table.unpack(core.shape(read.x), 2) }
    local centres = network:centres(shape, map.path, core.size(map.output, 2))
    return by_batches(read, function(x, chosen)
      local made, gradient = map_and_gradient(network, map, x, chosen)
      if not options.elementwise then
        gradient = core.reshape(core.mean(gradient, 2), core.size(made, 1), 1, core.size(made, 3))
      end
      local values = core.sum(core.mul(made, gradient), 3)
      if not options.signed then values = core.relu(values) end
      return at_points(values, centres, shape[1])
    end)
  end)
end

return gradients
