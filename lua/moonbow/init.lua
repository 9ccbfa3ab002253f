--- moonbow: 1-D neural networks on spectra. See README.md, and mb.help(anything).
local core = require "moonbow.core"
core.set_own_source(debug.getinfo(1, "S").source:match "^(.-)init%.lua$" or "@moonbow/")

local autograd = require "moonbow.autograd"
local random = require "moonbow.random"
local shown = require "moonbow.shown"

local mb = {
  --- The version, as "0.2.0".
  VERSION = core.version,
  no_grad = autograd.no_grad,
  operation = autograd.operation,
  rng = random.rng,
  seed = random.seed,
}

for name, f in pairs(require "moonbow.tensor") do mb[name] = f end

--- Sets the number of threads of kernels; without an argument only returns it. The initial number is OMP_NUM_THREADS,
-- else one per processor. Results do not depend on it. Each Lua state has its own number.
-- @param count? integer at most 64, or as many as there are processors
-- @return integer
function mb.threads(count) return core.threads(count) end

--- Sets how convolutions are computed from now on. The results differ by rounding. Each Lua state has its own
-- algorithm.
-- @param algorithm string "automatic" (initially: the cheapest for each shape), "direct", or "fft" (by transforms of
--   short pieces; only without dilation)
mb.convolution_algorithm = core.set_conv1d_algorithm

local memory = shown.kind("memory", function(bytes)
  return ("tensors hold %.1f MB (at most %.1f MB so far); %.1f MB more are kept for reuse"):format(bytes.live / 1e6,
    bytes.peak / 1e6, bytes.cached / 1e6)
end)

--- Returns the bytes in use by tensors (live), kept for reuse (cached), and in use at the most since the start or the
-- last mb.release_memory (peak).
-- @return table { live, cached, peak }
function mb.memory()
  local live, cached, peak = core.memory()
  return memory { live = live, cached = cached, peak = peak }
end

--- Collects garbage, and returns memory that is kept for reuse to the system. The peak of mb.memory starts again.
mb.release_memory = core.release_memory

-- Folders that are modules of their own, and those whose functions are mb's.
for _, name in ipairs { "nn", "plot", "models", "experiment", "data", "sweep", "spectra", "xrd", "explain" } do
  mb[name] = require("moonbow." .. name)
end
for _, name in ipairs { "train", "baselines", "io", "exchange" } do
  for key, value in pairs(require("moonbow." .. name)) do mb[key] = value end
end
for name, f in pairs(require "moonbow.data.class_numbers") do mb[name] = f end
for name, f in pairs(require "moonbow.judging") do mb[name] = f end
mb.preprocess = require "moonbow.data.preprocess"
mb.pipeline = require("moonbow.pipeline").new
mb.cross_validate = require "moonbow.pipeline.cross_validate"
mb.compare = require "moonbow.pipeline.compare"
mb.audit = require "moonbow.audit"
mb.gradcheck = require "moonbow.gradcheck"

mb.help = require("moonbow.help")(mb)

require("moonbow.counted").functions(mb, "", { convolution_algorithm = 1, release_memory = 0 })
local renamed = require "moonbow.renamed"
renamed.guard(mb.data, "mb.data.", renamed.of_data)
return renamed.guard(mb, "mb.", renamed.of_mb)
