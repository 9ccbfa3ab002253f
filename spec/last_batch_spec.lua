-- Batch norm on one value of each channel, and the row that is left over at the end of an epoch.
local mb = require "moonbow"
local nn = mb.nn

local function refuses(message, f, ...)
  local arguments = { ... }
  assert.error_matches(function() f(table.unpack(arguments)) end, message, nil, true)
end

describe("batch norm in training", function()
  it("refuses one value of each channel, which has no variance", function()
    local norm = nn.BatchNorm1d {}
    local model = nn.Sequential { nn.Flatten {}, norm, name = "net" }
    model:build { 3, 1 }
    model:train()
    refuses("net > layer 2 (BatchNorm1d): training needs more than one value of each channel, got input of shape "
      .. "{1, 3}; make batches of at least two rows, or call model:eval()", model, mb.randn(mb.rng(1), 1, 3, 1))
    refuses("got input of shape {1, 1, 3}", norm, mb.ones(1, 1, 3))
    assert.same({ 0, 0, 0 }, norm.running_mean:totable())
    assert.same({ 1, 1, 1 }, norm.running_var:totable())
  end)
  it("takes one row with several points, several rows, and in evaluation anything", function()
    local norm = nn.BatchNorm1d {}:train()
    norm(mb.ones(1, 2, 3))
    norm(mb.ones(2, 3))
    assert.same({ 1, 3 }, norm:eval()(mb.ones(1, 3)):shape())
  end)
end)

describe("the last batch", function()
  -- Returns the numbers of rows of the batches of an epoch of 9 rows.
  local function sizes(batch_size, ...)
    local layers, found = { ... }, {}
    layers[#layers + 1] = nn.Dense { units = 1 }
    mb.fit(nn.Sequential(layers), { x = mb.randn(mb.rng(1), 9, 5, 2), y = mb.rand(mb.rng(2), 9) }, {
      batch_size = batch_size, epochs = 1, verbose = false, loss = function(output, y)
        found[#found + 1] = output:size(1)
        return output:mse(y:reshape(-1, 1))
      end,
    })
    return found
  end

  it("of one row joins the batch before if batch norm would see one value of each channel", function()
    assert.same({ 4, 5 }, sizes(4, nn.Flatten {}, nn.BatchNorm1d {}))
    assert.same({ 9 }, sizes(8, nn.GlobalAvgPool1d {}, nn.BatchNorm1d {}))
    assert.same({ 3, 3, 3 }, sizes(3, nn.Flatten {}, nn.BatchNorm1d {}))
    assert.same({ 9 }, sizes(20, nn.Flatten {}, nn.BatchNorm1d {}))
  end)
  it("of one row is a batch of its own otherwise", function()
    assert.same({ 4, 4, 1 }, sizes(4, nn.Flatten {}))
    assert.same({ 4, 4, 1 }, sizes(4, nn.BatchNorm1d {}, nn.Flatten {}))
  end)
  it("of one row, if every batch has one, is refused with the path of the layer", function()
    refuses("layer 2 (BatchNorm1d): training needs more than one value of each channel", sizes, 1, nn.Flatten {},
      nn.BatchNorm1d {})
  end)
  it("of one row does not spoil the statistics of recalibrate", function()
    local model, x = nn.Sequential { nn.Flatten {}, nn.BatchNorm1d {} }, mb.randn(mb.rng(3), 9, 1, 2)
    model:build { 1, 2 }
    mb.recalibrate(model, x, { batch_size = 8 })
    local norm = model.layers[2]
    assert.is_true((norm.running_mean:allclose(x:reshape(9, 2):mean(1), { absolute = 1e-6 })))
    assert.is_true((norm.running_var:allclose(x:reshape(9, 2):var(1), { relative = 1e-5 })))
  end)
end)
