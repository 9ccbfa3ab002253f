-- Grouped convolution and its padding, as a layer: against one convolution for each group, summarised, saved, exported.
local mb = require "moonbow"
local nn = mb.nn

-- Convolution of each group alone, concatenated.
local function by_group(x, w, groups, options)
  local channels, filters, parts = x:size(3) // groups, w:size(3) // groups, {}
  for g = 1, groups do
    parts[g] = x:slice(3, (g - 1) * channels + 1, channels):conv1d(w:slice(3, (g - 1) * filters + 1, filters), nil,
      options)
  end
  return mb.concat(parts, 3)
end

describe("grouped convolution", function()
  it("is that of each group", function()
    local rng = mb.rng(1)
    for _, case in ipairs { { 16, 16, 16 }, { 6, 12, 6 }, { 24, 16, 8 }, { 40, 60, 2 } } do
      local channels, filters, groups = table.unpack(case)
      local x, w = rng:normal(0, 1, 2, 50, channels), rng:normal(0, 1, 4, channels // groups, filters)
      for _, options in ipairs { {}, { padding = "same", stride = 3 }, { dilation = 5 }, { padding = { 7, 0 } } } do
        local expected = by_group(x, w, groups, options)
        options.groups = groups
        assert.is_true(x:conv1d(w, nil, options):allclose(expected, { absolute = 1e-4 }))
      end
    end
  end)
  it("is fused with batch norm and pooling as any other", function()
    local model = nn.Sequential { nn.Conv1d { filters = 8, kernel = 3, groups = 4 }, nn.BatchNorm1d {},
      nn.MaxPool1d { size = 2 } }
    local x = mb.rng(2):normal(0, 1, 3, 20, 4)
    model:train()
    model(x)
    model:eval()
    local apart = x
    for _, layer in ipairs(model.layers) do apart = mb.no_grad(layer, apart) end
    assert.is_true(mb.no_grad(model, x):allclose(apart, { absolute = 1e-5 }))
  end)
end)

describe("causal padding", function()
  it("lets no result depend on a later point", function()
    local x, w = mb.rng(1):normal(0, 1, 1, 30, 2), mb.rng(2):normal(0, 1, 4, 2, 3)
    local y = x:conv1d(w, nil, { padding = "causal", dilation = 2 })
    assert.same({ 1, 30, 3 }, y:shape())
    local changed = x:copy()
    changed:set(1, 20, 1, 100)
    local difference = (changed:conv1d(w, nil, { padding = "causal", dilation = 2 }) - y):abs():max(3)
    assert.equal(0, difference:slice(2, 1, 19):max():item())
    assert.is_true(difference:get(1, 20) > 1)
  end)
end)

describe("padding of two sides", function()
  it("may be longer than the kernel: such windows give the bias", function()
    local layer = nn.Conv1d { filters = 2, kernel = 3, padding = { 5, 4 }, bias_initializer = 7 }
    local y = layer(mb.ones(1, 4, 1))
    assert.same({ 1, 11, 2 }, y:shape())
    assert.same({ { 7, 7 }, { 7, 7 }, { 7, 7 } }, y[1]:narrow(1, 3):totable())
    assert.same({ { 7, 7 }, { 7, 7 } }, y[1]:narrow(10, 2):totable())
    assert.is_true(y[1]:get(4, 1) ~= 7)
    assert.same({ 1, 8, 1 }, mb.ones(1, 4, 1):conv1d(mb.ones(1, 1, 1), nil, { padding = 2 }):shape())
  end)
  it("is kept as it was, shown, saved and loaded", function()
    local padding = { 2, 0 }
    local model = nn.Sequential { nn.Conv1d { filters = 4, kernel = 3, groups = 2, padding = padding }, nn.Flatten {},
      nn.Dense { units = 2 } }
    padding[1] = 9
    model:build({ 10, 2 }, mb.rng(1))
    assert.equal("nn.Conv1d{filters = 4, groups = 2, kernel = 3, padding = { 2, 0 }}", tostring(model.layers[1]))
    assert.matches("Conv1d +10 x 4 +16 +120", model:summary())
    local path, x = os.tmpname(), mb.rng(2):normal(0, 1, 3, 10, 2)
    finally(function() os.remove(path) end)
    assert(mb.save(model, path))
    assert.equal(mb.no_grad(model, x):tobytes(), mb.no_grad(assert(mb.load(path)), x):tobytes())
  end)
end)
