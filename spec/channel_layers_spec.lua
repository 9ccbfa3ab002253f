-- GroupNorm, ChannelDropout and SqueezeExcite: what they compute, and that they are built, saved and refused as others.
local mb = require "moonbow"
local nn = mb.nn

local x = mb.rng(1):normal(3, 2, 4, 6, 4)

-- Mean and variance of channels first to last of spectrum n.
local function moments(y, n, first, last)
  local part = y[{ { n, n }, {}, { first, last } }]
  return part:mean():item(), part:var():item()
end

describe("GroupNorm", function()
  it("gives each group of a spectrum mean 0 and variance 1", function()
    for _, groups in ipairs { 1, 2, 4 } do
      local y, width = nn.GroupNorm { groups = groups }(x), 4 // groups
      for n = 1, 4 do
        for first = 1, 4, width do
          local mean, var = moments(y, n, first, first + width - 1)
          assert.is_near(0, mean, 1e-5)
          assert.is_near(1, var, 1e-3)
        end
      end
    end
  end)
  it("keeps the order of points and channels, and scales each channel", function()
    local layer = nn.GroupNorm { groups = 2 }
    layer:build { 6, 4 }
    mb.no_grad(function()
      layer.gamma:copy_from(mb.tensor { 1, 2, 3, 4 })
      layer.beta:copy_from(mb.tensor { 0, 0, 0, 5 })
    end)
    local part, y = x[{ { 2, 2 }, {}, { 3, 4 } }], mb.no_grad(layer, x)
    local mean, sd = part:mean():item(), math.sqrt(part:var():item() + 1e-5)
    assert.is_near(3 * (x:get(2, 5, 3) - mean) / sd, y:get(2, 5, 3), 1e-4)
    assert.is_near(4 * (x:get(2, 5, 4) - mean) / sd + 5, y:get(2, 5, 4), 1e-4)
  end)
  it("refuses groups that do not divide the channels", function()
    assert.error_matches(function() nn.GroupNorm { groups = 3 }(x) end,
      "GroupNorm: groups: expected a divisor of the 4 channels, got 3")
    assert.error_matches(function() nn.GroupNorm { groups = 1 }(mb.ones(2, 3)) end,
      "GroupNorm: input: expected 3 dimensions, got shape {2, 3}")
  end)
end)

describe("ChannelDropout", function()
  it("drops whole channels, and nothing in evaluation mode", function()
    local layer = nn.ChannelDropout { rate = 0.5 }
    assert.equal(x:tobytes(), layer(x):tobytes())
    local ones = mb.ones(200, 3, 5)
    local y = layer:train():set_rng(mb.rng(1))(ones)
    assert.same({ 0, 2 }, y:unique():totable())
    assert.equal(0, y:var(2):max():item())
    assert.is_near(1, y:mean():item(), 0.15)
  end)
end)

describe("200 random cases of ChannelDropout", function()
  -- For each spectrum and channel 1 if it is kept: the output, and the gradient, are the multiples of x and of dy.
  local function kept_of(y, input, rate)
    local ratio = y / input * (1 - rate)
    local kept = ratio:mean(2):round()
    assert.is_true(ratio:allclose(kept:reshape(kept:size(1), 1, kept:size(2)) * mb.ones(ratio:shape()),
      { absolute = 1e-5 }))
    return kept
  end

  it("drop independent channels by the rate, and their gradients", function()
    local rng, off, variance, pairs_off, pairs_variance = mb.rng(5), 0, 0, 0, 0
    for _ = 1, 200 do
      local function draw(high) return rng:integers(1, high, { endpoint = true }) end
      local rate, shape = rng:uniform(0, 0.95), { draw(6), draw(20), draw(9) }
      local input, dy = rng:uniform(1, 2, shape):param(), rng:uniform(1, 2, shape)
      local output = nn.ChannelDropout { rate = rate }:train():set_rng(rng)(input)
      output:backward(dy)
      local kept = kept_of(output:detach(), input:detach(), rate)
      assert.same(kept:totable(), kept_of(input.grad, dy, rate):totable())
      local n, channels = shape[1], shape[3]
      off, variance = off + (kept:sum():item() - (1 - rate) * n * channels), variance + n * channels * rate * (1 - rate)
      if channels > 1 then -- neighbours
        local centred = kept - (1 - rate)
        local product = centred:slice(2, 1, channels - 1) * centred:slice(2, 2, channels - 1)
        pairs_off = pairs_off + product:sum():item()
        pairs_variance = pairs_variance + product:count() * (rate * (1 - rate)) ^ 2
      end
    end
    assert.is_near(0, off / math.sqrt(variance), 3)
    assert.is_near(0, pairs_off / math.sqrt(pairs_variance), 3)
  end)
end)

describe("SqueezeExcite", function()
  it("multiplies each channel by the sigmoid of two dense layers of the means", function()
    local layer = nn.SqueezeExcite { ratio = 2 }
    local y = mb.no_grad(layer, x)
    local units = x:mean(2):matmul(layer.squeeze_weight):relu()
    local gate = units:matmul(layer.excite_weight):sigmoid()
    assert.is_true(y:allclose((x * gate:reshape(4, 1, 4)):detach(), { absolute = 1e-5 }))
    assert.same({ 4, 2 }, layer.squeeze_weight:shape())
    assert.same({ 1 }, (function()
      local small = nn.SqueezeExcite {}
      small:build { 5, 1 }
      return small.squeeze_bias:shape()
    end)())
  end)
end)

describe("a network of them", function()
  it("trains, is summarised, saved and loaded", function()
    local model = nn.Sequential { nn.Conv1d { filters = 4, kernel = 3 }, nn.GroupNorm { groups = 2 }, nn.ReLU {},
      nn.SqueezeExcite { ratio = 2 }, nn.ChannelDropout { rate = 0.2 }, nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } }
    mb.fit(model, { x = x, y = { 1, 2, 1, 2 } }, { epochs = 2, batch_size = 2, verbose = false })
    assert.matches("SqueezeExcite +4 x 4 +22 +16", model:summary())
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    assert(mb.save(model, path .. ".safetensors"))
    local loaded = assert(mb.load(path .. ".safetensors"))
    os.remove(path .. ".safetensors")
    assert.equal(mb.no_grad(model, x):tobytes(), mb.no_grad(loaded, x):tobytes())
  end)
end)
