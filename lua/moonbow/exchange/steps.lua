--- Steps of preprocessing as nodes of ONNX: a writer(graph, step, x) for each, which returns the output.
--
-- moonbow sums in double, ONNX in float32. So that an offset of the spectra does not hide their spread, means are taken
-- twice, learned means are subtracted in two parts, and derivatives and corrections of scatter are those of spectra
-- less their mean. What moonbow refuses, such as a spectrum without a value above 0 for "max", passes here.
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local limits = require "moonbow.io.limits"
local scatter = require "moonbow.data.scatter"
local steps = require "moonbow.data.steps"

local writers = {}

-- ---- scaling of each spectrum and channel ----

-- A number of each spectrum and channel, (N, channels, 1), by an operator that reduces the length; of rows (N, 1).
local function reduced(graph, operator, x)
  return graph:node(operator, { x.name }, { axes = { -1 }, keepdims = 1 })
end

local function divide(graph, x, name) return graph:map("Div", x, { name }) end

-- Divides by numbers, by 1 where they are 0.
local function divide_unless_zero(graph, x, scale)
  local is_zero = graph:node("Equal", { scale, graph:number("zero", 0) })
  return divide(graph, x, graph:node("Where", { is_zero, graph:number("one", 1), scale }))
end

local function centred(graph, x)
  for _ = 1, 2 do x = graph:map("Sub", x, { reduced(graph, "ReduceMean", x) }) end
  return x
end

function writers.snv(graph, _, x)
  x = centred(graph, x)
  local variance = reduced(graph, "ReduceMean", graph:map("Mul", x, { x.name }))
  return divide_unless_zero(graph, x, graph:node("Sqrt", { variance }))
end

function writers.min_max(graph, _, x)
  x = graph:map("Sub", x, { reduced(graph, "ReduceMin", x) })
  return divide_unless_zero(graph, x, reduced(graph, "ReduceMax", x))
end

function writers.max(graph, _, x) return divide_unless_zero(graph, x, reduced(graph, "ReduceMax", x)) end

local function mean_size(graph, x) return reduced(graph, "ReduceMean", graph:map("Abs", x)) end

function writers.area(graph, _, x) return divide_unless_zero(graph, x, mean_size(graph, x)) end

-- Raises unless a list that belongs to a step has an entry for each point (and channel).
local function check_count(graph, step, list, count)
  if #list ~= count then
    graph.refuse(step.where, "it knows %d points, the spectra there have %d", #list, count)
  end
end

-- The points of a step's band, from option low to option high.
local function band(graph, step, x)
  check_count(graph, step, step.options.axis, x.length)
  local first, last = axes.within(step.options.axis, step.options.low, step.options.high)
  if not first then graph.refuse(step.where, "no point of the axis lies within its band") end
  return graph:points(x, first, last)
end

writers.crop = band

function writers.normalize_band(graph, step, x)
  local part = band(graph, step, x)
  local size = step.options.by == "max" and reduced(graph, "ReduceMax", part) or mean_size(graph, part)
  return divide(graph, x, size)
end

function writers.kubelka_munk(graph, step, x)
  if step.options.percent then x = graph:map("Mul", x, { graph:number("percent", 0.01) }) end
  local rest = graph:node("Sub", { graph:number("one", 1), x.name })
  local square = graph:node("Mul", { rest, rest })
  return graph:like(x, { name = graph:node("Div", { square, graph:node("Mul", { x.name, graph:number("two", 2) }) }) })
end

-- ---- steps with learned values ----

-- A list of numbers, point by point, as (channels, length).
local function per_point(list, x) return core.transpose(core.reshape(core.tensor(list), x.length, x.channels), 1, 2) end

function writers.standardize(graph, step, x)
  check_count(graph, step, step.mean, x.length * x.channels)
  local mean, rest, sd = per_point(step.mean, x), {}, {}
  local rounded = core.totable(core.reshape(core.tensor(step.mean), -1))
  for i, value in ipairs(step.mean) do
    rest[i], sd[i] = value - rounded[i], step.sd[i] > 0 and step.sd[i] or 1
  end
  x = graph:map("Sub", x, { graph:constant("mean", mean) })
  x = graph:map("Sub", x, { graph:constant("rest_of_mean", per_point(rest, x)) })
  return divide(graph, x, graph:constant("sd", per_point(sd, x)))
end

-- Rows less a polynomial and divided by their slope: see moonbow.data.scatter.
local function correct_scatter(degree_of)
  return function(graph, step, x)
    local length, channels = x.length, x.channels
    check_count(graph, step, step.reference, length * channels)
    local rows = centred(graph, graph:flatten(x))
    local slope, shares, vectors, offset = scatter.projections(step.name, step.reference, degree_of(step))
    local share = graph:node("MatMul", { rows.name, graph:constant("shares", shares) })
    local removed = graph:node("MatMul", { share, graph:constant("vectors", vectors) })
    rows = divide(graph, graph:map("Sub", rows, { removed }),
      graph:node("MatMul", { rows.name, graph:constant("slope", slope) }))
    rows = graph:map("Add", rows, { graph:number("offset", offset) })
    local shape = graph:integers("shape", { 0, length, channels }) -- 0: as it is
    return { name = graph:node("Reshape", { rows.name, shape }), length = length, channels = channels }
  end
end

writers.msc = correct_scatter(function() return 0 end)
writers.emsc = correct_scatter(function(step) return step.options.degree end)

-- ---- linear steps: what they make of each unit vector is a matrix ----

local function identity(L)
  local diagonal = core.concat({ core.full(1, { L, 1 }), core.full(0, { L, L }) }, 2) -- L + 1 apart
  return core.reshape(core.narrow(core.reshape(diagonal, -1), 1, L * L), { L, L, 1 })
end

local function multiply(graph, step, x)
  if x.length * (x.length + 1) > limits.elements then
    graph.refuse(step.where, "its matrix for %d points has more than mb.limits.elements", x.length)
  end
  if step.options.axis then check_count(graph, step, step.options.axis, x.length) end
  local matrix = steps[step.name].apply(identity(x.length), step.options, step)
  local count = core.size(matrix, 2)
  local name = graph:constant("matrix", core.reshape(matrix, x.length, count))
  return graph:like(x, { name = graph:node("MatMul", { x.name, name }), length = count })
end

for _, name in ipairs { "resample", "bin" } do writers[name] = multiply end

function writers.derivative(graph, step, x) return multiply(graph, step, centred(graph, x)) end

-- The columns first to last of a matrix of one window's points.
local function columns(window, first, last) return core.slice(window, 2, first, last - first + 1) end

-- A convolution for the windows, and a matrix for the points at each end. A spectrum of one window's length gives all
-- three: its first points come from the left end, its middle one from the filter.
function writers.savitzky_golay(graph, step, x)
  local size, C = step.options.window, x.channels
  local half = size // 2
  if x.length < size then graph.refuse(step.where, "its window does not fit into %d points", x.length) end
  if step.options.derivative > 0 then x = centred(graph, x) end
  if half == 0 then return multiply(graph, step, x) end
  local window = core.reshape(steps.savitzky_golay.apply(identity(size), step.options), size, size)
  local filter = core.reshape(columns(window, half + 1, half + 1), 1, 1, size)
  local filters = core.add(core.full(0, { C, 1, size }), filter)
  local left, right = graph:points(x, 1, size), graph:points(x, x.length - size + 1, x.length)
  local parts = {
    graph:node("MatMul", { left.name, graph:constant("left", columns(window, 1, half)) }),
    graph:node("Conv", { x.name, graph:constant("filter", filters) }, { kernel_shape = { size }, strides = { 1 },
      dilations = { 1 }, group = C }),
    graph:node("MatMul", { right.name, graph:constant("right", columns(window, half + 2, size)) }),
  }
  return graph:like(x, { name = graph:node("Concat", parts, { axis = 2 }) })
end

--- Adds fitted steps and returns the output. Raises for a step that has no counterpart, as those that iterate.
-- @param fitted as from preprocess.check
return function(graph, fitted, x)
  for i, step in ipairs(fitted) do
    step.where = ("preprocessing step %d (%s)"):format(i, step.name)
    if not writers[step.name] then
      graph.refuse(step.where, "cannot be said in ONNX; apply it before, and leave it and the steps before it out")
    end
    graph.scope = "preprocessing/" .. i
    x = writers[step.name](graph, step, graph:channels_first(x))
  end
  return x
end
