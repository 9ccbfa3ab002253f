-- Receptive fields of networks with branches, against what outputs depend on.
local mb = require "moonbow"
local nn = mb.nn

local LENGTH = 160

local rng -- of the network that is being made

local function int(low, high) return rng:integers(low, high + 1) // 1 | 0 end
local function pick(list) return list[int(1, #list)] end

local function conv(stride)
  return nn.Conv1d { filters = 2, kernel = int(1, 7), dilation = int(1, 2), stride = stride,
    padding = pick { "same", "causal" } }
end

local makers = {
  conv,
  function(stride) return nn.MaxPool1d { size = int(1, 4), stride = stride, padding = "same" } end,
  function(stride) return nn.BlurPool1d { size = int(1, 3), stride = stride, blur = int(2, 4) } end,
  function(stride) return nn.Residual { conv(stride), conv(stride) } end,
  function() return nn.Residual { nn.Sequential { conv(1), nn.Dense { units = 2 } }, nn.Dense { units = 2 } } end,
  function(stride)
    return nn.Concat { nn.Sequential { conv(stride), conv(1) }, nn.AvgPool1d { size = int(1, 4), stride = stride,
      padding = "same" }, conv(stride) }
  end,
  function(stride)
    return nn.Graph { inputs = { "x" }, { name = "a", from = "x", conv(stride) },
      { name = "b", from = "x", nn.Sequential { conv(stride), conv(1) } },
      { name = "c", from = { "a", "b" }, join = pick { "add", "concat", "multiply" } },
      { name = "d", from = { "a", "c" }, conv(1) } }
  end,
}

local function network(seed)
  rng = mb.rng(seed)
  local layers = {}
  for i = 1, int(1, 3) do layers[i] = pick(makers)(int(1, 2)) end
  local model = nn.Sequential(layers)
  model:build({ LENGTH, 1 }, rng)
  return model:eval()
end

-- The points from the first to the last of the input on which the result in the middle depends: each is changed.
local function support(model)
  local base, changes = rng:normal(0, 1, { 1, LENGTH, 1 }) * mb.ones(LENGTH, 1, 1), {}
  for i = 1, LENGTH do
    changes[i] = {}
    for k = 1, LENGTH do changes[i][k] = { i == k and 30 or 0 } end
  end
  local first, last = LENGTH, 0
  for _, sign in ipairs { 1, -1 } do
    local y, before = mb.no_grad(model, base + mb.tensor(changes) * sign), mb.no_grad(model, base)
    local differ = (y - before):abs():max(3):totable()
    for i, row in ipairs(differ) do
      if row[(#row + 1) // 2] > 1e-7 then first, last = math.min(first, i), math.max(last, i) end
    end
  end
  return last - first + 1
end

describe("the receptive field", function()
  it("is that of all branches, in random networks", function()
    for seed = 1, 40 do
      local model = network(seed)
      assert.equal(support(model), model:reach().field, seed)
    end
  end)
  it("is the widest of branches that are rows", function()
    local function branch(options) return nn.Sequential { nn.Conv1d(options), nn.Flatten {} } end
    local model = nn.Sequential { nn.Concat { branch { filters = 1, kernel = 3, padding = "same" },
      branch { filters = 1, kernel = 9 }, nn.Sequential { nn.MaxPool1d { size = 4 }, nn.Flatten {} } } }
    assert.same({ stride = 1, field = 9 }, model:reach { 40, 1 })
  end)
  it("is that of all points of an inception block, and of a gate", function()
    local model = nn.Sequential { nn.Concat { nn.Conv1d { filters = 2, kernel = 1 },
      nn.Conv1d { filters = 2, kernel = 41, padding = "same" } }, nn.MaxPool1d { size = 4 } }
    assert.same({ stride = 4, field = 44 }, model:reach { 200, 1 })
    assert.matches("total stride 4, receptive field 44 points$", model:summary { 200, 1 })
    assert.equal(580, mb.models.lee2020_inception3 { classes = 5, length = 1000 }:reach().field)
    assert.equal(373, mb.models.deng2022_sanet { classes = 5, length = 1000 }:reach().field)
  end)
  it("is that of the first of several outputs, from any of several inputs", function()
    local graph = nn.Graph { inputs = { "a", "b" }, outputs = { "y", "z" },
      { name = "one", from = "a", nn.Conv1d { filters = 1, kernel = 5 } },
      { name = "other", from = "b", nn.Conv1d { filters = 1, kernel = 3 } },
      { name = "y", from = { "other", "one" }, nn.ReLU {} },
      { name = "z", from = "other", nn.Conv1d { filters = 1, kernel = 9 } } }
    assert.same({ stride = 1, field = 5 }, graph:reach { a = { 20, 1 }, b = { 18, 1 } })
    local pair = nn.class("ReachPair", {}, { forward = function(_, x) return x.a + x.b end,
      output_shape = function(_, shape) return shape.a end }) {}
    assert.same({ stride = 1, field = 1 }, pair:reach { a = { 20, 1 }, b = { 20, 1 } })
  end)
end)
