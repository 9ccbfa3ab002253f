-- The rules of mb.audit: each has a network or data that it must find, and one that it must not.
local mb = require "moonbow"
local audited = require "support.audited"
local distributions = require "moonbow.distributions"
local rules = require "moonbow.audit.rules"
local nn = mb.nn
local LENGTH, net, conv, with_body = audited.LENGTH, audited.net, audited.conv, audited.with_body
local set_values, by_height, gaussian = audited.set_values, audited.by_height, audited.gaussian
local spectra, both, noise, easy_draw = audited.spectra, audited.both, audited.noise, audited.easy_draw
local easy, trained, linear, easy_network = audited.easy, audited.trained, audited.linear, audited.easy_network
local normed, changed, lists, flipped = audited.normed, audited.changed, audited.lists, audited.flipped
local twice, with_background, unbalanced = audited.twice, audited.with_background, audited.unbalanced
local nan = audited.nan

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

local heights = both(200, function(values, class) gaussian(values, 90, class == 1 and 1 or 1.05, 2) end)
local height_network = by_height(1.025, 40)

local border = mb.data.border_peaks { n = 400, test = 400, crop = 320, seed = 1 }
local function border_network(pool, epochs)
  local model = mb.models.one_convolution { classes = 2, pool = pool, filters = 16, length = 320 }
  return epochs and trained(model, border, epochs) or model
end

local function spoiled()
  local model = trained(normed(0.9), easy)
  set_values(model.layers[2].running_mean, { 9, -9, 9, -9 })
  return model
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

-- For each rule what it finds, and what it does not; each is model, set, options ----

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
    { net { nn.Flatten {}, nn.Dense { units = 3, activation = "tanh" } } },
    { net { nn.Flatten {}, nn.Dense { units = 3, activation = "elu" } } } },
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
    { with_body(nn.MaxPool1d { size = 20 }, conv { kernel = 11 }) },
    { with_body(nn.MaxPool1d { size = 20 }, conv { kernel = 9 }) } },
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
    assert.same({ "2", "3" }, graph("add").layers)
    assert.matches("their 808 parameters", graph("add").text)
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
  it("take a small difference of two classes for no contradiction", function()
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
  it("say nothing of learning where even a perfect network could not be told from guessing", function()
    local six = { x = easy.test.x:narrow(1, 6), y = lists(6, function(i) return easy.test.y[i] end) }
    local rare = { x = easy.test.x:narrow(1, 60), y = lists(60, function() return 1 end) }
    rare.y[2] = 2
    for _, test in ipairs { six, rare } do
      assert.is_nil(mb.audit(by_height(9, 1), { train = easy.train, test = test }):has "chance")
    end
  end)
  it("ask networks of one output, of numbers, and of several labels nothing that is not theirs", function()
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
  it("take dropout for what it is", function()
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
  it("know that recurrent layers and attention see all points", function()
    for _, layer in ipairs { nn.GRU { units = 4, return_sequences = true, bidirectional = true }, nn.LSTM { units = 4,
      return_sequences = true }, nn.MultiHeadAttention { heads = 2 } } do
      local model = net { conv(), layer, nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
      assert.is_true(model:reach().field >= LENGTH)
      local text = mb.audit(model, easy, { rules = { "global_head" } }):has("global_head").text
      assert.matches("within the receptive field, 1%d%d points", text)
    end
  end)
  it("count in words, and give numbers without an exponent", function()
    local twenty = { train = spectra(20, 1, easy_draw) }
    local found = audit("norm_memory", { normed(0.999), twenty, { patience = 1 } }).findings[1]
    assert.matches("^An epoch has 1 step, so that after 1 epoch of patience 99%.9 %% of the initial", found.text)
    assert.matches("^More epochs of patience", found.advice)
    local function advice(momentum, patience)
      return audit("norm_memory", { normed(momentum), twenty, { patience = patience } }).findings[1].advice
    end
    assert.equal("momentum = 0.9.", advice(0.99, 100))
    assert.equal("momentum = 0.79, or more epochs of patience.", advice(0.9, 20)) -- 0.9 is not enough
    local large = { train = changed(easy.train, { x = easy.train.x * 1e4 }) }
    assert.matches("values is %d%d%d%d%. Initial", audit("input_scale", { linear(), large }).findings[1].text)
    assert.matches("^1 training label looks wrong", audit("suspects", cases.suspects[1]).findings[1].text)
    local one = { train = easy.train, test = spectra(1, 3, easy_draw) }
    assert.matches("comes from 1 test spectrum: ", audit("few_tests", { easy_network, one }).findings[1].text)
    local files = lists(60, function(i) return (i + 1) % 2 .. ".csv" end)
    assert.matches("with 30 spectra on average, and a class comes from as few as 1 file:",
      audit("files", { linear(), changed(easy.train, { files = files }) }).findings[1].text)
    local axis = lists(LENGTH, function(i) return 2000 * i end)
    local field = audit("field_below_peak", { with_body(conv { kernel = 2 }), { train = changed(easy.train,
      { axis = axis }) } }).findings[1]
    assert.matches("is 2 points %(4000 of the axis%)", field.text)
  end)
  it("say nothing of the variance behind filters that are dead, and what batch norm divides by elsewhere", function()
    local function factor(initializer, momentum, mean)
      local model = net { conv { initializer = initializer, bias = false }, nn.BatchNorm1d { momentum = momentum },
        nn.Flatten {}, nn.Dense { units = 2 } }
      if mean then set_values(model.layers[2].running_var, lists(4, function() return 0 end)) end
      local found = audit("stale_variance", { model, broad(6), { trained = true } }).findings[1]
      return found and found.value
    end
    assert.is_nil(factor(-1, 0.9))
    assert.is_true(factor(1, 0.9, true) < 1e7) -- not infinite: epsilon is added to 0
  end)
  it("advise no momentum that the network has", function()
    local function advice(momentum)
      return audit("stale_variance", { normed(momentum), easy, { trained = true } }).findings[1].advice
    end
    assert.matches("or momentum = 0.9 from the start", advice(0.99))
    assert.is_nil(advice(0.9):find "momentum")
  end)
  it("do not advise against baselines what the spectra went through", function()
    local model, train = net({ nn.Flatten {}, nn.Dense { units = 2 } }, 400), with_background(0.6)
    assert.is_truthy(mb.audit(model, train, { rules = { "baseline" } }):has "baseline")
    local prepared = changed(train, { steps = "snv, standardize" })
    assert.is_nil(mb.audit(model, prepared, { rules = { "baseline" } }):has "baseline")
    local smoothed = changed(train, { steps = "savitzky_golay" })
    assert.is_truthy(mb.audit(model, smoothed, { rules = { "baseline" } }):has "baseline")
  end)
  it("see peaks beside backgrounds that are higher, and take broad bands for none", function()
    local length = 500
    local function names(draw, sd)
      local part = spectra(60, 5, function(values, class, rng)
        draw(values, class, rng:uniform(0, 1))
        noise(values, rng, sd)
      end, length)
      local model = net({ conv { kernel = 9 }, nn.Flatten {}, nn.Dense { units = 2 } }, length)
      local found, list = mb.audit(model, part, { rules = { "baseline", "field_below_peak" } }), {}
      for i, finding in ipairs(found.findings) do list[i] = finding.name end
      return table.concat(list, " ")
    end
    local shapes = { hump = function(i) return math.exp(-((i - 250) / 120) ^ 2) end,
      linear = function(i) return i / length end, falling = function(i) return math.exp(-i / 150) end }
    for name, shape in pairs(shapes) do
      for _, height in ipairs { 1, 5, 20 } do
        assert.equal("baseline", names(function(values, class, draw)
          gaussian(values, 200 * class - 50, 1, 3)
          for i = 1, length do values[i] = values[i] + draw * height * shape(i) end
        end, 0.006), name .. height)
      end
    end
    for _, width in ipairs { 0.03, 0.1 } do
      for _, sd in ipairs { 0, 1e-3, 0.02 } do
        assert.equal("field_below_peak", names(function(values, class, draw)
          gaussian(values, 150 * class, 0.5 + draw, width * length)
        end, sd), width .. " " .. sd)
      end
    end
  end)
  it("say at what the padding begins", function()
    local bright = mb.rng(1):uniform(0.95, 1, 30, LENGTH, 1)
    local text = mb.audit(with_body(conv()), { x = bright, y = lists(30, function(i) return i % 2 + 1 end) },
      { rules = { "padding_step" } }):has("padding_step").text
    assert.matches("range from 0.95 to 1 and are 0.97%d at their ends", text)
  end)
  it("see no baseline in noise, however short the spectra are", function()
    for length = 10, 60 do
      local part = { x = mb.rng(length):normal(0, 1, 30, length, 1), y = lists(30, function(i) return i % 2 + 1 end) }
      local model = net({ nn.Flatten {}, nn.Dense { units = 2 } }, length)
      assert.is_nil(mb.audit(model, part, { rules = { "baseline" } }):has "baseline", length)
    end
  end)
end)
