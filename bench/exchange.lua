-- The eight benchmarked networks, and random ones, to PyTorch and Keras and back: what these compute, and what moonbow
-- reads of their own files and of the ONNX that they export.
--   build/lua bench/exchange.lua [PYTHON [COUNT]]
-- PYTHON has torch, safetensors, onnx, onnxscript, keras, tensorflow-cpu and tf2onnx; COUNT random networks, 300 unless
-- given. Prints for each way how many agree within 1e-5 of the largest output, and the largest difference.
package.path = "spec/?.lua;bench/?.lua;" .. package.path
local mb = require "moonbow"
local lfs = require "lfs"
local cases = require "support.onnx_cases"
local networks = require "networks"

local python, count = arg[1] or "python3", tonumber(arg[2] or 300)
local LENGTH, CLASSES, BATCH, TOLERANCE = 700, 7, 4, 1e-5
local folder = os.tmpname()

local function published(name)
  mb.seed(3)
  local model, optimizer = networks.make(name, { classes = CLASSES, length = LENGTH }), mb.optim.Adam { lr = 1e-4 }
  local x = mb.rand(8, LENGTH, 1)
  model:train()
  for _ = 1, 3 do
    model(x):cross_entropy({ 1, 2, 3, 4, 5, 6, 7, 1 }):backward()
    optimizer:step(model:parameters())
  end
  x = x[{ { 1, BATCH } }]
  return { name = name, model = model:eval(), x = x, expected = mb.no_grad(model, x) }
end

-- A random network that ends in rows has them behind a Dense, so that they have no order of PyTorch's.
local function with_dense(case)
  if case.expected:rank() == 3 then return case end
  local model = mb.nn.Sequential { case.model, mb.nn.Dense { units = 3 } }
  model:build(case.model.input_shape, mb.rng(1))
  return { name = case.name, model = model:eval(), x = case.x, expected = mb.no_grad(model, case.x) }
end

-- Runs f in an empty folder, and removes it.
local function in_folder(f)
  os.remove(folder)
  assert(lfs.mkdir(folder))
  f()
  os.execute("rm -r " .. folder)
end

-- Writes the cases that export(case, path) takes, with inputs and outputs; returns their list.
local function write(list, export)
  local written = {}
  for _, case in ipairs(list) do
    local path = folder .. "/" .. case.name
    if pcall(export, case, path) then
      assert(mb.save_npy(case.x, path .. ".x.npy"))
      assert(mb.save_npy(case.expected, path .. ".y.npy"))
      written[#written + 1] = case
    end
  end
  return written
end

local function run(script) os.execute(("%s spec/support/%s %s 2>/dev/null"):format(python, script, folder)) end

-- Compares what moonbow reads of the files of others.
local function compare(title, list, import)
  local good, worst = 0, 0
  for _, case in ipairs(list) do
    local network, err = import(folder .. "/" .. case.name, case)
    if network then
      local off = (mb.no_grad(network, case.x) - case.expected):abs():max():item()
        / math.max(case.expected:abs():max():item(), 1e-30)
      good, worst = good + (off <= TOLERANCE and 1 or 0), math.max(worst, off)
    else
      print("  " .. err)
    end
  end
  print(("  %s: %d of %d agree, largest difference %.1e"):format(title, good, #list, worst))
  io.stdout:flush()
end

local function import_onnx(path) return mb.import_onnx(path .. ".onnx") end

local function through_pytorch(list, exports)
  in_folder(function()
    local written = write(list, function(case, path)
      assert(mb.export_pytorch(case.model, path .. ".safetensors", { python = path .. ".py" }))
    end)
    run "torch_compare.py"
    for _, option in ipairs(exports) do
      run("torch_export.py " .. option)
      compare("ONNX of PyTorch" .. (option == "" and ", by traces" or ", by torch.export"), written, import_onnx)
    end
  end)
end

local function through_keras(list, exports)
  in_folder(function()
    local written = write(list, function(case, path)
      for _, ending in ipairs { ".keras", ".h5", ".weights.h5" } do mb.export_keras(case.model, path .. ending) end
    end)
    run "keras_compare.py"
    for _, ending in ipairs { ".back.keras", ".back.h5" } do
      compare(ending:sub(6), written, function(path) return mb.import_keras(path .. ending) end)
    end
    if exports then
      os.execute(("rm %s/*.back.*"):format(folder))
      run "keras_export.py"
      compare("ONNX of Keras, by tf2onnx", written, import_onnx)
    end
  end)
end

local function announce(title)
  print(title)
  io.stdout:flush()
end

announce "random networks"
local random, with_rows = cases.random(1, count, BATCH), {}
for i, case in ipairs(random) do with_rows[i] = with_dense(case) end
through_pytorch(with_rows, {})
through_keras(random, false)
announce "benchmarked networks" -- all at once, so that each program starts once
local benchmarked = {}
for i, name in ipairs(networks.names) do benchmarked[i] = published(name) end
through_pytorch(benchmarked, { "", "--dynamo" })
through_keras(benchmarked, true)
