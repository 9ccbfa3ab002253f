-- What the rules of mb.audit on the network say, against what its results and gradients depend on.
local mb = require "moonbow"
local audited = require "support.audited"
local nn = mb.nn
local LENGTH, net, conv, easy = audited.LENGTH, audited.net, audited.conv, audited.easy
local trained = audited.trained

local function find(rule, model, set, options)
  options = options or {}
  options.rules = { rule }
  return mb.audit(model, set, options):has(rule)
end

-- ---- linear maps ----

describe("a layer without an activation", function()
  local function hidden(model)
    local found = find("linear_hidden", model)
    return found and table.concat(found.layers, " ")
  end
  local function dense(units, activation) return nn.Dense { units = units, activation = activation } end
  it("is redundant only where it and the next layer are one linear map", function()
    local function rows(...) return hidden(net { nn.Flatten {}, ... }) end
    assert.is_nil(rows(nn.Residual { nn.Sequential { dense(8, "relu"), dense(LENGTH) } }, dense(2)))
    assert.is_nil(rows(nn.Residual { dense(LENGTH, "relu"), dense(LENGTH) }, dense(2)))
    assert.equal("2.1", rows(nn.Residual { dense(LENGTH) }, dense(2)))
    assert.equal("2.1 2.2", rows(nn.Residual { dense(9), dense(9) }, dense(2)))
    assert.is_nil(rows(nn.Residual { dense(9), dense(9), activation = "relu" }, dense(2)))
    assert.equal("2.1", rows(nn.Concat { dense(9), dense(9, "relu") }, dense(2)))
    assert.equal("2 3", rows(dense(9), dense(8), nn.Dropout { rate = 0.5 }, dense(2)))
    assert.equal("3.1", rows(dense(9), nn.Concat { dense(3), nn.ReLU {} }, dense(2)))
  end)
  it("is found behind a Graph that multiplies", function()
    local function graph(join)
      local model = nn.Graph { inputs = { "x" }, { name = "a", from = "x", conv() },
        { name = "b", from = "x", conv { activation = "sigmoid" } },
        { name = "c", from = { "a", "b" }, join = join },
        { name = "y", from = "c", nn.Sequential { nn.Flatten {}, dense(9), dense(3) } } }
      model:build { LENGTH, 1 }
      return model
    end
    for _, join in ipairs { "multiply", "add", "concat" } do assert.equal("3.2", hidden(graph(join))) end
  end)
end)

-- ---- heads ----

describe("a head", function()
  it("is global only if all that it sees went through global pooling", function()
    local function is_global(...) return find("global_head", net { conv(), ... }) ~= nil end
    local function out() return nn.Dense { units = 2 } end
    assert.is_false(is_global(nn.Concat { nn.Flatten {}, nn.GlobalMaxPool1d {} }, out()))
    assert.is_true(is_global(nn.Concat { nn.GlobalAvgPool1d {}, nn.GlobalMaxPool1d {} }, out()))
    assert.is_nil(find("global_head", mb.models.deng2022_sanet { classes = 2, length = 1000 }))
    local gated = nn.Graph { inputs = { "x" }, { name = "map", from = "x", conv() },
      { name = "flat", from = "map", nn.Flatten {} },
      { name = "gate", from = "map", nn.Sequential { nn.GlobalAvgPool1d {}, nn.Dense { units = 4 * LENGTH,
        activation = "sigmoid" } } },
      { name = "y", from = { "flat", "gate" }, join = "multiply", nn.Dense { units = 2 } } }
    gated:build { LENGTH, 1 }
    assert.is_nil(find("global_head", gated))
  end)
  it("is blamed for a softmax only where the loss has another one", function()
    local function found(rule, activation, options)
      local model = net { nn.Flatten {}, nn.Dense { units = 3, activation = activation } }
      return find(rule, model, easy, options) ~= nil
    end
    for rule, activation in pairs { softmax_before_loss = "softmax", bounded_output = "sigmoid" } do
      assert.is_true(found(rule, activation))
      assert.is_false(found(rule, activation, { trained = true })) -- elsewhere
      local model = net { nn.Flatten {}, nn.Dense { units = 2 } }
      trained(model, easy, 1)
      model.layers[3] = nn.Activation { name = activation }
      assert.is_truthy(find(rule, model, easy), rule)
    end
  end)
  it("is bounded by some activations, and the share of a class with it", function()
    local function text(...) return find("bounded_output", net { nn.Flatten {}, nn.Dense { units = 3 }, ... }).text end
    assert.matches("tanh: its outputs lie between %-1 and 1, so that no class of 3 can become more likely than 79 %%",
      text(nn.Tanh {}, nn.Dropout { rate = 0.1 }))
    assert.near(79, 100 * mb.tensor({ { 1, -1, -1 } }):softmax()[1][1], 0.5)
    assert.matches("sigmoid: its outputs lie between 0 and 1, .* 58 %%", text(nn.Sigmoid {}))
    assert.matches("relu: its outputs are never negative", text(nn.ReLU {}))
  end)
end)
