--- Random cases of layers: shapes and options by the layer's type, for the figures of PyTorch and the spec that
-- compares them. Values are draws of a seed, which NumPy repeats.
local seeded = require "support.seeded"

local cases = { COUNT = 200 }

local drawn = {} -- by type: function(draw, pick) that returns the shape (N, L, C), and the options

local function sizes(draw, pick)
  return pick { 1, 2, 3, 5 }, pick { 1, draw(2, 9), draw(10, 40), draw(41, 300) }
end

-- Padding that fits: with "valid", the length grows to the span of the kernel.
local function window(draw, pick, names, kernels)
  local kernel, dilation = pick(kernels), pick { 1, 1, 1, 2, 3 }
  names[#names + 1], names[#names + 2], names[#names + 3] = 0, draw(1, 4), { draw(0, 6), draw(0, 6) }
  return { kernel = kernel, dilation = dilation, stride = pick { 1, 1, 2, 3, 5 }, padding = pick(names),
    bias = draw(0, 3) > 0 }
end

local function points(padding)
  if type(padding) == "table" then return padding[1] + padding[2] end
  return type(padding) == "number" and 2 * padding or 0
end

drawn.Conv1d = function(draw, pick)
  local n, length = sizes(draw, pick)
  local options = window(draw, pick, { "valid", "same", "same", "causal" }, { 1, 2, 3, 4, 5, 7, 8, 16, 25 })
  local groups = pick { 1, 1, 2, 3, 4, 8, 16 }
  local span = (options.kernel - 1) * options.dilation + 1
  if options.padding ~= "same" and options.padding ~= "causal" then
    length = math.max(length, span - points(options.padding))
  end
  local channels = groups * pick { 1, 1, 2, draw(3, 8) }
  options.groups, options.filters = groups, groups * pick { 1, 1, 2, draw(3, 8) }
  options.activation = pick { false, false, "relu", "tanh" } or nil
  return { n, length, channels }, options
end

drawn.Conv1dTranspose = function(draw, pick)
  local n, length = sizes(draw, pick)
  local options = window(draw, pick, { "valid", "same" }, { 1, 2, 3, 4, 5, 8 })
  options.filters = draw(1, 6)
  local span = (options.kernel - 1) * options.dilation + 1
  while (length - 1) * options.stride + span - points(options.padding) < 1 do length = length + 1 end
  return { n, length, draw(1, 6) }, options
end

drawn.Upsample1d = function(draw, pick)
  local n, length = sizes(draw, pick)
  return { n, length, draw(1, 6) }, { factor = draw(1, 5), mode = pick { "nearest", "linear" } }
end

local function recurrent(draw, pick)
  return { pick { 1, 2, 3, 7 }, pick { 1, 2, draw(3, 10), draw(11, 40) }, pick { 1, draw(2, 9), 16 } },
    { units = pick { 1, draw(2, 9), 16, draw(17, 40) }, return_sequences = draw(0, 1) == 1,
      bidirectional = draw(0, 1) == 1 }
end

drawn.GRU = recurrent

drawn.LSTM = function(draw, pick)
  local shape, options = recurrent(draw, pick)
  options.activation = pick { "tanh", "tanh", "tanh", "relu", "sigmoid" }
  options.gate_activation = pick { "sigmoid", "sigmoid", "sigmoid", "hard_sigmoid" }
  return shape, options
end

drawn.MultiHeadAttention = function(draw, pick)
  local n, length = sizes(draw, pick)
  local heads = pick { 1, 2, 3, 4 }
  return { n, length, heads * pick { 1, 2, 5, 8 } }, { heads = heads, bias = draw(0, 3) > 0, causal = draw(0, 2) == 0 }
end

drawn.GroupNorm = function(draw, pick)
  local n, length = sizes(draw, pick)
  local groups = pick { 1, 2, 3, 5 }
  return { n, length, groups * pick { 1, 2, 4 } }, { groups = groups, epsilon = pick { 1e-5, 1e-3 } }
end

drawn.SqueezeExcite = function(draw, pick)
  local n, length = sizes(draw, pick)
  return { n, length, pick { 1, draw(2, 9), 16 } }, { ratio = pick { 1, 2, 4, 100 } }
end

drawn.Position = function(draw, pick)
  local n, length = sizes(draw, pick)
  return { n, length, draw(1, 4) }, {}
end

cases.types = {}
for name in pairs(drawn) do cases.types[#cases.types + 1] = name end
table.sort(cases.types)

--- Draws case number of a type: { type, seed, shape, options, hole, leaves }. hole: the number of the element of the
-- input that is NaN, in one of eight. leaves: "input" if gradients of parameters are not compared: PyTorch multiplies
-- the state before the first point, 0, by gradients that are NaN, and gives NaN where moonbow gives 0.
function cases.draw(rng, type_name, number)
  local function draw(low, high) return rng:integers(low, high, { endpoint = true }) end
  local function pick(list) return list[draw(1, #list)] end
  local shape, options = drawn[type_name](draw, pick)
  local hole = draw(1, shape[1] * shape[2] * shape[3])
  if draw(1, 8) > 1 then hole = nil end
  return { type = type_name, shape = shape, options = options, hole = hole, seed = { seeded.seed(type_name), number },
    leaves = hole and options.return_sequences ~= nil and "input" or "all" }
end

--- Calls f(case, number) for all cases of all types, in order.
function cases.each(library, f)
  for _, type_name in ipairs(cases.types) do
    local rng = library.rng(seeded.seed(type_name))
    for number = 1, cases.COUNT do f(cases.draw(rng, type_name, number), number) end
  end
end

--- The layer of a case with its weights, the input, and the generator whose next draws are dy and the weights of
-- gradients.
function cases.make(library, case)
  local layer, rng = library.nn[case.type](case.options), library.rng(case.seed)
  layer:build { case.shape[2], case.shape[3] }
  local x = rng:normal(0, 1, case.shape)
  if case.hole then x:reshape(-1):set(case.hole, 0 / 0) end
  for _, parameter in ipairs(layer:parameters()) do
    local shape, rows = parameter.value:shape(), 1
    for d = 1, #shape - 1 do rows = rows * shape[d] end
    library.no_grad(function() parameter.value:copy_from(rng:normal(0, 1, shape) / math.sqrt(rows)) end)
  end
  return layer, x:param(), rng
end

return cases
