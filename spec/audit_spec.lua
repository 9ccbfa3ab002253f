-- mb.audit: each rule has a network or data that it must find, and one that it must not; on the published networks it
-- finds what is known of them, and nothing else.
local mb = require "moonbow"
local distributions = require "moonbow.distributions"
local in_browser = require "support.in_browser"
local random_network = require "support.random_networks"
local networks = require "lib.benchmark.networks"
local rules = require "moonbow.audit.rules"
local nn = mb.nn

local LENGTH = 100

-- ---- networks ----

local function net(layers, length)
  local model = nn.Sequential(layers)
  model:build({ length or LENGTH, 1 }, mb.rng(1))
  return model
end

local function conv(options)
  local all = { filters = 4, kernel = 3, padding = "same", activation = "relu" }
  for key, value in pairs(options or {}) do all[key] = value end
  return nn.Conv1d(all)
end

local function with_body(...)
  local layers = { ... }
  layers[#layers + 1], layers[#layers + 2] = nn.Flatten {}, nn.Dense { units = 2 }
  return net(layers)
end

local function set_values(tensor, values)
  mb.no_grad(function()
    local flat = tensor:reshape(-1)
    for i, value in ipairs(values) do flat[i] = value end
  end)
end

-- Right for class 1 if the greatest value is below the middle.
local function by_height(middle, slope)
  local model = net { nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
  set_values(model.layers[2].weight, { -slope, slope })
  set_values(model.layers[2].bias, { slope * middle, -slope * middle })
  return model
end

-- ---- data ----

local function gaussian(values, at, height, width)
  for i = 1, #values do values[i] = values[i] + height * math.exp(-(i - at) ^ 2 / 2 / width ^ 2) end
end

-- n spectra, classes in turn; draw(values, class, rng, i) adds to zeros.
local function spectra(n, seed, draw, length)
  local rng, x, y = mb.rng(seed), {}, {}
  for i = 1, n do
    local class, values = i % 2 + 1, {}
    for k = 1, length or LENGTH do values[k] = 0 end
    draw(values, class, rng, i)
    for k = 1, #values do values[k] = { values[k] } end
    x[i], y[i] = values, class
  end
  return { x = mb.tensor(x), y = mb.tensor(y) }
end

local function both(n, draw, test, length)
  return { train = spectra(n, 1, draw, length), test = spectra(test or n, 2, draw, length) }
end

local function noise(values, rng, sd)
  for k = 1, #values do values[k] = values[k] + rng:normal(0, sd) end
end

local function easy_draw(values, class, rng)
  gaussian(values, class == 1 and 25 or 65, class, 4)
  noise(values, rng, 0.02)
end

local easy = both(60, easy_draw, 150)

-- A pair of neighbouring points, up then down, or down then up, anywhere: no linear model tells them.
local pair_of_points = both(200, function(values, class, rng)
  local at = rng:integers(2, LENGTH - 2)
  values[at], values[at + 1] = class == 1 and 1 or -1, class == 1 and -1 or 1
end)

local function pair_network()
  local model = net { nn.Conv1d { filters = 1, kernel = 2, activation = "relu" }, nn.GlobalMaxPool1d {},
    nn.Dense { units = 2 } }
  set_values(model.layers[1].weight, { 1, -1 })
  set_values(model.layers[3].weight, { 4, -4 })
  set_values(model.layers[3].bias, { -6, 6 })
  return model
end

local random_labels = both(60, function(values, _, rng) noise(values, rng, 1) end, 100)

local function trained(model, set, epochs)
  mb.fit(model, set.train, { epochs = epochs or 30, seed = 1, verbose = false })
  return model
end

local function linear() return net { nn.Flatten {}, nn.Dense { units = 2 } } end

local easy_network = trained(linear(), easy)

local heights = both(200, function(values, class) gaussian(values, 90, class == 1 and 1 or 1.05, 2) end)
local height_network = by_height(1.025, 40)

local border = mb.data.border_peaks { n = 400, test = 400, crop = 320, seed = 1 }
local function border_network(pool, epochs)
  local model = mb.models.one_convolution { classes = 2, pool = pool, filters = 16, length = 320 }
  return epochs and trained(model, border, epochs) or model
end

local function normed(momentum)
  return net { conv { activation = "linear" }, nn.BatchNorm1d { momentum = momentum, activation = "relu" },
    nn.Flatten {},
    nn.Dense { units = 2 } }
end

local function spoiled()
  local model = trained(normed(0.9), easy)
  set_values(model.layers[2].running_mean, { 9, -9, 9, -9 })
  return model
end

local function changed(part, changes)
  local copy = { x = part.x, y = part.y }
  for key, value in pairs(changes) do copy[key] = value end
  return copy
end

local function lists(n, f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return list
end

local function flipped(row)
  local y = easy.train.y:totable()
  y[row] = 3 - y[row]
  return { train = changed(easy.train, { y = y }), test = easy.test }
end

local function twice(label) -- the first spectrum again, with a label
  return { x = mb.concat({ easy.train.x, easy.train.x:narrow(1, 1) }, 1),
    y = mb.concat({ easy.train.y, mb.tensor { label } }, 1) }
end

-- In blocks of classes, with an offset that grows within each by drift.
local function in_blocks(drift)
  local parts = {}
  for class = 1, 2 do
    parts[class] = spectra(30, class, function(values, _, rng, i)
      easy_draw(values, class, rng)
      for k = 1, LENGTH do values[k] = values[k] + drift * i end
    end)
  end
  return { x = mb.concat({ parts[1].x, parts[2].x }, 1), y = lists(60, function(i) return i > 30 and 2 or 1 end) }
end

local function with_background(size)
  local set = mb.data.single_peak { n = 100, test = 10, validation = 10, length = 400, position = 200, shift = 2,
    background = size, noise = 0.01, seed = 1 }
  return set.train
end

local function broad(width)
  return { train = spectra(40, 1, function(values, _, rng) gaussian(values, rng:integers(40, 60), 1, width) end) }
end

local function dead(initializer)
  return with_body(conv { initializer = initializer, bias = false })
end

local function with_bias(value)
  return net { nn.Flatten {}, nn.Dense { units = 8, activation = "relu", bias_initializer = value },
    nn.Dense { units = 2 } }
end

local unbalanced = lists(60, function(i) return i % 10 == 0 and 2 or 1 end)
local nan = changed(easy.train, { x = easy.train.x * 1 })
set_values(nan.x, { 0 / 0 })

-- ---- for each rule: what it finds, and what it does not; each is model, set, options ----

local cases = {
  linear_hidden = {
    { net { nn.Flatten {}, nn.Dense { units = 8 }, nn.Dropout { rate = 0.1 }, nn.Dense { units = 2 } } },
    { net { nn.Flatten {}, nn.Dense { units = 8 }, nn.ReLU {}, nn.Dense { units = 2 } } } },
  softmax_of_one = {
    { net { nn.Flatten {}, nn.Dense { units = 1, activation = "softmax" } } },
    { net { nn.Flatten {}, nn.Dense { units = 1, activation = "sigmoid" } } } },
  softmax_before_loss = {
    { net { nn.Flatten {}, nn.Dense { units = 3 }, nn.Softmax {} } }, { net { nn.Flatten {},
      nn.Dense { units = 3 } } } },
  bounded_output = {
    { net { nn.Flatten {}, nn.Dense { units = 3, activation = "relu" } } },
    { net { nn.Flatten {}, nn.Dense { units = 3, activation = "tanh" } } } },
  dropout_on_output = {
    { net { nn.Flatten {}, nn.Dense { units = 3 }, nn.Dropout { rate = 0.5 } } },
    { net { nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 3 } } } },
  head_share = {
    { net({ conv(), nn.Flatten {}, nn.Dense { units = 30, activation = "relu" }, nn.Dense { units = 2 } }, 1000) },
    { net({ conv(), nn.GlobalMaxPool1d {}, nn.Dense { units = 30, activation = "relu" }, nn.Dense { units = 2 } },
      1000) },
  },
  global_head = {
    { net { conv(), nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } } },
    { net { nn.Position {}, conv(), nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } } } },
  output_count = { { net { nn.Flatten {}, nn.Dense { units = 3 } }, easy }, { linear(), easy } },
  pool_gaps = {
    { with_body(conv(), nn.MaxPool1d { size = 1, stride = 2 }) },
    { with_body(conv(), nn.MaxPool1d { size = 3, stride = 2 }) } },
  convolution_gaps = { { with_body(conv { kernel = 2, stride = 3 }) }, { with_body(conv { kernel = 3, stride = 3 }) } },
  wide_average = {
    { with_body(conv(), nn.AvgPool1d { size = 16 }) }, { with_body(conv(), nn.MaxPool1d { size = 16 }) } },
  few_positions = {
    { with_body(conv(), nn.MaxPool1d { size = 40 }) }, { with_body(conv(), nn.MaxPool1d { size = 20 }) } },
  stride_over_spacing = { { border_network(64), border }, { border_network(16), border } },
  single_filter = { { with_body(conv { filters = 1 }) }, { with_body(conv { filters = 1, activation = "elu" }) } },
  linear_convolution = {
    { with_body(conv { activation = "linear" }, nn.AvgPool1d { size = 2 }, conv()) },
    { with_body(conv { activation = "linear" }, nn.MaxPool1d { size = 2 }, conv()) } },
  kernel_over_map = {
    { with_body(nn.MaxPool1d { size = 20 }, conv { kernel = 9 }) },
    { with_body(nn.MaxPool1d { size = 10 }, conv { kernel = 9 }) } },
  padding_edges = { { with_body(conv { kernel = 61 }) }, { with_body(conv { kernel = 61, padding = "valid" }) } },
  padding_step = {
    { with_body(conv()), { train = changed(easy.train, { x = easy.train.x + 5 }) } }, { with_body(conv()), easy } },
  field_below_peak = { { with_body(conv()), broad(6) }, { with_body(conv { kernel = 15 }), broad(6) } },
  norm_memory = { { normed(0.99), easy, { patience = 30 } }, { normed(0.9), easy, { patience = 30 } } },
  stale_variance = { { normed(0.9), easy, { trained = true } }, { trained(normed(0.5), easy), easy } },
  stale_accuracy = { { spoiled(), easy }, { trained(normed(0.9), easy), easy } },
  dropout_before_norm = {
    { with_body(nn.Dropout { rate = 0.2 }, conv(), nn.BatchNorm1d {}) },
    { with_body(conv(), nn.BatchNorm1d {}, nn.Dropout { rate = 0.2 }) } },
  dead_at_start = { { dead(-1), broad(6) }, { dead(1), broad(6) } },
  dead_filters = { { dead(-1), broad(6), { trained = true } }, { dead(1), broad(6), { trained = true } } },
  dead_units = { { with_bias(-9), easy, { trained = true } }, { with_bias(9), easy, { trained = true } } },
  not_finite = { { linear(), nan }, { linear(), easy } },
  input_scale = {
    { linear(), { train = changed(easy.train, { x = easy.train.x * 1e4 }) } }, { linear(), easy } },
  few_spectra = { { linear(), { train = spectra(8, 1, easy_draw) } }, { linear(), easy } },
  imbalance = { { linear(), changed(easy.train, { y = unbalanced }) }, { linear(), easy } },
  baseline = {
    { net({ nn.Flatten {}, nn.Dense { units = 2 } }, 400), with_background(0.6) },
    { net({ nn.Flatten {}, nn.Dense { units = 2 } }, 400), with_background(0) } },
  few_tests = {
    { easy_network, { train = easy.train, test = spectra(10, 3, easy_draw) } }, { easy_network, easy } },
  shared_samples = {
    { linear(), { train = changed(easy.train, { groups = lists(60, function(i) return i // 2 end) }),
      test = changed(easy.test, { groups = lists(150, function(i) return i // 4 end) }) } },
    { linear(), { train = changed(easy.train, { groups = lists(60, function(i) return i // 2 end) }),
      test = changed(easy.test, { groups = lists(150, function(i) return "test " .. i // 4 end) }) } } },
  twins = { { linear(), { train = easy.train, test = easy.train } }, { linear(), easy } },
  contradictions = { { linear(), twice(1) }, { linear(), twice(2) } },
  order = { { linear(), in_blocks(0.02) }, { linear(), in_blocks(0) } },
  files = {
    { linear(), changed(easy.train, { files = lists(60, function(i) return (i + 1) % 2 .. ".csv" end) }) },
    { linear(), changed(easy.train, { files = lists(60, function(i) return i // 20 .. ".csv" end) }) } },
  chance = { { by_height(9, 1), easy }, { easy_network, easy } },
  overfit = { { trained(linear(), random_labels, 100), random_labels }, { easy_network, easy } },
  inseparable = { { trained(linear(), random_labels, 5), random_labels }, { easy_network, easy } },
  suspects = { { linear(), flipped(7) }, { linear(), easy } },
  position_lost = { { border_network(64, 12), border }, { border_network(1, 20), border } },
  threshold_as_good = { { easy_network, easy }, { pair_network(), pair_of_points } },
  logistic_as_good = { { easy_network, easy }, { pair_network(), pair_of_points } },
  ridge_as_good = { { easy_network, easy }, { pair_network(), pair_of_points } },
  plsda_as_good = { { easy_network, easy }, { pair_network(), pair_of_points } },
  forest_as_good = { { easy_network, easy }, { pair_network(), pair_of_points } },
  shift = {
    { trained(linear(), both(60, function(values, class) values[20 + class] = 1 end), 200),
      both(100, function(values, class) values[20 + class] = 1 end) },
    { easy_network, easy } },
  scale = { { height_network, heights }, { easy_network, easy } },
  slope = { { height_network, heights }, { easy_network, easy } },
}

local function audit(rule, case)
  local options = { rules = { rule } }
  for key, value in pairs(case[3] or {}) do options[key] = value end
  return mb.audit(case[1], case[2], options)
end

describe("the rules of an audit", function()
  it("are at least 30, each with a source, an advice and both cases", function()
    assert.is_true(#rules >= 30)
    local names = {}
    for _, rule in ipairs(rules) do
      assert.is_table(cases[rule.name], rule.name)
      assert.is_true(#rule.source > 3 and #rule.advice > 3)
      names[rule.name] = true
    end
    for name in pairs(cases) do assert.is_true(names[name], name) end
  end)
  it("are all on the page about them, as they are", function()
    local page = assert(io.open "docs/audit.md"):read "a"
    for _, rule in ipairs(rules) do
      local row = ("| `%s` | %s | %s | %s |\n"):format(rule.name, rule.is_fault and "fault" or "remark", rule.needs,
        rule.source)
      assert.is_truthy(page:find(row, 1, true), row)
    end
  end)
  for _, rule in ipairs(rules) do
    it("find " .. rule.name .. " where it is, and not where it is not", function()
      local found, other = audit(rule.name, cases[rule.name][1]), audit(rule.name, cases[rule.name][2])
      assert.equal(1, found.looked)
      assert.is_truthy(found:has(rule.name), tostring(found))
      assert.equal(1, other.looked, tostring(other))
      assert.is_nil(other:has(rule.name), tostring(other))
    end)
  end
  it("give the number that their sentence says", function()
    assert.equal(0.5, audit("pool_gaps", cases.pool_gaps[1]).findings[1].value)
    assert.near(0.99 ^ 60, audit("norm_memory", cases.norm_memory[1]).findings[1].value, 1e-12) -- 2 steps an epoch
    assert.same({ 7 }, audit("suspects", cases.suspects[1]).findings[1].rows)
    assert.same({ "2" }, audit("pool_gaps", cases.pool_gaps[1]).findings[1].layers)
    local lost = audit("position_lost", cases.position_lost[1]).findings[1]
    assert.is_true(lost.value < 0.8 and lost.text:find "position alone predicts" ~= nil)
  end)
  it("see layers in branches, and what joins them, as they are", function()
    local function graph(join, body)
      local model = nn.Graph { inputs = { "x" }, { name = "flat", from = "x", nn.Flatten {} },
        { name = "a", from = "flat", nn.Dense { units = 4 } },
        { name = "b", from = "flat", body or nn.Dense { units = 4 } },
        { name = "both", from = { "a", "b" }, join = join },
        { name = "class", from = "both", nn.Dense { units = 2 } } }
      model:build { LENGTH, 1 }
      return mb.audit(model):has "linear_hidden"
    end
    assert.is_nil(graph "multiply")
    assert.same({ "3" }, graph("add").layers) -- of parallel layers, the one before the output
    assert.matches("its 404 parameters", graph("add").text)
    assert.is_nil(graph("add", nn.Dense { units = 4, activation = "relu" }))
    local function layers_of(...)
      local found = mb.audit(net { nn.Flatten {}, nn.Concat { nn.Dense { units = 1 }, nn.Dense { units = 1 } }, ... },
        easy, { rules = { "linear_hidden", "output_count" } })
      return #found.findings
    end
    assert.equal(0, layers_of()) -- two outputs of both branches
    assert.equal(0, layers_of(nn.ReLU {}, nn.Dense { units = 2 }))
  end)
  it("know every kind of padding, and upsampling", function()
    local function share(padding, ...)
      local found = mb.audit(with_body(..., conv { kernel = 61, padding = padding })):has "padding_edges"
      return found and found.value
    end
    for padding, wanted in pairs { same = 0.6, causal = 0.6, [30] = 0.6 } do
      assert.near(wanted, share(padding, nn.ReLU {}), 1e-9)
    end
    assert.near(0.6, share({ 0, 60 }, nn.ReLU {}), 1e-9)
    for _, padding in ipairs { 0, { 0, 0 }, "valid" } do assert.is_nil(share(padding, nn.ReLU {})) end
    local pooled = nn.Sequential { nn.MaxPool1d { size = 2 }, nn.Upsample1d { factor = 2 } }
    assert.near(0.6, share("same", pooled), 1e-9)
    local raised = { train = changed(easy.train, { x = easy.train.x + 5 }) }
    for padding, wanted in pairs { [0] = false, causal = true } do
      local found = mb.audit(with_body(conv { padding = padding }), raised, { rules = { "padding_step" } })
      assert.equal(wanted, found:has "padding_step" ~= nil)
    end
  end)
  it("say nothing of what stale statistics hide", function()
    local found = mb.audit(spoiled(), easy)
    assert.is_truthy(found:has "stale_accuracy")
    assert.is_nil(found:has "chance")
    assert.is_nil(found:has "dead_filters")
  end)
  it("take a stride for no fault where the network tells the classes apart all the same", function()
    local close = both(60, function(values, class, rng)
      gaussian(values, class == 1 and 40 or 46, 1, 4)
      noise(values, rng, 0.02)
    end, 150)
    local case = { with_body(conv(), nn.MaxPool1d { size = 16 }), close }
    local function stride() return audit("stride_over_spacing", case):has "stride_over_spacing" end
    assert.is_nil(stride().text:find("confuses", 1, true))
    trained(case[1], close, 60)
    assert.equal(1, mb.evaluate(case[1], close.test).accuracy)
    assert.is_nil(stride())
    set_values(case[1].layers[4].bias, { 0, 99 })
    assert.matches("Of 150 test spectra of both it confuses 75%.$", stride().text)
  end)
  it("name few layers each, many by the first and the last", function()
    local layers = {}
    for i = 1, 7 do layers[i] = conv { activation = "linear" } end
    local found = audit("linear_convolution", { with_body(table.unpack(layers)) }).findings[1]
    assert.equal("7 layers from 1 to 7 (Conv1d)", found.where)
    assert.equal(7, #found.layers)
  end)
  it("compare by McNemar's exact test and Wilson's interval", function()
    local function choose(n, k)
      local c = 1
      for i = 1, k do c = c * (n - k + i) / i end
      return c
    end
    local sum = 0
    for k = 7, 10 do sum = sum + choose(10, k) * 0.3 ^ k * 0.7 ^ (10 - k) end
    assert.near(sum, distributions.binomial_p(7, 10, 0.3), 1e-12)
    local low, high = distributions.share_interval(15, 30)
    assert.near(0.3315, low, 1e-4)
    assert.near(0.6685, high, 1e-4)
    local _, whole = distributions.share_interval(30, 30)
    assert.near(1, whole, 1e-12)
  end)
end)

describe("an audit of the published networks", function()
  local known = {
    cnn2 = "linear_hidden pool_gaps head_share", cnn3 = "linear_hidden pool_gaps head_share",
    cnn6 = "pool_gaps head_share", vgg = "linear_hidden head_share", resnet = "norm_memory linear_convolution",
    cnn_bn = "linear_hidden norm_memory head_share", inc3 = "linear_hidden pool_gaps head_share",
    inc6 = "linear_hidden pool_gaps head_share",
  }
  it("finds linear heads, the momentum and pooling that leaves points out, and nothing else", function()
    local static = { "norm_memory" }
    for _, rule in ipairs(rules) do
      if rule.needs == "network" then static[#static + 1] = rule.name end
    end
    local set = { x = mb.zeros(1350, 5000, 1), y = lists(1350, function(i) return i % 27 + 1 end) } -- as published
    for i = 1, 8 do
      local name = networks.names[i]
      local found, names = mb.audit(networks.make(name, 27, "published"), set, { batch_size = 128, patience = 25,
        rules = static }), {}
      for k, finding in ipairs(found.findings) do names[k] = finding.name end
      assert.equal(known[name], table.concat(names, " "), name)
      mb.release_memory()
    end
    local memory = mb.audit(networks.make("cnn_bn", 27, "published"), set, { batch_size = 128, patience = 25,
      rules = static }):has "norm_memory"
    assert.matches("11 steps", memory.text)
    assert.near(0.99 ^ 275, memory.value, 1e-12)
  end)
end)

describe("mb.audit", function()
  it("leaves the network as it is, and says the same again", function()
    local model = trained(normed(0.9), easy)
    local before = model:state()
    for name, tensor in pairs(before) do before[name] = tensor:totable() end
    model:train()
    local first = mb.audit(model, easy)
    for name, tensor in pairs(model:state()) do assert.same(before[name], tensor:totable(), name) end
    assert.is_true(model.training)
    local again = mb.audit(model, easy)
    again.seconds = first.seconds
    assert.equal(tostring(first), tostring(again))
    assert.equal(#rules, first.looked + #first.skipped)
  end)
  it("prints sentences, and is a page without a complaint", function()
    local found = mb.audit(trained(linear(), flipped(7)), flipped(7))
    local text = tostring(found)
    assert.matches("^Audit of a network on 60 training spectra of 100 points: 0 faults and %d remarks by %d+ rules",
      text)
    assert.matches("\nremark: suspects\n", text)
    assert.matches("\n  What to do: Look at these spectra", text)
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 101, line) end
    local path = os.tmpname()
    assert.is_true(found:save(path))
    local html = assert(io.open(path)):read "a"
    os.remove(path)
    assert.equal(found:html(), html)
    assert.truthy(html:find("row 7 (class 1, votes for class 2)", 1, true))
    assert.is_nil(html:find("<script", 1, true))
    local printed = in_browser(html)
    if printed then assert.is_nil(printed:find "CONSOLE[^\n]*") end
  end)
  it("says once what to do about findings that follow each other", function()
    local found = mb.audit(easy_network, easy, { rules = { "logistic_as_good", "ridge_as_good", "chance" } })
    local text = tostring(found)
    assert.equal(2, #found.findings)
    assert.matches("\nremark: logistic_as_good; ridge_as_good\n  A linear softmax", text)
    assert.equal(1, select(2, text:gsub("What to do:", "")))
    assert.matches("Sources: experiments/border_peaks.lua, which compares networks with it;", text)
    assert.equal(1, select(2, found:html():gsub("What to do:", "")))
  end)
  it("escapes names of classes", function()
    local set = { train = twice(1), classes = { "<b>\27", "b" } }
    assert.is_nil(mb.audit(linear(), changed(set.train, { classes = set.classes, y = unbalanced, x = easy.train.x }))
      :html():find("<b>", 1, true))
  end)
  it("takes sets of spectra with label and samples", function()
    local labels = { kind = lists(60, function(i) return i % 2 == 0 and "a" or "b" end),
      sample = lists(60, function(i) return tostring(i // 2) end) }
    local measured = mb.spectra.set { x = easy.train.x, axis = { first = 400, last = 598, step = 2 }, unit = "cm-1",
      labels = labels }
    local found = mb.audit(linear(), measured, { label = "kind", groups = "sample", test = measured,
      rules = { "shared_samples", "twins" } })
    assert.equal(2, #found.findings)
    assert.matches("60 of 60 test spectra", found:has("twins").text)
    local thin = mb.audit(with_body(conv { kernel = 2 }), measured, { label = "kind", rules = { "field_below_peak" } })
    assert.matches("field before the dense layers is 2 points %(4 cm%-1%), but the peaks are %d+ points %(%d+ cm%-1%)",
      thin:has("field_below_peak").text)
  end)
  it("says what was skipped, and why", function()
    local why = {}
    for _, skipped in ipairs(mb.audit(linear(), easy).skipped) do why[skipped.name] = skipped.why end
    assert.equal("the network is not trained", why.chance)
    for _, skipped in ipairs(mb.audit(linear()).skipped) do why[skipped.name] = skipped.why end
    assert.equal("no training spectra", why.chance)
    for _, skipped in ipairs(mb.audit(linear(), nan).skipped) do why[skipped.name] = skipped.why end
    assert.equal("the spectra hold NaN or infinite values", why.suspects)
    local number = mb.audit(net { nn.Flatten {}, nn.Dense { units = 1 } }, easy, { task = "number" })
    for _, skipped in ipairs(number.skipped) do why[skipped.name] = skipped.why end
    assert.equal("no classes, but numbers", why.chance)
    assert.equal(0, #number.findings)
  end)
  it("knows from the loss that a network was trained for numbers", function()
    local x, y = easy.train.x, mb.tensor(easy.train.y):reshape(-1, 1)
    local function found(loss, units, targets)
      local model = net { nn.Flatten {}, nn.Dense { units = units } }
      mb.fit(model, { x = x, y = targets }, { epochs = 1, loss = loss, verbose = false })
      local names = {}
      for _, skipped in ipairs(mb.audit(model, { x = x, y = y }).skipped) do names[skipped.name] = skipped.why end
      return names.output_count
    end
    for _, loss in ipairs { "mse", "l1", { "huber", delta = 0.5 } } do
      assert.equal("no classes, but numbers", found(loss, 1, y))
    end
    assert.is_nil(found("cross_entropy", 2, easy.train.y))
    assert.is_nil(found("binary_cross_entropy", 2, mb.one_hot(easy.train.y, 2)))
  end)
  it("looks as far as it can at data of which there is little to say", function()
    local function why(set, rule, model)
      for _, skipped in ipairs(mb.audit(model or linear(), set, { trained = true }).skipped) do
        if skipped.name == rule then return skipped.why end
      end
    end
    local one = { x = easy.train.x, y = lists(60, function() return 1 end) }
    assert.equal("the training spectra are of one class", why({ train = one, test = easy.test }, "logistic_as_good"))
    local same = changed(easy.train, { x = mb.ones(60, LENGTH, 1) })
    assert.equal("the training spectra are all the same", why({ train = same, test = easy.test }, "plsda_as_good"))
    local few = { x = easy.train.x:narrow(1, 1), y = { 1 } }
    assert.equal("only one training spectrum", why(few, "stale_variance", normed(0.9)))
    local unmade = nn.Sequential { nn.Flatten {}, nn.BatchNorm1d {}, nn.Dense { units = 2 } }
    assert.equal("the network is not trained", why(easy, "stale_variance", unmade))
    assert.is_nil(unmade.input_shape)
  end)
  it("audits random networks of every kind of layer", function()
    local count = 0
    for seed = 1, 60 do
      local model, shape = random_network(seed)
      if #shape == 2 then
        model:build(shape)
        local part = { x = mb.rng(seed):normal(0, 1, { 12, shape[1], shape[2] }), y = lists(12,
          function(i) return i % 2 + 1 end) }
        local found = mb.audit(model, { train = part, test = part }, { trained = true })
        assert.equal(#rules, found.looked + #found.skipped)
        assert.is_true(#tostring(found) > 0 and #found:html() > 0)
        count = count + 1
      end
    end
    assert.is_true(count > 40)
  end)
  it("takes a small difference of two classes for no contradiction", function()
    local at, y = { 0, 40, 60, 80 }, lists(80, function(i) return i % 4 + 1 end)
    local function draw(values, _, rng, i)
      local class = i % 4 + 1
      gaussian(values, at[math.max(class, 2)], 1, 4)
      if class == 1 then gaussian(values, 20, 0.01, 4) end -- all that tells it from class 2
      noise(values, rng, 5e-4)
    end
    local part = spectra(80, 1, draw)
    local model = net { nn.Flatten {}, nn.Dense { units = 4 } }
    local found = mb.audit(model, changed(part, { y = y }), { rules = { "contradictions" } })
    assert.equal(0, #found.findings)
  end)
  it("says nothing of learning where even a perfect network could not be told from guessing", function()
    local six = { x = easy.test.x:narrow(1, 6), y = lists(6, function(i) return easy.test.y[i] end) }
    local rare = { x = easy.test.x:narrow(1, 60), y = lists(60, function() return 1 end) }
    rare.y[2] = 2
    for _, test in ipairs { six, rare } do
      assert.is_nil(mb.audit(by_height(9, 1), { train = easy.train, test = test }):has "chance")
    end
  end)
  it("knows an untrained network by its first biases, and a trained one by mb.fit", function()
    local function is_trained(model)
      local skipped = mb.audit(model, easy, { rules = { "dead_units" } }).skipped[1]
      return not (skipped and skipped.why == "the network is not trained")
    end
    local function ends(...)
      local layers = { ... }
      layers[#layers + 1] = nn.Dense { units = 2 }
      return net(layers)
    end
    assert.is_false(is_trained(ends(nn.LSTM { units = 4 })))
    assert.is_false(is_trained(ends(nn.GRU { units = 4, bidirectional = true })))
    assert.is_false(is_trained(ends(conv { bias_initializer = 0.1 }, nn.Flatten {})))
    local still = net { nn.Flatten {}, nn.Dense { units = 2, bias_initializer = "ones" } }
    assert.is_false(is_trained(still))
    assert.is_true(is_trained(trained(still, easy, 1)))
  end)
  it("asks networks of one output, of numbers, and of several labels nothing that is not theirs", function()
    local function names(model, set, loss)
      mb.fit(model, set, { epochs = 1, loss = loss, verbose = false })
      local found, all = mb.audit(model, set), {}
      for i, finding in ipairs(found.findings) do all[i] = finding.name end
      return table.concat(all, " ")
    end
    local x, n = easy.train.x, easy.train.x:size(1)
    local function targets(columns) return mb.rng(1):uniform(0, 1, n, columns) end
    local softmax = net { nn.Flatten {}, nn.Dense { units = 3 }, nn.Softmax {} }
    assert.equal("", names(softmax, { x = x, y = targets(3):softmax() }, "mse"))
    assert.equal("", names(net { nn.Flatten {}, nn.Dense { units = 3, activation = "sigmoid" } },
      { x = x, y = targets(3) }, "mse"))
    local marks = targets(3):gt(0.5)
    assert.equal("", names(net { nn.Flatten {}, nn.Dense { units = 3 } }, { x = x, y = marks }, "binary_cross_entropy"))
    local one = net { nn.Flatten {}, nn.Dense { units = 1 } }
    assert.equal("", names(one, { x = x, y = targets(1):gt(0.5) }, "binary_cross_entropy"))
    assert.is_nil(mb.audit(one, easy):has "output_count")
  end)
  it("takes dropout for what it is", function()
    local function found(model, rule) return mb.audit(model, easy, { rules = { rule } }):has(rule) end
    assert.is_nil(found(net { conv(), nn.Conv1d { filters = 2, kernel = 1 }, nn.Dropout { rate = 0.3 },
      nn.GlobalAvgPool1d {} }, "dropout_on_output"))
    assert.is_nil(found(net { conv(), nn.Dropout { rate = 0.3 }, nn.LSTM { units = 2 } }, "dropout_on_output"))
    local function branches(...)
      return net { nn.Concat { ... }, nn.Flatten {}, nn.Dense { units = 2 } }
    end
    local dropped = nn.Sequential { conv(), nn.Dropout { rate = 0.2 } }
    assert.is_nil(found(branches(dropped, nn.Sequential { conv(), nn.BatchNorm1d {} }), "dropout_before_norm"))
    assert.is_truthy(found(net { nn.Sequential { conv(), nn.Dropout { rate = 0.2 } }, conv(), nn.BatchNorm1d {},
      nn.Flatten {}, nn.Dense { units = 2 } }, "dropout_before_norm"))
  end)
  it("knows that recurrent layers and attention see all points", function()
    for _, layer in ipairs { nn.GRU { units = 4, return_sequences = true, bidirectional = true }, nn.LSTM { units = 4,
      return_sequences = true }, nn.MultiHeadAttention { heads = 2 } } do
      local model = net { conv(), layer, nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
      assert.is_true(model:reach().field >= LENGTH)
      local text = mb.audit(model, easy, { rules = { "global_head" } }):has("global_head").text
      assert.matches("within the receptive field, 1%d%d points", text)
    end
  end)
  it("does not advise against baselines what the spectra went through", function()
    local model, set = cases.baseline[1][1], cases.baseline[1][2]
    local train = set.train or set
    assert.is_truthy(mb.audit(model, train, { rules = { "baseline" } }):has "baseline")
    local prepared = changed(train, { steps = "snv, standardize" })
    assert.is_nil(mb.audit(model, prepared, { rules = { "baseline" } }):has "baseline")
    local smoothed = changed(train, { steps = "savitzky_golay" })
    assert.is_truthy(mb.audit(model, smoothed, { rules = { "baseline" } }):has "baseline")
  end)
  it("counts rules that lacked groups or files as skipped, and knows groups by their text", function()
    local groups = lists(60, function(i) return tostring(i // 2) end)
    local found = mb.audit(linear(), { train = changed(easy.train, { groups = groups }), test = easy.test },
      { rules = { "shared_samples", "files" } })
    assert.equal(0, found.looked)
    assert.equal("no groups of the training spectra and of the test spectra", found.skipped[1].why)
    assert.equal("no files of the training spectra", found.skipped[2].why)
    local numbers = lists(60, function(i) return i // 2 end)
    found = mb.audit(linear(), { train = changed(easy.train, { groups = groups }),
      test = changed(easy.train, { groups = numbers }) }, { rules = { "shared_samples" } })
    assert.equal(1, found:has("shared_samples").value)
  end)
  it("says at what the padding begins", function()
    local bright = mb.rng(1):uniform(0.95, 1, 30, LENGTH, 1)
    local text = mb.audit(with_body(conv()), { x = bright, y = lists(30, function(i) return i % 2 + 1 end) },
      { rules = { "padding_step" } }):has("padding_step").text
    assert.matches("range from 0.95 to 1 and are 0.97%d at their ends", text)
  end)
  it("sees no baseline in noise, however short the spectra are", function()
    for length = 10, 60 do
      local part = { x = mb.rng(length):normal(0, 1, 30, length, 1), y = lists(30, function(i) return i % 2 + 1 end) }
      local model = net({ nn.Flatten {}, nn.Dense { units = 2 } }, length)
      assert.is_nil(mb.audit(model, part, { rules = { "baseline" } }):has "baseline", length)
    end
  end)
  it("counts all spectra of a large set, and looks at 2000", function()
    local y = lists(4000, function(i) return i % 1000 == 0 and 2 or 1 end)
    local found = mb.audit(linear(), { x = mb.rand(4000, LENGTH, 1), y = y }, { rules = { "few_spectra" } })
    assert.equal(4, found:has("few_spectra").value)
  end)
  it("refuses what it cannot read, with the reason", function()
    local function raises(message, ...)
      local ok, err = pcall(...)
      assert.is_false(ok)
      assert.matches(message, err)
    end
    raises("audit: model: expected a layer", mb.audit, 5)
    local two = nn.Graph { inputs = { "s", "c" }, { name = "y", from = { "s", "c" }, nn.Dense { units = 2 } } }
    raises("train.x: expected spectra %(N, L, C%), got several inputs by name", mb.audit, two,
      { x = { s = mb.zeros(2, 3), c = mb.zeros(2, 1) }, y = { 1, 2 } })
    two:build { s = { 3 }, c = { 1 } }
    raises("model: expected a network of one input, spectra %(N, L, C%), got one of several by name", mb.audit, two)
    raises("without one the network must have been built", mb.audit, nn.Sequential { nn.Flatten {} })
    raises("audit: set: expected { x, y }", mb.audit, linear(), { validation = easy.train })
    raises("rules%[1%]: expected one of .*did you mean 'chance'", mb.audit, linear(), easy, { rules = { "chanse" } })
    raises("unknown option 'patient'; did you mean 'patience'", mb.audit, linear(), easy, { patient = 3 })
    raises("train.y: expected 60 labels", mb.audit, linear(), changed(easy.train, { y = { 1, 2 } }))
    raises("audit: set: unknown key 'tests'; did you mean 'test'?", mb.audit, linear(),
      { train = easy.train, tests = easy.test })
    raises("audit: train.x: expected a tensor, got a table; mb.tensor makes one of a list", mb.audit, linear(),
      { x = { { 1, 2 } }, y = { 1 } })
    raises("train.steps: expected a string, got a table", mb.audit, linear(), changed(easy.train, { steps = {} }))
    raises("train.groups: expected 60 labels", mb.audit, linear(), changed(easy.train, { groups = { 1 } }))
    raises("audit: set.x: .*layer 2 %(Dense%): input has 50 features, weights expect 100", mb.audit, linear(),
      { x = mb.zeros(4, 50, 1), y = { 1, 2, 1, 2 } })
    raises("test.x: expected spectra %(N, 100, 1%), as those of the training, got shape {4, 50, 1}", mb.audit, linear(),
      { train = easy.train, test = { x = mb.zeros(4, 50, 1), y = { 1, 2, 1, 2 } } })
    raises("train.classes: expected a table, got 2; a list of the names of the classes", mb.audit, linear(),
      changed(easy.train, { classes = 2 }))
    raises("set.classes: expected a table, got 2", mb.audit, linear(), { train = easy.train, classes = 2 })
    raises("audit: axis: expected 100 numbers, one for each point, got 2", mb.audit, linear(),
      changed(easy.train, { axis = { 1, 2 } }))
    raises("audit: axis: expected a table, got 5", mb.audit, linear(), { train = easy.train, axis = 5 })
    local found = mb.audit(linear())
    raises("audit:has: name: expected one of", found.has, found, "nothing")
    assert.is_nil(found:has "chance")
    local ok, why = found:save "/nonexistent/audit.html"
    assert.is_nil(ok)
    assert.is_string(why)
  end)
end)
