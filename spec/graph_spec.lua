-- Networks with several named inputs and outputs: what they compute, gradients, counts, files, refusals.
local mb, mb64 = require "support.both"()
local check = require "support.gradcheck"
local nn = mb.nn

local function refuses(message, f, ...)
  local arguments = table.pack(...)
  assert.error_matches(function() f(table.unpack(arguments, 1, arguments.n)) end, message, nil, true)
end

-- A spectrum and two numbers; the class, and a number for each spectrum.
local function two_of_each(library)
  local n = library.nn
  return n.Graph {
    inputs = { "spectrum", "conditions" }, outputs = { "class", "strain" },
    { name = "map", from = "spectrum", n.Sequential { n.Conv1d { filters = 3, kernel = 3 }, n.GlobalAvgPool1d {} } },
    { name = "scale", from = "conditions", n.Dense { units = 3, activation = "tanh" } },
    { name = "scaled", from = { "map", "scale" }, join = "multiply" },
    { name = "both", from = { "scaled", "conditions" }, n.Dense { units = 4, activation = "gelu" } },
    { name = "class", from = "both", n.Dense { units = 3 } },
    { name = "strain", from = { "both", "class" }, n.Dense { units = 1 } },
  }
end

-- Two spectra through one body; their maps are added.
local function twin(library)
  local n = library.nn
  local body = n.Sequential { n.Conv1d { filters = 2, kernel = 3 }, n.GlobalMaxPool1d {} }
  return n.Graph {
    inputs = { "a", "b" },
    { name = "map a", from = "a", body },
    { name = "map b", from = "b", body },
    { name = "sum", from = { "map a", "map b" }, join = "add" },
    { name = "answer", from = "sum", n.Dense { units = 2 } },
  }
end

local x = { spectrum = mb.rng(1):normal(0, 1, 5, 12, 1), conditions = mb.rng(2):normal(0, 1, 5, 2) }

describe("a graph", function()
  it("computes what its nodes say", function()
    local model = two_of_each(mb)
    local y = mb.no_grad(model, x)
    local layers = model.layers
    local both = mb.no_grad(function()
      local map = layers[1](x.spectrum) * layers[2](x.conditions)
      return layers[3](mb.concat({ map, x.conditions }, 2))
    end)
    local class = mb.no_grad(layers[4], both)
    assert.equal(class:tobytes(), y.class:tobytes())
    assert.equal(mb.no_grad(layers[5], mb.concat({ both, class }, 2)):tobytes(), y.strain:tobytes())
    assert.same({ spectrum = { 12, 1 }, conditions = { 2 } }, model.input_shape)
  end)
  it("has the gradients of central differences", function()
    local function values(shape) return mb64.rng(3):normal(0, 1, shape):totable() end
    local function built(library, make, shape)
      local model = make(library)
      model:build(shape, library.rng(1))
      return model
    end
    check(function(library, spectrum, conditions)
      local y = built(library, two_of_each, { spectrum = { 9, 1 }, conditions = { 2 } }) {
        spectrum = spectrum, conditions = conditions }
      return library.concat({ y.class, y.strain }, 2)
    end, { values { 3, 9, 1 }, values { 3, 2 } })
    check(function(library, a, b, w)
      local model = built(library, twin, { a = { 9, 1 }, b = { 7, 1 } })
      model.layers[1].layers[1].weight = w
      return model { a = a, b = b }
    end, { values { 3, 9, 1 }, values { 3, 7, 1 }, values { 3, 1, 2 } })
  end)
  it("counts a layer of several nodes once", function()
    local model = twin(mb)
    model:build { a = { 9, 1 }, b = { 9, 1 } }
    assert.equal(4, #model:parameters())
    local text = model:summary()
    assert.matches("1%.1 +Conv1d +7 x 2 +8 +42", text)
    assert.matches("2%.1 +Conv1d +7 x 2 +shared +42", text)
    assert.matches("total: 14 parameters, 88 multiply%-adds", text)
  end)
  it("may be a layer of another network, if it has one input and one output", function()
    local inner = nn.Graph { inputs = { "x" }, { name = "y", from = "x", nn.Dense { units = 2 } } }
    local model = nn.Sequential { nn.Flatten {}, inner, nn.ReLU {} }
    assert.same({ 2 }, model:build { 4, 1 })
    local value = mb.rand(mb.rng(1), 3, 4, 1)
    assert.equal(mb.no_grad(inner, { x = value:reshape(3, 4) }):relu():tobytes(), mb.no_grad(model, value):tobytes())
    assert.same({ 2 }, inner:build { x = { 4 } })
    refuses("layer 2 (Dense): input: expected a tensor, got several by name; a Graph takes them", function()
      nn.Sequential { nn.Graph { inputs = { "x" }, outputs = { "y", "z" }, { name = "y", from = "x", nn.ReLU {} },
        { name = "z", from = "x", nn.ReLU {} } }, nn.Dense { units = 2 } }:build { 4 }
    end)
  end)
  it("returns what layers leave as it is", function()
    local model = nn.Graph { inputs = { "x" }, outputs = { "a", "b", "x" },
      { name = "a", from = "x", nn.Dropout { rate = 0.5 } }, { name = "b", from = "a", nn.Dropout { rate = 0.5 } } }
    local value = mb.ones(2, 3)
    local y = model(value)
    assert.same({ 6, 6, 6 }, { y.a:sum():item(), y.b:sum():item(), y.x:sum():item() })
    assert.equal(6, value:sum():item())
  end)
  it("takes names of any length and case", function()
    local long = ("n"):rep(70)
    local model = nn.Graph { inputs = { "a", "A", long }, { name = "sum", from = { "a", "A", long }, join = "add",
      nn.ReLU {} } }
    local function values(a, b, c) return { a = a, A = b, [long] = c } end
    assert.same({ 2 }, model:build(values({ 2 }, { 2 }, { 2 })))
    assert.equal(12, model(values(mb.ones(1, 2), mb.ones(1, 2) * 2, mb.ones(1, 2) * 3)):sum():item())
  end)
  it("is fitted, evaluated and asked by names", function()
    local model, rows = nn.Graph { inputs = { "spectrum", "conditions" },
      { name = "map", from = "spectrum", nn.Flatten {} },
      { name = "class", from = { "map", "conditions" }, nn.Dense { units = 2 } } }, {}
    local given = { spectrum = mb.rng(1):normal(0, 1, 80, 3, 1), conditions = mb.rng(2):normal(0, 1, 80, 2) }
    for i = 1, 80 do rows[i] = given.conditions[i][1] > 0 and 2 or 1 end
    mb.fit(model, { x = given, y = rows }, { epochs = 30, optimizer = mb.optim.Adam { lr = 0.05 }, verbose = false })
    local predicted, hits = mb.predict(model, given), 0
    for i = 1, 80 do hits = hits + (predicted[i] == rows[i] and 1 or 0) end
    assert.is_true(hits > 72)
    assert.equal(hits / 80, mb.evaluate(model, { x = given, y = rows }).accuracy)
  end)
  it("of several outputs gives no classes, but statistics of batch norms", function()
    local model = nn.Graph { inputs = { "x" }, outputs = { "a", "b" },
      { name = "norm", from = "x", nn.BatchNorm1d {} }, { name = "a", from = "norm", nn.Dense { units = 2 } },
      { name = "b", from = "norm", nn.Dense { units = 2 } } }
    local value = mb.rng(1):normal(3, 1, 20, 4)
    model:build { 4 }
    refuses("predict: model: expected a network of one output, got a Graph of several: a, b", mb.predict, model, value)
    mb.recalibrate(model, value, { batch_size = 20 })
    assert.is_true(model.layers[1].running_mean:allclose(value:mean(1), { absolute = 1e-5 }))
  end)
  it("trains by the sum of its losses", function()
    local model = two_of_each(mb)
    local optimizer, first, last = mb.optim.Adam { lr = 0.01 }, nil, nil
    for _ = 1, 40 do
      local y = model(x)
      local loss = y.class:cross_entropy { 1, 2, 3, 1, 2 } + y.strain:mse(mb.ones(5, 1))
      loss:backward()
      optimizer:step(model:parameters())
      for _, entry in ipairs(model:parameters()) do entry.value.grad = nil end
      first, last = first or loss:item(), loss:item()
    end
    assert.is_true(last < 0.8 * first)
  end)
  it("is saved, loaded, described and shown", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    for _, make in ipairs { two_of_each, twin } do
      local model = make(mb)
      local given = make == twin and { a = x.spectrum, b = x.spectrum } or x
      local y = mb.no_grad(model, given)
      assert(mb.save(model, path))
      local loaded = assert(mb.load(path))
      local again = mb.no_grad(loaded, given)
      assert.equal((y.class or y):tobytes(), (again.class or again):tobytes())
      assert.equal(#model:parameters(), #loaded:parameters())
      assert.equal(tostring(model), tostring(loaded))
    end
    local copy = assert(load("local nn = ... return " .. tostring(two_of_each(mb))))(nn)
    assert.equal(tostring(two_of_each(mb)), tostring(copy))
    refuses("save: classes: the model has several outputs", function()
      local model = two_of_each(mb)
      model(x)
      mb.save(model, path, { classes = { "a", "b", "c" } })
    end)
  end)
end)

describe("a graph of joins alone", function()
  local a, b = mb.randn(mb.rng(1), 2, 4, 3), mb.randn(mb.rng(2), 2, 4, 3)
  local function joined(join)
    return nn.Graph { inputs = { "a", "b" }, { name = "y", from = { "a", "b" }, join = join } }
  end
  it("joins, without a layer", function()
    for join, expected in pairs { add = a + b, multiply = a * b, concat = mb.concat({ a, b }, 3) } do
      assert.is_true(expected == joined(join) { a = a, b = b }, join)
    end
    local both = nn.Graph { inputs = { "a", "b" }, outputs = { "sum", "product" },
      { name = "sum", from = { "a", "b" }, join = "add" },
      { name = "product", from = { "sum", "b" }, join = "multiply" } }
    local y = both { a = a, b = b }
    assert.is_true(a + b == y.sum)
    assert.is_true((a + b) * b == y.product)
  end)
  it("has a shape and a summary, and is saved and described, but not trained", function()
    local model, path = joined "concat", os.tmpname()
    assert.same({ 4, 6 }, model:build { a = { 4, 3 }, b = { 4, 3 } })
    assert.matches("total: 0 parameters", model:summary())
    assert(mb.save(model, path))
    for _, again in ipairs { assert(mb.load(path)), nn.from_config(model:config()) } do
      assert.is_true(model { a = a, b = b } == again { a = a, b = b })
      assert.equal(tostring(model), tostring(again))
    end
    os.remove(path)
    refuses("fit: the model has no parameters to train", mb.fit, joined "add",
      { x = { a = a:reshape(2, 12), b = b:reshape(2, 12) }, y = { 1, 2 } }, { verbose = false })
  end)
end)

describe("a graph refuses", function()
  local function graph(change)
    local given = { inputs = { "x" }, { name = "y", from = "x", nn.Dense { units = 2 } } }
    for key, value in pairs(change) do given[key] = value end
    return function() nn.Graph(given) end
  end
  it("names that do not fit", function()
    refuses("Graph: node 'z': there is no input or node 'Y' before it (did you mean 'y'?)",
      graph { [2] = { name = "z", from = "Y", nn.ReLU {} } })
    refuses("Graph: node 2: there is an input or a node called 'x' before it",
      graph { [2] = { name = "x", from = "y" } })
    refuses("Graph: 'y' leads to no output", graph { [2] = { name = "z", from = "x", nn.ReLU {} } })
    refuses("Graph: 'b' leads to no output", graph { inputs = { "x", "b" } })
    refuses("Graph: inputs: there are two called 'x'", graph { inputs = { "x", "x" } })
    refuses("Graph: inputs: expected at least one name, got none", graph { inputs = {} })
    refuses("Graph: outputs: there is no node 'w'", graph { outputs = { "w" } })
  end)
  it("nodes that say nothing", function()
    refuses("Graph: node 1: expected { name = ..., from = ..., layer }, got a Dense",
      graph { nn.Dense { units = 2 } })
    refuses("Graph: node 2: from: expected a string or a table, got nil", graph { [2] = { name = "z", nn.ReLU {} } })
    refuses("Graph: node 2: join: expected one of 'concat', 'add', 'multiply', got 'sum'",
      graph { [2] = { name = "z", from = { "x", "y" }, join = "sum" } })
    refuses("Graph: node 'z': expected a layer, or several names to join", graph { [2] = { name = "z", from = "y" } })
    refuses("Graph: layer 2: expected a layer, got 3", graph { [2] = { name = "z", from = "y", 3 } })
    refuses("Graph: there is no node before node 3", graph { [3] = { name = "z", from = "y", nn.ReLU {} } })
    refuses("Graph: nodes: expected at least one, got none", nn.Graph, { inputs = { "x" } })
    refuses("Graph: node 2: from: there are two called 'y'",
      graph { [2] = { name = "z", from = { "y", "y" }, nn.ReLU {} } })
    refuses("Graph: inputs: expected a table, got nil", nn.Graph, { { name = "y", from = "x", nn.ReLU {} } })
  end)
  it("tensors that do not fit, with the path of the layer", function()
    local model = two_of_each(mb)
    model(x)
    local wrong = { spectrum = mb.ones(5, 12, 2), conditions = x.conditions }
    refuses("layer 1 'map' (Sequential) > layer 1 (Conv1d): input has 2 channels, weights expect 1", model, wrong)
    refuses("layer 1 'map' (Sequential) > layer 1 (Conv1d): input has 2 channels, weights expect 1", model.build, model,
      { spectrum = { 12, 2 }, conditions = { 2 } })
    refuses("Graph: conditions has 4 rows, but spectrum has 5", model,
      { spectrum = x.spectrum, conditions = mb.ones(4, 2) })
    refuses("Graph: there is no value for the input 'conditions'", model, { spectrum = x.spectrum })
    refuses("Graph: there is no input 'noise'; known are: spectrum, conditions", model,
      { spectrum = x.spectrum, conditions = x.conditions, noise = x.spectrum })
    refuses("Graph: input: expected a table of tensors, { spectrum = ..., conditions = ... }, got tensor {5, 12, 1}",
      model, x.spectrum)
    refuses("Graph: spectrum: expected a tensor, got 3", model, { spectrum = 3, conditions = x.conditions })
    refuses("build: there is no value for the input 'conditions'", model.build, model, { spectrum = { 12, 1 } })
    refuses("build: shape.conditions[1]: expected a positive integer, got 0", model.build, model,
      { spectrum = { 12, 1 }, conditions = { 0 } })
    refuses("Graph: input: expected a table of tensors, { spectrum = ..., conditions = ... }, got one tensor",
      model.build, model, { 12, 1 })
    local other = nn.Graph { inputs = { "a", "b" }, { name = "c", from = { "a", "b" }, join = "add", nn.ReLU {} } }
    refuses("Graph: node 'c': a has shape {1, 3}, b has {1, 4}", other, { a = mb.ones(1, 3), b = mb.ones(1, 4) })
  end)
  it("descriptions from a file that lead nowhere or to too much", function()
    local config = twin(mb):config()
    local function changed(change)
      local copy = require("moonbow.check").copy(config)
      change(copy)
      return function() nn.from_config(copy):build { a = { 9, 1 }, b = copy.inputs[2] and { 9, 1 } } end
    end
    refuses("Graph: node 1: there is no layer 9", changed(function(c) c.nodes[1].layer = 9 end))
    refuses("Graph: layer 3 is in no node", changed(function(c) c.nodes[4].layer = 1 end))
    refuses("Graph: nodes: expected at least one, got none", changed(function(c) c.nodes = {} end))
    refuses("elements, more than mb.limits.elements", changed(function(c)
      c.nodes, c.layers, c.inputs = {}, { { type = "ReLU" } }, { "a" }
      local before = "a"
      for i = 1, 70 do
        local copy, both = "copy " .. i, "both " .. i
        table.move({ { name = copy, from = before, layer = 1 }, { name = both, from = { before, copy } } }, 1, 2,
          #c.nodes + 1, c.nodes)
        before = both
      end
    end))
  end)
end)
