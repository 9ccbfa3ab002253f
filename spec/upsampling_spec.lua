-- Conv1dTranspose and Upsample1d: what they compute, and that networks of them are summarised, saved and loaded.
local mb = require "moonbow"
local Layer = require "moonbow.nn.layer"
local nn = mb.nn

-- Each point adds a copy of the filters.
local function by_copies(x, w, stride, dilation)
  local kernel, filters, channels = table.unpack(w:shape())
  local n, length = x:size(1), x:size(2)
  local y = mb.zeros(n, (length - 1) * stride + (kernel - 1) * dilation + 1, filters)
  for t = 1, length do
    for k = 1, kernel do
      local product = x:slice(2, t, 1):reshape(n, channels):matmul(w[k]:transpose())
      local at = (t - 1) * stride + (k - 1) * dilation + 1
      for i = 1, n do
        for f = 1, filters do y:set(i, at, f, y:get(i, at, f) + product:get(i, f)) end
      end
    end
  end
  return y
end

describe("Conv1dTranspose", function()
  it("adds a copy of the filters for each point", function()
    for _, case in ipairs { { 4, 2, 1 }, { 3, 5, 1 }, { 3, 2, 3 }, { 1, 1, 1 } } do
      local kernel, stride, dilation = table.unpack(case)
      local layer = nn.Conv1dTranspose { filters = 3, kernel = kernel, stride = stride, dilation = dilation,
        bias_initializer = 2 }
      local x = mb.rng(1):normal(0, 1, 2, 6, 2)
      local y = mb.no_grad(layer, x)
      assert.same({ kernel, 3, 2 }, layer.weight:shape())
      assert.is_true(y:allclose(by_copies(x, layer.weight:detach(), stride, dilation) + 2, { absolute = 1e-5 }))
    end
  end)
  it("cuts off what padding says", function()
    local function layer(padding)
      return nn.Conv1dTranspose { filters = 1, kernel = 5, stride = 2, padding = padding, initializer = 1 }
    end
    local x = mb.tensor { 1, 2, 3 }:reshape(1, 3, 1)
    local whole = mb.no_grad(layer "valid", x)
    assert.same({ 1, 1, 3, 3, 6, 5, 5, 3, 3 }, whole:reshape(-1):totable())
    assert.same({ 3, 3, 6, 5, 5 }, mb.no_grad(layer(2), x):reshape(-1):totable())
    assert.same({ 1, 3, 3, 6, 5, 5 }, mb.no_grad(layer { 1, 2 }, x):reshape(-1):totable())
    assert.same({ 1, 3, 3, 6, 5, 5 }, mb.no_grad(layer "same", x):reshape(-1):totable())
  end)
end)

describe("Upsample1d", function()
  it("repeats points, or draws lines between their middles", function()
    local x = mb.tensor { 0, 4 }:reshape(1, 2, 1)
    assert.same({ 0, 0, 4, 4 }, nn.Upsample1d { factor = 2 }(x):reshape(-1):totable())
    assert.same({ 0, 1, 3, 4 }, nn.Upsample1d { factor = 2, mode = "linear" }(x):reshape(-1):totable())
  end)
end)

describe("a network that makes spectra of spectra", function()
  it("has outputs between the points that they are made of", function()
    local function centres(layer)
      local model = nn.Sequential { nn.Conv1d { filters = 1, kernel = 3, stride = 2 }, layer } -- that on 2, 4, ..., 10
      model:build { 11, 1 }
      return (Layer.centres(model:wired(model:trace({ 11, 1 }, "centres")).outputs[1]))
    end
    local halves = { 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5 }
    assert.same(halves, centres(nn.Upsample1d { factor = 2 }))
    assert.same(halves, centres(nn.Upsample1d { factor = 2, mode = "linear" }))
    assert.same(halves, centres(nn.Conv1dTranspose { filters = 1, kernel = 4, stride = 2, padding = "same" }))
    assert.same({ table.unpack(halves, 3) },
      centres(nn.Conv1dTranspose { filters = 1, kernel = 2, stride = 2, padding = { 2, 0 } }))
  end)
  it("is summarised, trained, saved and loaded", function()
    local model = nn.Sequential { nn.Conv1d { filters = 4, kernel = 4, stride = 4 },
      nn.Conv1dTranspose { filters = 4, kernel = 4, stride = 2, padding = "same", activation = "relu" },
      nn.Upsample1d { factor = 2, mode = "linear" }, nn.Conv1d { filters = 1, kernel = 3, padding = "same" } }
    local x = mb.rng(1):normal(0, 1, 6, 24, 1)
    model:build({ 24, 1 }, mb.rng(2))
    local text = model:summary()
    assert.matches("Conv1dTranspose +12 x 4 +68 +384", text)
    assert.matches("Upsample1d +24 x 4 +0 +96", text)
    assert.matches("total stride 1, receptive field 12 points", text)
    assert.equal(0.5, nn.Upsample1d { factor = 2 }:reach({ 5, 1 }).stride)
    local before = mb.no_grad(model, x):mse(x):item()
    mb.fit(model, { x = x, y = x }, { epochs = 30, loss = "mse", optimizer = mb.optim.Adam { lr = 0.01 },
      verbose = false })
    assert.is_true(mb.no_grad(model, x):mse(x):item() < 0.9 * before)
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    assert(mb.save(model, path))
    assert.equal(mb.no_grad(model, x):tobytes(), mb.no_grad(assert(mb.load(path)), x):tobytes())
  end)
end)
