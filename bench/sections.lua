-- The measurements of scaling.lua: each has measure(args, before), which returns numbers to keep (before: the numbers
-- of an earlier run), and show(numbers), which returns them as text.
local mb = require "moonbow"
local measure = require "measure"
local networks = require "networks"
local peers = require "peers"
local tables = require "tables"

local digits, median, progress = tables.digits, measure.median, measure.progress

local function labels(count, classes)
  return mb.rng(1):integers(1, classes, { endpoint = true, shape = { count } })
end

-- Returns a function that makes a training step, and one that predicts, on random spectra.
local function steps_of(model, length, classes, batch)
  local x, y = mb.rand(batch, length, 1), labels(batch, classes)
  local optimizer, parameters = mb.optim.Adam { lr = 3e-4 }, model:parameters()
  local function train()
    local output <close> = model(x)
    local loss <close> = output:cross_entropy(y)
    loss:backward()
    optimizer:step(parameters)
  end
  return train, function() mb.no_grad(model, x):close() end
end

local function start(model, length)
  model:build { length, 1 }
  collectgarbage()
  mb.release_memory()
  return model
end

-- ---- lengths and batches ----

local LENGTHS, BATCHES = { 500, 1000, 2000, 5000, 10000, 20000 }, { 1, 2, 8, 32, 128, 512 }
local MOST_POINTS = 128 * 20000 -- points of a batch, so that memory suffices

local linear = { name = "linear" }

function linear.measure()
  local cells = {}
  for _, length in ipairs(LENGTHS) do
    -- With a global head, the parameters do not grow with the length.
    local model = start(networks.make("cnn3", { classes = 500, head = "global", units = {} }), length)
    for _, batch in ipairs(BATCHES) do
      if batch * length <= MOST_POINTS then
        local train, predict = steps_of(model, length, 500, batch)
        model:train()
        local training = median(measure.runs(train, { seconds = 0.3 }))
        model:eval()
        local inference = median(measure.runs(predict, { seconds = 0.2 }))
        cells[#cells + 1] = { length = length, batch = batch, training = training, inference = inference }
        progress("length %5d, batch %3d: %s ms, %s ms", length, batch, digits(training * 1e3),
          digits(inference * 1e3))
      end
    end
  end
  return cells
end

function linear.show(cells)
  local parts = {}
  for _, what in ipairs { "training", "inference" } do
    local rows = { { "length" } }
    for i, batch in ipairs(BATCHES) do rows[1][i + 1] = "batch " .. batch end
    for _, length in ipairs(LENGTHS) do
      local row = { tostring(length) }
      for i, batch in ipairs(BATCHES) do
        row[i + 1] = ""
        for _, cell in ipairs(cells) do
          if cell.length == length and cell.batch == batch then
            row[i + 1] = digits(cell[what] / (length * batch) * 1e9)
          end
        end
      end
      rows[#rows + 1] = row
    end
    parts[#parts + 1] = ("Nanoseconds per point of a spectrum, %s (cnn3 with a global head)"):format(what)
    parts[#parts + 1] = tables.format(rows)
  end
  return table.concat(parts, "\n\n")
end

-- ---- threads ----

local threads = { name = "threads" }

-- Measures medians with one and with two threads, alternating, so that drift affects both alike.
local function one_and_two(f)
  local times = { {}, {} }
  for round = 0, 3 do
    for count = 1, 2 do
      mb.threads(count)
      local seconds = measure.runs(f, { warm_up = round == 0 and 1 or 0, least = 1, seconds = 0.2 })
      if round > 0 then times[count][round] = median(seconds) end
    end
  end
  return { median(times[1]), median(times[2]) }
end

-- Measures the machine's own gain, with a product so large that nothing else limits it.
local function product_gain()
  local a, b = mb.rand(2000, 2000), mb.rand(2000, 2000)
  return one_and_two(function() a:matmul(b):close() end)
end

function threads.measure(args, cells)
  cells.product = product_gain()
  for _, name in ipairs(args.networks) do
    local model = start(networks.make(name, { classes = 500 }), 5000)
    local train, predict = steps_of(model, 5000, 500, args.batch)
    model:train()
    local training = one_and_two(train)
    model:eval()
    cells[name] = { training = training, inference = one_and_two(predict), batch = args.batch }
    progress("%-7s training %.2f, inference %.2f", name, training[1] / training[2],
      cells[name].inference[1] / cells[name].inference[2])
  end
  mb.threads(args.threads)
  return cells
end

function threads.show(cells)
  local rows = { { "network", "training 1, ms", "2", "gain", "inference 1, ms", "2", "gain" } }
  local batch
  for _, name in ipairs(networks.names) do
    local cell = cells[name]
    if cell then
      local row = { name }
      for _, times in ipairs { cell.training, cell.inference } do
        for _, value in ipairs { times[1] * 1e3, times[2] * 1e3, times[1] / times[2] } do
          row[#row + 1] = digits(value)
        end
      end
      rows[#rows + 1], batch = row, cell.batch
    end
  end
  return ("One thread and two, batch %d; a matrix product gains %.2f\n\n%s"):format(batch,
    cells.product[1] / cells.product[2], tables.format(rows))
end

-- ---- a small network ----

local small = { name = "small" }

local function make_small()
  return mb.models.cnn { classes = 10, filters = { 16, 32, 32 }, kernel = { 5, 5, 3 }, pool = { 2, 2, 1 } }
end

-- Runs a batch of mb.fit, with all its work besides the step.
local function fit_seconds()
  local batches = 100
  local set = { x = mb.rand(16 * batches, 200, 1), y = labels(16 * batches, 10) }
  local model = start(make_small(), 200)
  return median(measure.runs(function()
    mb.fit(model, set, { epochs = 1, batch_size = 16, verbose = false })
  end)) / batches
end

function small.measure(args)
  local cells = { { what = "training step" }, { what = "inference" }, { what = "inference of one" } }
  local job = { config = make_small():config(), length = 200, classes = 10, batch = 16, seconds = 1,
    threads = args.threads }
  for _, peer in ipairs(peers.among { "moonbow", "pytorch", "pytorch-compiled" }) do
    progress("%s", peer.name)
    local found, reason = peers.run(peer, job, { "training", "inference", "latency" }, 120)
    if reason then progress("%s: %s", peer.name, reason) end
    for i, cell in ipairs(cells) do cell[peer.name] = found[i + 1] and median(found[i + 1].seconds) end
  end
  cells[4] = { what = "a batch of mb.fit", moonbow = fit_seconds() }
  return cells
end

function small.show(cells)
  local rows = { { "microseconds", "moonbow", "pytorch", "pytorch-compiled", "× pytorch" } }
  for i, cell in ipairs(cells) do
    local row = { cell.what }
    for j, name in ipairs { "moonbow", "pytorch", "pytorch-compiled" } do
      row[j + 1] = digits(cell[name] and cell[name] * 1e6)
    end
    row[5] = digits(cell.pytorch and cell.pytorch / cell.moonbow)
    rows[i + 1] = row
  end
  return "Three convolutions (16, 32, 32 filters), length 200, batch 16\n\n" .. tables.format(rows)
end

-- ---- single operations ----

local operations = { name = "operations" }

function operations.measure()
  local x, y, w = mb.rand(10), mb.rand(10), mb.rand(10):param()
  local cells = {}
  for _, entry in ipairs {
    { "x + y", function() return x + y end }, { "x * 2", function() return x * 2 end },
    { "x:relu()", function() return x:relu() end }, { "x:exp()", function() return x:exp() end },
    { "x:sum()", function() return x:sum() end }, { "w + y, recorded", function() return w + y end },
    { "w:relu(), recorded", function() return w:relu() end },
    { "(w * y):sum():backward()", function()
      (w * y):sum():backward()
      w.grad = nil
    end },
  } do
    local f, count = entry[2], 20000
    local seconds = median(measure.runs(function()
      for _ = 1, count do f() end
    end, { least = 5 }))
    cells[#cells + 1] = { operation = entry[1], nanoseconds = seconds / count * 1e9 }
  end
  return cells
end

function operations.show(cells)
  local rows = { { "operation", "nanoseconds" } }
  for i, cell in ipairs(cells) do rows[i + 1] = { "`" .. cell.operation .. "`", digits(cell.nanoseconds) } end
  return "Operations on a tensor of 10 elements, with the collector's work\n\n" .. tables.format(rows)
end

-- ---- memory ----

local memory = { name = "memory" }

function memory.measure(args, cells)
  for _, name in ipairs(args.networks) do
    local model = start(networks.make(name, { classes = 500 }), 5000)
    local train = steps_of(model, 5000, 500, 8)
    model:train()
    for _ = 1, 5 do train() end
    local before, held = measure.resident "VmRSS", mb.memory()
    for _ = 1, 10 do train() end
    local after = mb.memory()
    cells[name] = {
      resident = measure.resident "VmRSS" - before,
      pool = (after.live + after.cached - held.live - held.cached) / 1e6,
    }
    progress("%-7s grew by %.2f MB", name, cells[name].resident)
  end
  return cells
end

function memory.show(cells)
  local rows = { { "network", "resident, MB per step", "pool, MB per step" } }
  for _, name in ipairs(networks.names) do
    local cell = cells[name]
    rows[#rows + 1] = cell and { name, ("%.3f"):format(cell.resident / 10), ("%.3f"):format(cell.pool / 10) }
  end
  return "Growth of memory over ten training steps after five\n\n" .. tables.format(rows)
end

return { linear, threads, small, operations, memory }
