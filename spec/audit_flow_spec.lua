-- What the rules of mb.audit on the network say, against what its results and gradients depend on.
local mb = require "moonbow"
local audited = require "support.audited"
local nn = mb.nn
local LENGTH, net, conv, with_body, easy = audited.LENGTH, audited.net, audited.conv, audited.with_body, audited.easy
local changed, trained = audited.changed, audited.trained

local rng -- of the layer that is being made

local function int(low, high) return rng:integers(low, high + 1) // 1 | 0 end
local function pick(list) return list[int(1, #list)] end

local function find(rule, model, set, options)
  options = options or {}
  options.rules = { rule }
  return mb.audit(model, set, options):has(rule)
end

-- ---- points that are read ----

local window_layers = {
  function()
    return nn.Conv1d { filters = 3, kernel = int(1, 4), stride = int(1, 6), dilation = int(1, 4),
      padding = pick { "valid", "same", "causal", int(0, 3) } }
  end,
  function() return nn.MaxPool1d { size = int(1, 4), stride = int(1, 6), padding = pick { "valid", "same" } } end,
  function() return nn.BlurPool1d { size = int(1, 4), stride = int(1, 8), blur = int(2, 7) } end,
}

-- For each point of the input, true if an output depends on it: each is raised and lowered.
local function read_points(model, length)
  local base, is_read, changes = rng:normal(0, 1, { 1, length, 1 }), {}, {}
  for i = 1, length do
    changes[i] = {}
    for k = 1, length do changes[i][k] = { i == k and 30 or 0 } end
  end
  for _, sign in ipairs { 1, -1 } do
    local differ = (mb.no_grad(model, base + mb.tensor(changes) * sign) - mb.no_grad(model, base)):abs()
    for i, most in ipairs(differ:reshape(length, -1):max(2):totable()) do is_read[i] = is_read[i] or most > 1e-3 end
  end
  return is_read
end

-- True if a convolution with these options leaves out points inside a long map, found by its results.
local function leaves_out(options, span)
  local layer, inside = nn.Conv1d(options), false
  layer:build({ 60, 1 }, rng)
  for i, is_read in ipairs(read_points(layer, 60)) do inside = inside or i > span and i <= 60 - span and not is_read end
  return inside
end

describe("gaps between windows", function()
  it("are the points that no output depends on, in random layers", function()
    local findings, ends = 0, 0
    for seed = 1, 240 do
      rng = mb.rng(seed)
      local layer, length = pick(window_layers)(), int(20, 60)
      local model = nn.Sequential { layer, nn.Flatten {}, nn.Dense { units = 1 } }
      model:build({ length, 1 }, rng)
      local first, last, count = nil, 0, 0
      for i, is_read in ipairs(read_points(model:first(1), length)) do
        if is_read then first, last, count = first or i, i, count + 1 end
      end
      local found = mb.audit(model, nil, { rules = { "pool_gaps", "convolution_gaps" } }).findings[1]
      local options, has_gaps = layer.options, first and last - first + 1 > count
      local span = options.dilation and (options.kernel - 1) * options.dilation
      if has_gaps and span and length > 2 * span and not leaves_out(options, span) then
        has_gaps, ends = false, ends + 1
      end
      assert.equal(has_gaps, found ~= nil, seed)
      if found then
        assert.near(1 - count / length, found.value, 1e-9, seed)
        findings = findings + 1
      end
    end
    assert.is_true(findings > 20 and ends > 2)
  end)
  it("are no points that a dilated kernel leaves out at the ends", function()
    local function gaps(kernel, dilation, stride, length)
      return find("convolution_gaps", net({ nn.Conv1d { filters = 4, kernel = kernel, dilation = dilation,
        stride = stride, padding = "valid" }, nn.Flatten {}, nn.Dense { units = 2 } }, length))
    end
    assert.is_nil(gaps(3, 2, 3, 1001))
    assert.is_nil(gaps(2, 3, 2, 1000))
    assert.is_nil(gaps(3, 3, 2, 1000))
    assert.near(0.5, gaps(3, 2, 2, 1000).value, 0.01)
    assert.equal(0.8, gaps(2, 9, 1, 10).value) -- no point is inside
  end)
  it("are none where another branch reads the points", function()
    local function both(other)
      return find("convolution_gaps", with_body(nn.Residual { conv { kernel = 1, stride = 2 }, other }))
    end
    assert.is_nil(both(conv { kernel = 3, stride = 2 }))
    assert.equal(0.5, both(conv { kernel = 1, stride = 2 }).value)
    local pool = nn.MaxPool1d { size = 1, stride = 2 }
    assert.is_nil(find("pool_gaps", with_body(nn.Concat { nn.Sequential { nn.ReLU {}, pool }, conv { stride = 2 } })))
  end)
end)

-- ---- padding ----

-- The points of the last map that zeros of a padding reach, by loops.
local function padded(layers, length)
  local dirty = {}
  for i = 1, length do dirty[i] = false end
  for _, layer in ipairs(layers) do
    local o, after = layer.options, {}
    local size, dilation = o.kernel or o.size, o.dilation or 1
    local output = layer:build { #dirty, 1 }
    local span, before = (size - 1) * dilation + 1, 0
    if o.padding == "same" then before = math.max(0, (output[1] - 1) * o.stride + span - #dirty) // 2 end
    if o.padding == "causal" then before = span - 1 end
    if math.type(o.padding) == "integer" then before = o.padding end
    for i = 1, output[1] do
      for k = 0, size - 1 do
        local at = (i - 1) * o.stride + k * dilation - before + 1
        if dirty[at] == nil then after[i] = after[i] or o.kernel ~= nil else after[i] = after[i] or dirty[at] end
      end
    end
    dirty = after
  end
  local count = 0
  for _, is_dirty in ipairs(dirty) do count = count + (is_dirty and 1 or 0) end
  return count / #dirty
end

describe("padding that reaches far", function()
  it("is counted as loops count it, in random chains", function()
    local findings = 0
    for seed = 1, 200 do
      rng = mb.rng(seed)
      local layers = {}
      for i = 1, int(1, 3) do
        layers[i] = pick {
          nn.Conv1d { filters = 1, kernel = int(1, 12), stride = int(1, 2), dilation = int(1, 2),
            padding = pick { "valid", "same", "causal", int(0, 20) } },
          nn.Conv1d { filters = 1, kernel = int(10, 30), padding = pick { "same", int(10, 40) } },
          nn.MaxPool1d { size = int(1, 3), stride = int(1, 2), padding = pick { "valid", "same" } },
        }
      end
      local share = padded(layers, 80)
      layers[#layers + 1] = nn.Flatten {}
      local found = find("padding_edges", net(layers, 80))
      assert.equal(share >= 0.5, found ~= nil, seed)
      if found then
        assert.near(share, found.value, 1e-9, seed)
        findings = findings + 1
      end
    end
    assert.is_true(findings > 10)
  end)
  it("passes branches, upsampling and transposed convolutions", function()
    local function share(...)
      local found = find("padding_edges", with_body(...))
      return found and found.value
    end
    assert.is_nil(share(conv { kernel = 51, padding = 1 }))
    assert.near(0.6, share(nn.Residual { conv { kernel = 61 }, conv { kernel = 3 } }), 1e-9)
    assert.near(0.6, share(conv { kernel = 61 }, nn.Upsample1d { factor = 3 }), 1e-9)
    assert.near(0.62, share(conv { kernel = 61 }, nn.Conv1dTranspose { filters = 1, kernel = 3, padding = "same" }),
      1e-9)
  end)
  it("leaves weights of a kernel without data where their gradient is 0", function()
    local findings = 0
    for seed = 1, 60 do
      rng = mb.rng(seed)
      local length, kernel, dilation = int(2, 12), int(1, 20), int(1, 3)
      local layer = nn.Conv1d { filters = 2, kernel = kernel, stride = int(1, 3), dilation = dilation,
        padding = pick { "same", "causal", kernel * dilation } }
      local model = nn.Sequential { layer, nn.Flatten {}, nn.Dense { units = 1 } }
      model:build({ length, 1 }, rng)
      model(rng:normal(0, 1, { 20, length, 1 })):sum_squares():backward()
      local blind = 0
      for _, row in ipairs(layer.weight.grad:abs():reshape(layer.options.kernel, -1):max(2):totable()) do
        blind = blind + (row == 0 and 1 or 0)
      end
      local found = find("kernel_over_map", model)
      assert.equal(blind, found and found.value or 0, seed)
      findings = findings + (found and 1 or 0)
    end
    assert.is_true(findings > 10)
  end)
end)

-- ---- activations ----

describe("an activation that is a layer of its own", function()
  local function names(model, options, rules)
    options.rules = rules or { "dead_filters", "dead_at_start" }
    local found, list = mb.audit(model, easy, options), {}
    for i, finding in ipairs(found.findings) do list[i] = finding.name end
    return table.concat(list, " ")
  end
  it("is where dead filters and units are seen", function()
    for _, behind in ipairs { { nn.ReLU {} }, { nn.Activation { name = "relu" } }, { nn.MaxPool1d { size = 2 },
      nn.ReLU {} }, { nn.Dropout { rate = 0.1 }, nn.Sequential { nn.ReLU {} } } } do
      local model = with_body(conv { activation = "linear", bias_initializer = -50 }, table.unpack(behind))
      assert.equal("dead_filters dead_at_start", names(model, { trained = true }))
    end
    local units = net { nn.Flatten {}, nn.Dense { units = 4, bias_initializer = -50 }, nn.ReLU {},
      nn.Dense { units = 2 } }
    assert.equal("dead_units", names(units, { trained = true }, { "dead_units" }))
    local softmax = net { nn.Flatten {}, nn.Dense { units = 2, bias_initializer = -50 }, nn.Softmax {} }
    assert.equal("", names(softmax, { trained = true }, { "dead_units" }))
  end)
  it("has dead filters behind batch norm after a training, but not before it", function()
    local model = with_body(conv { activation = "linear", bias_initializer = -50 }, nn.BatchNorm1d {}, nn.ReLU {})
    assert.equal("", names(model, {}))
    assert.equal("dead_filters", names(model, { trained = true }))
  end)
  it("makes constant maps of spectra without features, which tell nothing of filters and units", function()
    local model = with_body(conv { activation = "sigmoid", padding = "valid" })
    local function why(x)
      local n, list = x:size(1), {}
      local found = mb.audit(model, { x = x, y = audited.lists(n, function(i) return i % 2 + 1 end) },
        { trained = true, rules = { "dead_at_start", "dead_filters", "dead_units" } })
      assert.equal(0, #found.findings, tostring(found))
      for _, skipped in ipairs(found.skipped) do list[skipped.name] = skipped.why end
      return list
    end
    local flat, same = "the training spectra have the same value at all points", "the training spectra are all the same"
    assert.same({ dead_at_start = flat, dead_filters = flat, dead_units = same }, why(mb.ones(6, LENGTH, 1)))
    assert.equal(flat, why(mb.ones(1, LENGTH, 1)).dead_at_start)
    assert.same({ dead_units = same }, why(mb.rand(1, LENGTH, 1) * mb.ones(6, 1, 1)))
    local saturated = with_body(conv { activation = "sigmoid", bias_initializer = 1e4 })
    assert.matches("100 %% of the filters of a layer have the same output for every training spectrum, such as 0; ",
      find("dead_at_start", saturated, easy).text)
  end)
  it("empties a single filter, unless batch norm stands before it", function()
    local function single(...) return find("single_filter", with_body(...)) ~= nil end
    local one = { filters = 1, activation = "linear" }
    assert.is_true(single(conv(one), nn.ReLU {}))
    assert.is_true(single(nn.Sequential { conv(one) }, nn.MaxPool1d { size = 2 }, nn.Activation { name = "relu" }))
    assert.is_false(single(conv(one), nn.BatchNorm1d { activation = "relu" }))
    assert.is_false(single(conv(one), nn.ELU {}))
  end)
end)

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
  it("is found in nested containers, and a factor of a convolution is none", function()
    local function layers(...)
      local found = find("linear_convolution", with_body(...))
      return found and table.concat(found.layers, " ")
    end
    local open = { activation = "linear" }
    assert.equal("1.1", layers(nn.Sequential { conv(open), conv() }))
    assert.equal("1", layers(conv(open), nn.Residual { conv(), conv() }))
    assert.is_nil(layers(conv(open), nn.Residual { nn.Sequential { nn.ReLU {}, conv(open) } }, nn.ReLU {}, conv()))
    assert.is_nil(layers(conv { filters = 8 }, conv { filters = 2, kernel = 1, activation = "linear" }, conv()))
    assert.is_nil(layers(conv(), conv { groups = 4, activation = "linear" }, conv()))
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
  it("has few positions only if no branch has more", function()
    local function few(other)
      local narrow = nn.Sequential { nn.MaxPool1d { size = 50 }, nn.Flatten {} }
      return find("few_positions", net { conv(), nn.Concat { narrow, other }, nn.Dense { units = 2 } }) ~= nil
    end
    assert.is_true(few(nn.GlobalMaxPool1d {}))
    assert.is_false(few(nn.Flatten {}))
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
  it("may end in a log_softmax, which the softmax of the loss undoes", function()
    local function logits() return net { nn.Flatten {}, nn.Dense { units = 2 } } end
    local logs = net { nn.Flatten {}, nn.Dense { units = 2 }, nn.LogSoftmax {} }
    assert.is_nil(find("softmax_before_loss", logs, easy))
    local as_option = nn.Dense { units = 2, activation = "log_softmax" }
    assert.is_nil(find("softmax_before_loss", net { nn.Flatten {}, as_option }))
    trained(logs, easy, 3)
    assert.near(0, (mb.predict(logs, easy.test.x) - mb.predict(trained(logits(), easy, 3), easy.test.x)):abs():max()[1],
      1e-5)
    local one = net { nn.Flatten {}, nn.Dense { units = 1 }, nn.LogSoftmax {} }
    assert.matches("a log_softmax over one unit, which is 0 for", find("softmax_of_one", one).text)
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

-- ---- what reaches the first layers ----

describe("spectra far from 0", function()
  local raised = { x = easy.train.x * 300 + 5000, y = easy.train.y }
  local function names(model, set)
    local found, list = mb.audit(model, set, { rules = { "padding_step", "input_scale" } }), {}
    for i, finding in ipairs(found.findings) do list[i] = finding.name end
    return table.concat(list, " ")
  end
  it("do not reach a convolution behind a norm", function()
    assert.equal("padding_step input_scale", names(with_body(conv()), raised))
    local both = "padding_step input_scale"
    assert.equal(both, names(with_body(nn.MaxPool1d { size = 2 }, nn.SignedSqrt {}, conv()), raised))
    assert.equal("", names(with_body(nn.BatchNorm1d { momentum = 0.9 }, conv()), raised))
    assert.equal("", names(with_body(nn.GroupNorm { groups = 1 }, conv()), raised))
    assert.equal(both, names(with_body(nn.Concat { nn.Sequential { nn.BatchNorm1d {}, conv() }, conv() }), raised))
    assert.equal(both, names(with_body(nn.Concat { conv { padding = "valid", kernel = 1 }, conv() }), raised))
  end)
  it("are found in every channel", function()
    local model = nn.Sequential { conv(), nn.Flatten {}, nn.Dense { units = 2 } }
    model:build { LENGTH, 2 }
    local set = { x = mb.concat({ easy.train.x * 0, raised.x }, 3), y = easy.train.y }
    local found = find("padding_step", model, set)
    assert.matches("^The spectra in channel 2 range from 4%.9", found.text)
    local thin = find("field_below_peak", model, { x = mb.concat({ easy.train.x * 0, easy.train.x }, 3),
      y = easy.train.y })
    assert.matches("but the peaks are %d+ points wide", thin.text)
  end)
  it("make a step behind batch norm, too, where their ends are not as their mean", function()
    local nines = mb.full(9, 60, 1, 1)
    local ends = mb.concat({ nines, easy.train.x:slice(2, 2, LENGTH - 2), nines }, 2)
    local found = find("padding_step", with_body(nn.BatchNorm1d {}, conv()), changed(easy.train, { x = ends }))
    assert.matches("^Behind the batch norm, the spectra range", found.text)
  end)
end)

-- ---- strides ----

describe("a stride beyond the distance of peaks", function()
  local border = mb.data.border_peaks { n = 200, test = 50, crop = 320, seed = 1 }
  local function is_fault(...)
    local model = nn.Sequential { ... }
    model:build { 320, 1 }
    return find("stride_over_spacing", model, border) ~= nil
  end
  local function head(body) return nn.Sequential { body, nn.Flatten {}, nn.Dense { units = 2 } } end
  it("is one where pooling loses the place", function()
    local pool = nn.MaxPool1d { size = 64 }
    assert.is_true(is_fault(head(nn.Sequential { conv(), pool })))
    assert.is_false(is_fault(nn.Position {}, head(nn.Sequential { conv(), pool })))
    assert.is_true(is_fault(pool, nn.Position {}, conv(), head(nn.ReLU {})))
    assert.is_true(is_fault(conv(), head(nn.BlurPool1d { size = 64 })))
    assert.is_false(is_fault(conv(), head(nn.BlurPool1d { size = 64, blur = 33 })))
    assert.is_false(is_fault(head(conv { kernel = 64, stride = 64, padding = "valid" }))) -- the weights tell places
    assert.is_true(is_fault(conv { stride = 2 }, conv { stride = 2 }, head(nn.AvgPool1d { size = 16 })))
    assert.is_false(is_fault(conv(), nn.Concat { nn.Sequential { pool, nn.Flatten {} }, nn.Flatten {} },
      nn.Dense { units = 2 }))
    assert.is_true(is_fault(conv(), pool, nn.GlobalMaxPool1d {}, nn.Dense { units = 2 }))
  end)
end)
