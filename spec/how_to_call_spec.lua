-- Calls as other libraries have them raise errors that say what to write, and a fit that stops early says why.
local mb = require "moonbow"
local said = require "support.said"
local nn = mb.nn

local function model_of() return nn.Sequential { nn.Flatten {}, nn.Dense { units = 2, initializer = 0 } } end
local function fit(options) return mb.fit(model_of(), { x = mb.ones(2, 3, 1), y = { 1, 2 } }, options) end
local set = { x = mb.ones(4, 3, 1), y = { 1, 2, 1, 2 } }
local x, y, model = set.x, mb.tensor(set.y), model_of()

local function raises(message, f)
  local _, err = pcall(f)
  assert.truthy(tostring(err):find(message, 1, true), ("expected %s\ngot %s"):format(message, err))
end

describe("the error says what to write for", function()
  it("options that are no table", function()
    raises("nn.Conv1d: expected a table of options, got 32; write nn.Conv1d{ filters = ..., kernel = ... }",
      function() nn.Conv1d(32, 3) end)
    raises("Dense: expected a table of options, got 32; write Dense{ units = ... }", function() nn.Dense(32) end)
    raises("units; write Dense{ units = ... }", function() nn.Dense { 32 } end)
    raises("Adam: expected a table of options, got 0.01; write Adam{ name = value }",
      function() mb.optim.Adam(0.01) end)
    raises("nn.Sequential: expected one table, got 2 arguments; write nn.Sequential{ ... }, with braces",
      function() nn.Sequential(nn.Flatten {}, nn.Dense { units = 2 }) end)
  end)
  it("x and y that are no set", function()
    local call = "got tensor {4}; write mb.fit(model, { x = x, y = y }, { epochs = 10 })"
    raises(call, function() mb.fit(model, x, y) end)
    raises(call, function() mb.fit(model, x, y, { epochs = 3 }) end)
    raises("data: expected a table, got tensor {4, 3, 1}; a set is { x = spectra, y = labels }",
      function() mb.fit(model, x) end)
    raises("write mb.evaluate(model, { x = x, y = y })", function() mb.evaluate(model, x, y) end)
    raises("x: expected a tensor, got a table; write mb.predict(model, set.x)", function() mb.predict(model, set) end)
  end)
  it("options of fit that are tables", function()
    raises("early_stopping: expected a table, got true; write early_stopping = { patience = 10 }",
      function() fit { early_stopping = true } end)
    raises('schedule: expected a table or a function, got \'cosine\'; write schedule = { "cosine" }',
      function() fit { schedule = "cosine" } end)
    raises('write checkpoint = "folder"', function() fit { checkpoint = true } end)
  end)
  it("a classifier without Flatten", function()
    local net = nn.Sequential { nn.Conv1d { filters = 2, kernel = 2 }, nn.Dense { units = 2 } }
    raises("got outputs (N, 2, 2); put nn.Flatten{} or nn.GlobalAvgPool1d{} before the last nn.Dense",
      function() mb.fit(net, set) end)
  end)
  it("a split of a set instead of its number of rows", function()
    raises("n: expected a positive integer, got a table; it is the number of rows: write mb.split.holdout(#set.x, ...)",
      function() mb.split.holdout(set, 0.2) end)
    raises("write mb.split.k_fold(#x, ...)", function() mb.split.k_fold(x, 5) end)
  end)
  it("methods of networks that are functions here", function()
    for name, call in pairs { fit = "mb.fit(model, set)", evaluate = "mb.evaluate(model, set)",
      predict = "mb.predict(model, x)", save = 'mb.save(model, "model.safetensors")',
      load = 'mb.load "model.safetensors"' } do
      raises("layer:" .. name .. ": a layer has no such method; write ", function() model[name](model, set) end)
      raises(call, function() model[name](model, set) end)
    end
  end)
end)

describe("a fit that stops before its last epoch says why", function()
  it("by early stopping, and of which epoch the weights are", function()
    local options = { epochs = 9, early_stopping = { patience = 2, min_delta = 100 } }
    local text = said(function() fit(options) end)
    assert.matches("\nstopped after epoch 3/9: no lower loss for 2 epochs; best 0%.6931 in epoch 1; the weights are "
      .. "those of epoch 1\n$", text)
    options.early_stopping.restore_best, options.validation, options.early_stopping.patience = false, set, 1
    assert.matches("\nstopped after epoch 2/9: no lower val_loss for 1 epoch; best 0%.6931 in epoch 1; the weights are "
      .. "those of epoch 2\n$", said(function() fit(options) end))
  end)
  it("by a callback", function()
    assert.matches("\nstopped after epoch 1/9: a callback ended it; best 0%.6931 in epoch 1; ", said(function()
      fit { epochs = 9, callbacks = { function(_, control) control.stop() end } }
    end))
  end)
  it("and not after the last epoch", function()
    assert.is_nil(said(function() fit { epochs = 2, early_stopping = {} } end):find("stopped", 1, true))
  end)
end)
