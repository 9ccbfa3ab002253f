-- Exports models as ONNX and compares what ONNX Runtime makes of them with moonbow: the eight benchmarked networks
-- after a few steps of training and other published ones, each step of preprocessing, fitted models, random networks.
--   build/lua bench/onnx.lua [PYTHON [COUNT]]
-- PYTHON has onnx and onnxruntime (python3 -m venv DIR; DIR/bin/pip install onnx onnxruntime); COUNT random networks,
-- 300 unless given. Ends with code 1 if a file is refused or differs by more than 1e-5 of the largest output.
package.path = "spec/?.lua;bench/?.lua;" .. package.path
local mb = require "moonbow"
local lfs = require "lfs"
local cases = require "support.onnx_cases"
local networks = require "networks"

local python, count = arg[1] or "python3", tonumber(arg[2] or 300)
local LENGTH, CLASSES, BATCH = 700, 7, 128

local function train(model)
  mb.seed(3)
  local x, y = mb.rand(8, LENGTH, 1), { 1, 2, 3, 4, 5, 6, 7, 1 }
  local optimizer = mb.optim.Adam { lr = 1e-4 }
  model:train()
  for _ = 1, 3 do
    model(x):cross_entropy(y):backward()
    optimizer:step(model:parameters())
  end
  return model:eval()
end

local function published(name, make)
  local model = train(make { classes = CLASSES, length = LENGTH })
  local x = mb.rand(BATCH, LENGTH, 1)
  return { name = name, model = model, options = {}, x = x, expected = mb.no_grad(model, x) }
end

local folder = os.tmpname()
os.remove(folder)
assert(lfs.mkdir(folder))

-- Writes the files of some cases, lets Python compare and remove them; true if all agree.
local function compare(title, list)
  for _, case in ipairs(list) do cases.write(case, folder) end
  print(title)
  io.stdout:flush()
  return os.execute(("%s spec/support/onnx_compare.py %s"):format(python, folder)) or false
end

local is_good = true
for _, name in ipairs(networks.names) do
  local function make(options) return networks.make(name, options) end
  is_good = compare(name, { published(name, make) }) and is_good
end
for _, name in ipairs { "schuetzke2021", "cui2018", "cnn", "one_convolution", "logistic_regression" } do
  is_good = compare(name, { published(name, mb.models[name]) }) and is_good
end
local function small_vgg16(options)
  options.units = { 64 } -- with its own, the file has 0.5 GB
  return mb.models.vgg16(options)
end
is_good = compare("vgg16", { published("vgg16", small_vgg16) }) and is_good
is_good = compare("steps of preprocessing", cases.preprocessing(BATCH)) and is_good
is_good = compare("steps on spectra with an offset", cases.offsets(BATCH)) and is_good
is_good = compare("fitted models", cases.fitted(20)) and is_good
is_good = compare("layers on long spectra", cases.long(20)) and is_good
is_good = compare("random networks", cases.random(1, count, BATCH)) and is_good
is_good = compare("random graphs", cases.graphs(1, 60, BATCH)) and is_good
lfs.rmdir(folder)
os.exit(is_good and 0 or 1, true)
