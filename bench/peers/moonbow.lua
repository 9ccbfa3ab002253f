-- moonbow as one of the peers: moonbow.lua MODE JOB.json SECTION,... (see bench/frameworks.lua).
local bench = arg[0]:match "^(.*/)peers/" or "./"
package.path = bench .. "?.lua;" .. package.path
local json = require "cjson"
local mb = require "moonbow"
local measure = require "measure"
local networks = require "networks"

local job = json.decode(assert(io.open(arg[2])):read "a")
mb.threads(job.threads)
mb.seed(1)

local model = mb.nn.from_config(job.config)
model:build { job.length, 1 }
local parameters = model:parameters()

local function emit(result)
  io.write(json.encode(result), "\n")
  io.flush()
end

local function batch(size)
  local labels = mb.rng(1):integers(1, job.classes, { endpoint = true, shape = { size } })
  return mb.rand(size, job.length, 1), labels
end

local sections = {}

function sections.training()
  local x, y = batch(job.batch)
  local optimizer = mb.optim.Adam { lr = 3e-4 }
  model:train()
  local function step()
    local output <close> = model(x)
    local loss <close> = output:cross_entropy(y)
    loss:backward()
    optimizer:step(parameters)
  end
  return measure.runs(step, { warm_up = 2, seconds = job.seconds })
end

local function inference(size)
  local x = batch(size)
  model:eval()
  return measure.runs(function() mb.no_grad(model, x):close() end, { warm_up = 2, seconds = job.seconds })
end

function sections.inference() return inference(job.batch) end
function sections.latency() return inference(1) end

emit {
  version = "moonbow", parameters = model:count_parameters(), macs = networks.multiply_adds(model, job.length),
}
for section in arg[3]:gmatch "[^,]+" do
  collectgarbage()
  emit { section = section, seconds = sections[section](), peak_mb = measure.resident "VmHWM" }
end
