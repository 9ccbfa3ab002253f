-- Layers of a user's own: mb.nn.class.
local mb = require "moonbow"
local nn = mb.nn

local function scale()
  return nn.class("Scale", { initializer = "ones" }, {
    make = function(layer, shape, rng)
      layer:add_parameter("weight", layer.options.initializer, rng, { shape[#shape] }, 1, 1)
      layer:add_buffer("calls", mb.zeros(1))
    end,
    forward = function(layer, x)
      if layer.training then layer.calls:fill(layer.calls[1] + 1) end
      return x * layer.weight
    end,
    macs = function(_, input) return input[2] * input[3] end,
    twice = function(layer) return layer.weight * 2 end,
  })
end

local x = mb.rand(mb.rng(1), 6, 8, 3)

describe("a layer of one's own", function()
  it("has weights that are trained, buffers, a shape, methods and multiply-adds", function()
    local Scale = scale()
    local layer = Scale { initializer = "uniform" }
    assert.same({ 8, 3 }, layer:build({ 8, 3 }, mb.rng(1)))
    assert.equal(1, #layer:parameters())
    assert.equal(1, #layer:buffers())
    assert.same({ 3 }, layer:twice():shape())
    assert.matches("Scale +8 x 3 +3 +24\n", layer:summary { 8, 3 })
    assert.equal('nn.Scale{initializer = "uniform"}', tostring(layer))
    local before, model = layer.weight:copy(), nn.Sequential { layer, nn.Flatten {}, nn.Dense { units = 2 } }
    mb.fit(model, { x = x, y = { 1, 2, 1, 2, 1, 2 } }, { epochs = 2, batch_size = 3, verbose = false })
    assert.is_false(layer.weight:detach():allclose(before))
    assert.equal(4, layer.calls[1])
  end)

  it("is saved and loaded again by a script that has defined it", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local model = nn.Sequential { scale() { initializer = "uniform" }, nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 8, 3 }, mb.rng(1))
    assert(mb.save(model, path))
    local loaded = assert(mb.load(path))
    assert.is_true(loaded(x):allclose(model(x), { relative = 0, absolute = 0 }))
    assert.equal("uniform", loaded.layers[1].options.initializer)
  end)

  it("has to be defined before it is loaded, as the message says", function()
    assert.error_matches(function() nn.from_config { type = "Undefined" } end,
      "from_config: unknown layer 'Undefined'; one of your own has to be defined by nn.class before$")
  end)

  it("may keep its inputs and outputs, which the network does not close", function()
    local seen = {}
    local Keep = nn.class("Keep", {}, {
      forward = function(_, input)
        local output = input * 2
        seen = { input, output }
        return output
      end,
    })
    local model = nn.Sequential { nn.ReLU {}, Keep {}, nn.ReLU {} }
    local y = mb.no_grad(model, x)
    assert.is_true(seen[1]:allclose(x))
    assert.is_true(seen[2]:allclose(y))
  end)

  it("is checked when it is constructed", function()
    local Limited = nn.class("Limited", { rate = 0.5 }, {
      init = function(_, options) if options.rate > 1 then error("too much", 0) end end,
      forward = function(layer, input) return input * layer.options.rate end,
    })
    assert.is_true(Limited {}(x):allclose(x * 0.5))
    assert.error_matches(function() Limited { rate = 2 } end, "^too much$")
    assert.error_matches(function() Limited { rat = 1 } end, "Limited: unknown option 'rat'; did you mean 'rate'%?$")
    assert.error_matches(function() Limited { rate = "high" } end, "Limited: rate: expected a number, got 'high'")
  end)

  it("is checked where its functions return something else, or are called without", function()
    local function refuses(message, functions, f)
      functions.forward = function(_, input) return input end
      local Own = nn.class("Own", {}, functions)
      assert.error_matches(function() f(nn.Sequential { Own {}, nn.Dense { units = 2 } }) end, message, nil, true)
    end
    local function build(model) model:build { 3 } end
    refuses("layer 1 (Own): output_shape: result: expected a table, got nil", { output_shape = function() end }, build)
    refuses("macs: result: expected a number, got 'many'", { macs = function() return "many" end },
      function(model) model:summary { 3 } end)
    for message, given in pairs { ["add_parameter: shape: expected a table, got 3"] = { "w", "zeros", 3 },
      ["add_parameter: name: expected a string, got nil"] = { nil, "zeros", { 3 } },
      ["initializer: 'he_normal' needs fan_in, the inputs of one output, got nil"] = { "w", "he_normal", { 3 } } } do
      refuses(message, { make = function(layer, _, rng) layer:add_parameter(given[1], given[2], rng, given[3]) end },
        build)
    end
  end)
  it("has weights of any name, which l2 makes smaller, and biases, which it leaves", function()
    local Own = nn.class("Own", {}, {
      make = function(layer, shape, rng)
        layer:add_parameter("kernel", "ones", rng, { shape[2], 2 }, 1, 1)
        layer:add_parameter("bias", "ones", rng, { 2 }, 1, 1)
      end,
      forward = function(layer, input) return input:matmul(layer.kernel) + layer.bias end,
    })
    local model = nn.Sequential { nn.Flatten {}, Own {} }
    mb.fit(model, { x = mb.zeros(4, 3, 1), y = { 1, 2, 1, 2 } }, { epochs = 1, l2 = 1, verbose = false,
      batch_size = 4, optimizer = mb.optim.SGD { lr = 0.1 } })
    assert.near(0.8, model.layers[2].kernel:mean():item(), 1e-6)
    assert.near(1, model.layers[2].bias:mean():item(), 1e-6)
  end)
  it("may be defined anew, but not in the place of a layer of moonbow's", function()
    scale()
    scale()
    local function forward(_, input) return input end
    assert.error_matches(function() nn.class("Conv1d", {}, { forward = forward }) end,
      "nn.class: name: moonbow has a layer Conv1d; take another name$")
    assert.error_matches(function() nn.class("a layer", {}, { forward = forward }) end,
      "nn.class: name: expected letters, digits and underscores, got 'a layer'$")
    assert.error_matches(function() nn.class("A", {}, {}) end,
      "nn.class: functions.forward: expected a function, got nil$")
    assert.error_matches(function() nn.class("A", {}, { forward = forward, make = 1 }) end,
      "nn.class: functions.make: expected a function, got 1$")
    assert.error_matches(function() nn.class("A", 1, { forward = forward }) end,
      "nn.class: options: expected a table, got 1$")
  end)

  it("leaves the table of functions as it was", function()
    local functions = { forward = function(_, input) return input end }
    local A, B = nn.class("A", {}, functions), nn.class("B", {}, functions)
    assert.equal("A", A {}.type)
    assert.equal("B", B {}.type)
    assert.is_nil(getmetatable(functions))
  end)
end)

describe("the first layers of a network", function()
  local model = nn.Sequential { nn.Conv1d { filters = 4, kernel = 3 }, nn.MaxPool1d { size = 2 }, nn.Flatten {} }
  model:build({ 8, 3 }, mb.rng(1))

  it("share its weights", function()
    local first = model:first(2)
    assert.is_true(first(x):allclose(model.layers[2](model.layers[1](x)), { relative = 0, absolute = 0 }))
    assert.equal(model.layers[1], first.layers[1])
    assert.equal(2, #first.layers)
    assert.is_true(model:first(3)(x):allclose(model(x), { relative = 0, absolute = 0 }))
  end)
  it("are 1 or more of those of a Sequential", function()
    assert.error_matches(function() model:first(4) end,
      "first: count: expected at most 3, the number of layers, got 4$")
    assert.error_matches(function() model:first(0) end, "first: count: expected a positive integer, got 0$")
    assert.error_matches(function() model.layers[1]:first(1) end, "first: expected a Sequential, got a Conv1d$")
  end)
end)
