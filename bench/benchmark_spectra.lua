-- Times networks on the general set of the published benchmark, whose spectra are zero between their peaks:
-- docs/measurements/convolution.md, "Flat results".
--   lua bench/benchmark_spectra.lua [--networks cnn6,vgg] [--model FILE] [--threads N]
-- FILE: the model.safetensors of a run of experiments/universal_benchmark.lua, in place of new networks.
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path
local argparse = require "argparse"
local mb = require "moonbow"
local measure = require "measure"
local networks = require "networks"

local BATCH = 128
local KNOWN = table.concat(networks.names, ",")

local function names_of(text)
  local names = {}
  for name in text:gmatch "[^,%s]+" do
    if not ("," .. KNOWN .. ","):find("," .. name .. ",", 1, true) then
      return nil, ("no network '%s'; known are %s"):format(name, KNOWN)
    end
    names[#names + 1] = name
  end
  return names
end

local parser = argparse("lua bench/benchmark_spectra.lua", "Times networks on spectra of the published benchmark.")
parser:option("--networks", "which, with commas", KNOWN):convert(names_of)
parser:option("--model", "a trained network in place of new ones")
parser:option("--threads", "how many", "2"):convert(math.tointeger)
local args = parser:parse()
mb.threads(args.threads)
local set = mb.data.universal { normalize = true }

-- A function that returns the next batch of spectra and labels, drawn from the training set.
local function batches()
  local rng = mb.rng(1)
  return function()
    local rows = rng:integers(1, set.train.x:size(1), { endpoint = true, shape = { BATCH } })
    return set.train.x:index(rows), set.train.y:index(rows)
  end
end

local function training(model)
  local optimizer, parameters, next_batch = mb.optim.Adam { lr = 1e-7 }, model:parameters(), batches()
  model:train()
  local times = {}
  for step = 1, 15 do
    local x, y = next_batch()
    local seconds = measure.runs(function()
      local output <close> = model(x)
      local loss <close> = output:cross_entropy(y)
      loss:backward()
      optimizer:step(parameters)
    end, { warm_up = 0, least = 1 })
    if step > 3 then times[#times + 1] = seconds[1] end
  end
  return BATCH / measure.median(times)
end

local function inference(model)
  local x = batches()()
  model:eval()
  local times = measure.runs(function() mb.no_grad(model, x):close() end, { warm_up = 2, least = 5 })
  return BATCH / measure.median(times)
end

local function show(name, model)
  print(("%-8s %7.0f spectra a second in training %7.0f in inference"):format(name, training(model), inference(model)))
end

if args.model then
  show("trained", assert(mb.load(args.model)))
else
  for _, name in ipairs(args.networks) do
    local model = networks.make(name, { classes = #set.classes })
    model:build { set.train.x:size(2), 1 }
    show(name, model)
  end
end
