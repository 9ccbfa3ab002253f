--- Explanations by gradients of a network's output.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local ops = require "moonbow.ops"
local closing = require "moonbow.train.closing"
local inputs = require "moonbow.explain.inputs"
local map_of = require "moonbow.explain.map_of"
local subject = require "moonbow.explain.subject"
local named = require "moonbow.train.named"
local scores = require "moonbow.pipeline.scores"
local Layer = require "moonbow.nn.layer"

local gradients = {}

local BATCH = 64

-- Reads the arguments, calls f(read, network) with a network in evaluation mode whose weights the tape does not follow,
-- and returns the attribution of what f returns, the values or a table of them and further fields; or those by the
-- names of inputs.
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
  local _ <close> = interrupt.catch(operation)
  local _ <close> = network:keep_modes()
  local _ <close> = network:keep_untracked()
  network:eval()
  local values = f(read, network)
  return inputs.results(inputs.of_asked(options, read.x, function(_, name)
    local own = named.at(values, name)
    return own and subject.attribution(read, name, own, { method = method, target = read.targets })
  end))
end

-- Calls f(x, chosen) for batches of rows, and concatenates what it returns.
local function by_batches(read, f)
  local parts, n = {}, named.count(read.x)
  for first = 1, n, BATCH do
    interrupt.check()
    local count = math.min(BATCH, n - first + 1)
    parts[#parts + 1] = f(named.narrow(read.x, first, count), core.narrow(read.chosen, first, count))
  end
  return named.concat(parts)
end

-- The gradient of the chosen outputs with respect to x.
local function input_gradient(network, x, chosen)
  local leaves = named.map(x, function(part) return autograd.param(core.copy(part)) end)
  local y = ops.sum(ops.mul(network(leaves), chosen))
  if core.is_tracked(y) then autograd.backward(y) end
  return named.map(leaves, function(leaf) return leaf.grad or core.full(0, core.shape(leaf)) end)
end

local function over_channels(x, reduce) return core.rank(x) == 3 and reduce(x, 3) or x end

function gradients.saliency(model, data, options)
  return closing(explained, "saliency", model, data, options, function(read, network)
    return by_batches(read, function(x, chosen)
      return named.map(input_gradient(network, x, chosen), function(gradient, name)
        if options.times_input then return over_channels(core.mul(gradient, named.at(x, name)), core.sum) end
        if options.signed then return over_channels(gradient, core.sum) end
        return over_channels(core.abs(gradient), core.max)
      end)
    end)
  end)
end

-- A shape without its dimensions of size 1, as text.
local function shape_of_several(shape)
  local sizes = {}
  for _, size in ipairs(shape) do sizes[#sizes + 1] = size > 1 and size or nil end
  return check.show_shape(sizes)
end

-- The spectrum that integrals of an input start from, (1, ...).
local function baseline_of(read, x, given)
  local shape = { 1, table.unpack(core.shape(x), 2) }
  if given == "zero" then return core.full(0, shape) end
  if given == "mean" then return core.reshape(core.mean(x, 1), shape) end
  if type(given) == "string" then check.name(read.operation, "baseline", given, { "zero", "mean" }) end
  check.kind(read.operation, "baseline", given, "tensor")
  if shape_of_several(core.shape(given)) ~= shape_of_several(shape) then
    check.fail(read.operation, "baseline: expected one spectrum of shape %s, got shape %s",
      check.show_shape { table.unpack(shape, 2) }, check.show_shape(core.shape(given)))
  end
  core.check_finite(read.operation, "baseline", given)
  return core.reshape(given, shape)
end

-- The same of all inputs, 0 for one that a table by name leaves out.
local function baselines_of(read, given)
  return named.map(read.x, function(x, name)
    if name == nil or type(given) == "string" then return baseline_of(read, x, given) end
    if core.is_tensor(given) then
      check.fail(read.operation, "baseline: expected 'zero', 'mean', or a table by the names of inputs, got a tensor")
    end
    return baseline_of(read, x, given[name] or "zero")
  end)
end

-- The points at a share of the straight way from the baseline to x.
local function on_way(x, baseline, share)
  return named.map(x, function(part, name)
    local start = named.at(baseline, name)
    return core.add(core.mul(core.sub(part, start), share), start)
  end)
end

-- The largest difference between the sum of weights and the change of the output, as a share of the mean change.
local function gap_of(read, network, values, baseline)
  local sum = core.full(0, { named.count(read.x) })
  named.map(values, function(part) sum = core.add(sum, core.sum(part, 2)) end)
  local before = core.sum(core.mul(scores.outputs(read.operation, network, baseline), read.chosen), 2)
  local change = core.sub(core.sum(core.mul(read.outputs, read.chosen), 2), before)
  local off = core.abs(core.sub(sum, change))
  return core.max(off):item() / math.max(core.mean(core.abs(change)):item(), 1e-30)
end

function gradients.integrated_gradients(model, data, options)
  return closing(explained, "integrated_gradients", model, data, options, function(read, network)
    local baseline = baselines_of(read, options.baseline)
    local values = by_batches(read, function(x, chosen)
      local sum
      for step = 1, options.steps do
        local gradient = input_gradient(network, on_way(x, baseline, (step - 0.5) / options.steps), chosen)
        sum = sum and named.map(sum, function(part, name) return core.add(part, named.at(gradient, name)) end)
          or gradient
        interrupt.check()
      end
      return named.map(sum, function(part, name)
        local way = core.sub(named.at(x, name), named.at(baseline, name))
        return over_channels(core.mul(core.mul(part, 1 / options.steps), way), core.sum)
      end)
    end)
    local gap = gap_of(read, network, values, baseline)
    return named.map(values, function(part) return { values = part, gap = gap } end)
  end)
end

-- A map and the gradient of the chosen outputs with respect to it.
local function map_and_gradient(network, map, x, chosen)
  local leaf, use = nil, 0
  local function watch(maker, _, y)
    if maker ~= map.maker then return nil end
    use = use + 1
    if use ~= map.use then return nil end
    leaf = autograd.param(core.copy(y))
    return autograd.share(leaf)
  end
  local y = ops.sum(ops.mul(Layer.traced_with_joins(watch, network, x), chosen))
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

-- The weights by a map at the points of an input.
local function cam(read, network, map, options, input)
  local points = named.at(named.shape(read.x), input)[1]
  return by_batches(read, function(x, chosen)
    local made, gradient = map_and_gradient(network, map, x, chosen)
    if not options.elementwise then
      gradient = core.reshape(core.mean(gradient, 2), core.size(made, 1), 1, core.size(made, 3))
    end
    local values = core.sum(core.mul(made, gradient), 3)
    if not options.signed then values = core.relu(values) end
    return at_points(values, map.centres, points)
  end)
end

-- The map of an input; nil if there is none. Adds the names of all maps behind it to a list that has them as keys, too.
local function asked_map(read, plan, options, input, names)
  local map, own = map_of.choose(plan, input, options.layer)
  for _, name in ipairs(own) do
    if not names[name] then names[#names + 1], names[name] = name, true end
  end
  if not map and not options.layer and #own > 0 then
    for i, name in ipairs(own) do own[i] = check.show(name) end
    check.fail(read.operation, "layer: several maps stand side by side%s; expected one of %s",
      input and (" behind the input '%s'"):format(check.printable(input)) or "", table.concat(own, ", "))
  end
  return map
end

-- The maps of the inputs that are asked for and have one.
local function asked_maps(read, network, options)
  local names, any, plan = {}, false, map_of.read(network, named.shape(read.x))
  local maps = named.map(read.x, function(_, input)
    if options.input and input ~= options.input then return nil end
    local map = asked_map(read, plan, options, input, names)
    any = any or map ~= nil
    return map
  end)
  if not any and options.layer and #names > 0 then check.name(read.operation, "layer", options.layer, names) end
  if not any then
    check.fail(read.operation, "the network has no layer whose output is a map (N, L, C)%s",
      options.input and (" of the input '%s'"):format(options.input) or "")
  end
  return maps
end

function gradients.grad_cam(model, data, options)
  return closing(explained, "grad_cam", model, data, options, function(read, network)
    local maps = asked_maps(read, network, options)
    return named.map(read.x, function(_, input)
      local map = named.at(maps, input)
      return map and { values = cam(read, network, map, options, input), layer = map.name }
    end)
  end)
end

return gradients
