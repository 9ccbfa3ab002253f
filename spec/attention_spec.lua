-- MultiHeadAttention against products of tensors; memory; files. spec/gradients_spec.lua has the gradients.
local mb = require "moonbow"
local nn = mb.nn

-- One head after the other, with the whole map.
local function by_heads(layer, x, heads)
  local n, length, channels = table.unpack(x:shape())
  local qkv, depth, samples = x:matmul(layer.weight) + layer.bias, channels // heads, {}
  for i = 1, n do
    local parts = {}
    for h = 1, heads do
      local function part(which)
        return qkv[i]:slice(2, (which - 1) * channels + (h - 1) * depth + 1, depth)
      end
      local map = (part(1):matmul(part(2):transpose()) / math.sqrt(depth)):softmax()
      parts[h] = map:matmul(part(3))
    end
    samples[i] = mb.concat(parts, 2):reshape(1, length, channels)
  end
  return mb.concat(samples, 1):matmul(layer.output_weight) + layer.output_bias
end

describe("MultiHeadAttention", function()
  it("is the mean of values by the softmax of products", function()
    for _, case in ipairs { { 6, 3, 11 }, { 32, 2, 200 }, { 40, 1, 70 } } do
      local channels, heads, length = table.unpack(case)
      local layer = nn.MultiHeadAttention { heads = heads, bias_initializer = "normal" }
      local x = mb.rng(1):normal(0, 1, 2, length, channels)
      layer:build({ length, channels }, mb.rng(2))
      mb.no_grad(function()
        assert.is_true(layer(x):allclose(by_heads(layer, x, heads), { absolute = 1e-5 }))
      end)
    end
  end)
  it("does not depend on the order of points", function()
    local layer, x = nn.MultiHeadAttention { heads = 2 }, mb.rng(1):normal(0, 1, 2, 30, 8)
    local y = mb.no_grad(layer, x)
    assert.is_true(mb.no_grad(layer, x:flip(2)):flip(2):allclose(y, { absolute = 1e-5 }))
  end)
  it("sees no later point, if it is causal", function()
    local layer, x = nn.MultiHeadAttention { heads = 2, causal = true }, mb.rng(1):normal(0, 1, 2, 300, 8)
    local y = mb.no_grad(layer, x)
    for _, length in ipairs { 1, 7, 120 } do
      local first = mb.no_grad(layer, x:slice(2, 1, length))
      assert.is_true(first:allclose(y:slice(2, 1, length), { absolute = 1e-5 }))
    end
    assert.is_false(mb.no_grad(layer, x:flip(2)):flip(2):allclose(y, { absolute = 1e-2 }))
    assert.equal("nn.MultiHeadAttention{causal = true, heads = 2}", tostring(layer))
    assert.equal(4 * 300 * 64 + 300 * 301 * 8, layer:macs { 1, 300, 8 })
  end)
  it("keeps no map of all pairs", function()
    local layer = nn.MultiHeadAttention { heads = 2 }
    local x = mb.rng(1):normal(0, 1, 2, 3000, 4):param()
    layer:build { 3000, 4 }
    mb.release_memory()
    local before = mb.memory().peak
    layer(x):sum():backward()
    assert.is_true(mb.memory().peak - before < 3000 * 3000 * 4)
  end)
  it("is counted, trained with its neighbours, saved and loaded", function()
    local block = nn.Residual { nn.Sequential { nn.LayerNorm {}, nn.MultiHeadAttention { heads = 2 } } }
    local model = nn.Sequential { nn.Conv1d { filters = 8, kernel = 4, stride = 4 }, nn.Position {},
      nn.Conv1d { filters = 8, kernel = 1 }, block, nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } }
    local x, y = mb.rng(1):normal(0, 0.3, 48, 64, 1), {}
    for i = 1, 48 do -- two peaks that are near or far
      y[i] = i % 2 + 1
      x:set(i, 5 + i % 8, 1, 3)
      x:set(i, (y[i] == 1 and 13 or 45) + i % 8, 1, 3)
    end
    mb.fit(model, { x = x, y = y }, { epochs = 40, batch_size = 16, verbose = false, seed = 1,
      optimizer = mb.optim.Adam { lr = 0.01 } })
    assert.is_true(mb.evaluate(model, { x = x, y = y }).accuracy > 0.95)
    assert.matches("MultiHeadAttention +16 x 8 +288 +8,192", model:summary())
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    assert(mb.save(model, path))
    assert.equal(mb.no_grad(model, x):tobytes(), mb.no_grad(assert(mb.load(path)), x):tobytes())
  end)
  it("that is causal is refused for PyTorch and Keras 2.9, with its place", function()
    local model = nn.Sequential { nn.MultiHeadAttention { heads = 2, causal = true } }
    model:build({ 5, 4 }, mb.rng(1))
    for name, message in pairs { export_pytorch = "causal attention is not exported",
      export_keras = "Keras 2.9 has no causal attention; write a .keras file" } do
      assert.error_matches(function() mb[name](model, "not_written.h5") end,
        name .. ": layer 1 (MultiHeadAttention): " .. message, nil, true)
    end
  end)
end)
