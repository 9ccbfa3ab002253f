-- How the benchmarks process their measurements: kept results, medians, tables. Nothing is timed.
package.path = "bench/?.lua;" .. package.path
local measure = require "measure"
local results = require "results"
local tables = require "tables"

local setting = { processor = "a processor", threads = 2, length = 5000, classes = 500, batch = 128 }

describe("measuring", function()
  it("takes medians", function()
    assert.equal(2, measure.median { 3, 1, 2 })
    assert.equal(2.5, measure.median { 4, 1, 3, 2 })
  end)
  it("warms up, runs the least number of times and fills the time", function()
    local calls = 0
    local times = measure.runs(function() calls = calls + 1 end, { warm_up = 2, least = 5 })
    assert.same({ 5, 7 }, { #times, calls })
    local sum = 0
    for _, seconds in ipairs(measure.runs(function() end, { seconds = 1e-3 })) do sum = sum + seconds end
    assert.is_true(sum >= 1e-3)
  end)
end)

describe("results", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("stay until a cell is measured again", function()
    local store = results.open(path, true, setting)
    results.put(store, "cnn2", "training", "moonbow", { seconds = { 1 } })
    results.put(store, "cnn2", "training", "pytorch", { seconds = { 3 } })
    results.write(store)
    store = results.open(path, false, setting)
    results.put(store, "cnn2", "training", "moonbow", { seconds = { 2 } })
    results.write(store)
    local cells = results.read(path).cells.cnn2.training
    assert.same({ { 2 }, { 3 } }, { cells.moonbow.seconds, cells.pytorch.seconds })
  end)
  it("belong to one machine and setting", function()
    results.write(results.open(path, true, setting))
    local other = { processor = "another", threads = 2, length = 5000, classes = 500, batch = 128 }
    assert.error_matches(function() results.open(path, false, other) end,
      "another machine or setting %(a processor%)")
    assert.same({}, results.open(path, true, other).cells)
  end)
end)

describe("tables", function()
  -- 1 G multiply-adds: 768 GFLOP in a training step of 128 spectra, 256 in an inference.
  local function cell(seconds, more)
    more = more or {}
    more.seconds = { seconds, seconds * 10, seconds }
    return more
  end
  local store = {
    setting = setting, versions = { pytorch = "9.9" },
    networks = {
      cnn2 = { macs = 1e9, weight_bytes = 5e6, memory_seconds = 0.001, again_seconds = 0.0005, trip_seconds = 5e-8 },
      vgg = { macs = 1e9 },
    },
    cells = {
      cnn2 = {
        training = {
          moonbow = cell(2, { product_rate = 192, peak_mb = 100 }), pytorch = cell(8, { peak_mb = 300 }),
          tensorflow = cell(4),
        },
        latency = { moonbow = cell(0.002), onnxruntime = cell(0.003), pytorch = { not_run = "over 9 s" } },
      },
      vgg = { training = { moonbow = cell(1, { product_rate = 192 }), pytorch = cell(9) } },
    },
  }
  local text = tables.frameworks(store)

  local function row(name, number)
    local found = {}
    for line in text:gmatch "[^\n]+" do
      if line:find("^| " .. name .. " ") then found[#found + 1] = line:gsub(" +", " ") end
    end
    return found[number]
  end

  it("show rates, shares of the matrix product, and ratios to one peer and to the best", function()
    assert.equal("| cnn2 | 192 | 384 | 2.00 | 64.0 | 16.0 | 32.0 | 4.00 | 2.00 |", row("cnn2", 1))
    assert.equal("| vgg | 192 | 768 | 4.00 | 128 | 14.2 | | 9.00 | 9.00 |", row("vgg", 1))
  end)
  it("end in geometric means", function()
    assert.equal("| geometric mean | | | 2.83 | | | | 6.00 | 4.24 |", row("geometric mean", 1))
  end)
  it("show memory, latency with the time to read the weights, and why something was not run", function()
    assert.equal("| cnn2 | 100 | 300 | | 3.00 |", row("cnn2", 2))
    local latency = "| cnn2 | 2.00 | not run: over 9 s | 3.00 | 1.50 | 5.00 | 1.00 | 2.00 | 0.50 | 4.00 | 50.0 |"
    assert.equal(latency, row("cnn2", 3))
    assert.is_nil(row("cnn2", 4)) -- no inference was measured
  end)
  it("are headed by processor and versions", function()
    assert.matches("^a processor, 2 threads, 5000 points, 500 classes; pytorch 9%.9\n", text)
  end)
end)
