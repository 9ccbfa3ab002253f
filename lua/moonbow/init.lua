--- moonbow: 1-D neural networks on spectra. See README.md, and mb.help(anything).
local core = require "moonbow.core"
core.set_own_source(debug.getinfo(1, "S").source:match "^(.-)init%.lua$" or "@moonbow/")

local autograd = require "moonbow.autograd"
local random = require "moonbow.random"

local mb = {
  no_grad = autograd.no_grad,
  operation = autograd.operation,
  rng = random.rng,
  seed = random.seed,
}

for name, f in pairs(require "moonbow.tensor") do mb[name] = f end

--- How many threads kernels use: mb.threads(2) sets it, mb.threads() tells. At most 64, or as many as there are
-- processors; at first that of OMP_NUM_THREADS, else one per processor. Results do not depend on it. Each Lua state
-- has its own number.
function mb.threads(count) return core.threads(count) end

--- How convolutions are computed from now on: "automatic" (default: by what the shape costs), "direct", or
-- "spectral" (through transforms of short pieces; where there is no dilation). The results differ by rounding. Each
-- Lua state has its own way.
mb.convolution_way = core.set_conv1d_way

--- {live, cached, peak}: bytes held by tensors, bytes kept for reuse, most bytes ever held.
function mb.memory()
  local live, cached, peak = core.memory()
  return { live = live, cached = cached, peak = peak }
end

--- Collects garbage and gives memory that is kept for reuse back to the system.
mb.release_memory = core.release_memory

mb.nn = require "moonbow.nn"
mb.plot = require "moonbow.plot"
mb.models = require "moonbow.models"
mb.optim = require "moonbow.optim"
mb.split = require "moonbow.split"
mb.fit = require "moonbow.train.fit"
local evaluation = require "moonbow.train.evaluate"
mb.evaluate, mb.predict, mb.recalibrate = evaluation.evaluate, evaluation.predict, evaluation.recalibrate
mb.profile = require "moonbow.profile"
mb.forest = require "moonbow.forest"
mb.neighbours = require "moonbow.neighbours"
mb.linear = require "moonbow.linear"
mb.probe = require "moonbow.probe"
mb.experiment = require "moonbow.experiment"
mb.preprocess = require "moonbow.preprocess"
mb.safetensors = require "moonbow.safetensors"
mb.limits = require "moonbow.limits"
local store = require "moonbow.store"
mb.save, mb.load = store.save, store.load
for name, f in pairs(require "moonbow.npy") do mb[name] = f end
mb.data = {
  border_peaks = require "moonbow.data.border_peaks",
  challenge = require "moonbow.data.challenge",
  classes = require "moonbow.data.classes",
  read_csv = require "moonbow.data.read_csv",
  single_peak = require "moonbow.data.single_peak",
  universal = require "moonbow.data.universal",
  verification = require "moonbow.data.verification",
}

mb.help = require("moonbow.help")(mb)

return require("moonbow.counted").functions(mb, "", { convolution_way = 1, release_memory = 0 })
