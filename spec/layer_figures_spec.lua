-- Layers against PyTorch: outputs and gradients of 200 random shapes and options each, with lengths of 1, single
-- channels, kernels longer than the input, and NaN. spec/support/layer_figures.txt has two figures of PyTorch for each
-- case, which write_layer_figures.lua beside it wrote with PyTorch 2.15.0. ChannelDropout, whose draws PyTorch has not,
-- is in channel_layers_spec.lua.
local mb, mb64 = require "support.both"()
local cases = require "support.layer_cases"

-- The output of a case, the gradients of its input and parameters, and what weighs them.
local function run(library, case)
  local layer, x, rng = cases.make(library, case)
  local y = layer(x)
  local values, weights = { y:detach() }, { rng:normal(0, 1, y:shape()) }
  y:backward(weights[1])
  local leaves = { x }
  if case.leaves == "all" then
    for _, parameter in ipairs(layer:parameters()) do leaves[#leaves + 1] = parameter.value end
  end
  for i, leaf in ipairs(leaves) do
    values[i + 1] = leaf.grad or library.zeros(leaf:shape())
    weights[i + 1] = rng:normal(0, 1, leaf:shape())
  end
  return values, weights
end

local function without_nan(library, x) return library.where(x:isnan(), 7, x) end

-- The weighted sum of values, and its size if they were independent.
local function figure(value, weight)
  local product = without_nan(mb64, value) * weight
  return product:sum():item(), product:norm():item()
end

local function is_near(number, expected, size) return math.abs(number - expected) <= 1e-7 * size + 1e-9 end

-- What differs between values in double and the figures of PyTorch; between values in float and in double.
local function differences(case, forward, backward)
  local values, weights = run(mb64, case)
  local y, size = figure(values[1], weights[1])
  local sum, square = 0, 0
  for i = 2, #values do
    local part, part_size = figure(values[i], weights[i])
    sum, square = sum + part, square + part_size ^ 2
  end
  if not is_near(y, forward, size) then return ("output: %.9g, PyTorch %.9g"):format(y, forward) end
  if not is_near(sum, backward, math.sqrt(square)) then
    return ("gradients: %.9g, PyTorch %.9g"):format(sum, backward)
  end
  for i, single in ipairs((run(mb, case))) do
    local a, b = without_nan(mb64, mb64.tensor(single:totable())), without_nan(mb64, values[i])
    local scale = math.max(b:abs():max():item(), 1)
    if not a:allclose(b, { absolute = 1e-4 * scale }) then
      return ("value %d: float is off double by %g of %g"):format(i, (a - b):abs():max():item(), scale)
    end
  end
end

describe("PyTorch has the outputs and gradients of 200 random cases of", function()
  local lines = io.lines "spec/support/layer_figures.txt"
  local found = {} -- by type: a list of what differs
  cases.each(mb, function(case, number)
    found[case.type] = found[case.type] or {}
    local forward, backward = (lines() or ""):match "^(%S+) (%S+)$"
    local why = not forward and "no figures" or differences(case, tonumber(forward), tonumber(backward))
    if why then table.insert(found[case.type], ("case %d: %s"):format(number, why)) end
  end)
  local left = 0
  for _ in lines do left = left + 1 end
  it("all types, with no figure left over", function() assert.equal(0, left) end)
  for _, name in ipairs(cases.types) do
    it(name, function() assert.same({}, found[name]) end)
  end
end)
