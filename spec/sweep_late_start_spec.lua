-- Halving and a configuration that starts late: batch norm at Keras' momentum on the challenge set, whose running
-- statistics hold its validation at chance for the first epochs (docs/measurements/benchmark.md). The network is small.
local mb = require "moonbow"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

local LATE = [[
local mb = require "moonbow"
local nn = mb.nn

local function network(norm, classes)
  local layers = {}
  for _, filters in ipairs { 8, 16 } do
    layers[#layers + 1] = nn.Conv1d { filters = filters, kernel = 9, stride = filters == 8 and 4 or 2 }
    if norm == "batch" then layers[#layers + 1] = nn.BatchNorm1d { momentum = 0.99 } end
    layers[#layers + 1] = nn.ReLU {}
    layers[#layers + 1] = nn.MaxPool1d { size = 4 }
  end
  layers[#layers + 1] = nn.Flatten {}
  layers[#layers + 1] = nn.Dense { units = 64, activation = "relu" }
  layers[#layers + 1] = nn.Dense { units = classes }
  return nn.Sequential(layers)
end

return {
  space = { norm = { "none", "batch" } }, objective = "accuracy", seeds = { 1 }, strategy = STRATEGY,
  run = function(config, trial)
    local set = mb.data.challenge { train = 8, validation = 4, seed = trial.seed, normalize = true }
    local model = network(config.norm, #set.classes)
    mb.fit(model, set.train, { epochs = EPOCHS, batch_size = 16, optimizer = mb.optim.Adam { lr = 3e-4 },
      seed = trial.seed, verbose = false, validation = set.validation,
      callbacks = { function(record) trial:report(record.epoch, { accuracy = record.val_accuracy }) end } })
    return { accuracy = mb.evaluate(model, set.test).accuracy }
  end,
}
]]

-- Returns the accuracy of each configuration in each epoch, the results, and the folder.
local function run(strategy, epochs)
  local path, options = files.new((LATE:gsub("%u%u%u+", { STRATEGY = strategy, EPOCHS = epochs })))
  sweep.run(path, options)
  sweep.collect(path, { out = options.out })
  local results, folder = files.results(path, options)
  local curves, by_norm = {}, {}
  for _, result in pairs(results) do
    local curve = {}
    for _, report in ipairs(result.reports) do curve[report.step] = report.metrics.accuracy end
    curves[result.config.norm], by_norm[result.config.norm] = curve, result
  end
  return curves, by_norm, files.read(folder.path .. "/page.html")
end

describe("batch norm at momentum 0.99 on the challenge set", function()
  local CHANCE = 1 / 27

  it("is at chance when it is judged, and as good as without batch norm in the end", function()
    local curves, results = run('"grid"', "30")
    assert.is_true(curves.batch[3] < 2.5 * CHANCE)
    assert.is_true(curves.none[3] > 2 * curves.batch[3])
    assert.is_true(results.batch.metrics.accuracy > 8 * CHANCE)
    assert.is_true(results.batch.metrics.accuracy > 0.9 * results.none.metrics.accuracy)
  end)

  it("is stopped by halving, and the page says that it may have started late", function()
    local curves, results, page = run('{ "asha", trials = 2, steps = 4, first = 3, reduction = 2, seed = 2 }', "4")
    assert.same({ "done", "stopped" }, { results.none.status, results.batch.status })
    assert.equal(3, #curves.batch)
    assert.matches("1 trial was stopped early. <b>1 of them had not begun to improve", page, 1, true)
  end)
end)
