-- Claim 4 of the review: with a single filter per convolution, the output of a random network is often zero, because a
-- negative filter turns a positive peak into negative values, which ReLU cuts off.
--
-- The script counts untrained networks by initialiser, depth, filters and activation. "Empty": the last map is zero
-- (below 1e-7) for more than 99 % of the spectra. "Blind": for more than half of the spectra the last map is the same
-- without the peak. It also counts trained networks that stay at chance or end empty: training can empty a network, and
-- an empty network gets no gradient. For broad non-negative input, the theory of dying ReLUs gives the share
-- 1 - 2^-depth (Lu et al. 2020). Without biases, Glorot's and He's values differ by a factor, which cannot matter here.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "single_filter", claim = "A single random filter gives an empty output",
  trial = { ["glorot, depth 1"] = 0.095, ["glorot, depth 2"] = 0.115, ["glorot, depth 3"] = 0.135,
    ["he, depth 1"] = 0.083, ["he, depth 2"] = 0.147, ["he, depth 3"] = 0.130, ["torch, depth 1"] = 0.150,
    ["torch, depth 2"] = 0.323, ["torch, depth 3"] = 0.472, ["torch, depth 3, 2 filters"] = 0.175,
    ["torch, depth 3, 4 filters"] = 0.015, ["glorot, depth 3, width 2-6"] = 0.025,
    ["glorot, depth 3, width 10-30"] = 0.23, ["glorot, trained, at chance"] = 0.10,
    ["torch, trained, at chance"] = 0.85 },
  trains = true, seeds = { full = 400, quick = 200 },
  settings = { spectra = { 64, 64 }, trained = { 60, 0 }, n = { 1000, 300 }, epochs = { 60, 3 } },
  about = { spectra = "spectra on which a network is empty or not",
    trained = "how many networks of a kind are trained", n = "training spectra", epochs = "epochs of each training" },
}
local s = run.settings

-- PyTorch's default: weights and biases uniform within 1 / sqrt(fan in).
local function torch(rng, shape, fan_in)
  return rng:uniform(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), shape)
end
local schemes = { glorot = { "glorot_uniform", "zeros" }, he = { "he_uniform", "zeros" }, torch = { torch, torch } }

-- Makes convolutions with kernels 20, 15, 10, each followed by max-pooling 2: "the network" of this claim.
local function body(scheme, depth, filters, activation)
  local layers = {}
  for i = 1, depth do
    table.insert(layers, mb.nn.Conv1d { filters = filters, kernel = ({ 20, 15, 10 })[i], padding = "same",
      activation = activation or "relu", initializer = schemes[scheme][1], bias_initializer = schemes[scheme][2] })
    table.insert(layers, mb.nn.MaxPool1d { size = 2 })
  end
  return layers
end

local function data(options)
  options.n, options.test, options.parts = s.spectra, 1, true
  return mb.data.single_peak(options)
end
local clean = { noise = 0, background = 0, width = { 5, 15 } }
local inputs = { ["width 5-15"] = clean, ["width 2-6"] = { noise = 0, background = 0, width = { 2, 6 } },
  ["width 10-30"] = { noise = 0, background = 0, width = { 10, 30 } },
  ["noise and background"] = { width = { 5, 15 } } }
local sets = {}
for name, options in pairs(inputs) do sets[name] = data(options).train end

-- Returns the share of spectra for which a map is zero.
local function zeros(map) return map:reshape(#map, -1):abs():max(2):lt(1e-7):mean():item() end

local streams = {} -- one for each kind of network, so that their shares are independent
local function stream_of(name)
  if not streams[name] then
    streams[name], streams.last = streams.last or 0, (streams.last or 0) + 1
  end
  return streams[name]
end

-- Returns true if the last map is empty, and true if it is blind to the peak.
local function look(name, seed, part, ...)
  local model = mb.nn.Sequential(body(...))
  model:build({ 1000, 1 }, mb.rng { seed, stream_of(name) })
  mb.no_grad(function()
    local y = model(part.x)
    run:add(name, zeros(y) > 0.99 and 1 or 0)
    if part == sets["noise and background"] then
      run:add(name .. " @ blind", zeros(y - model(part.x - part.peak)) > 0.5 and 1 or 0)
    end
  end)
end

local set = sets["width 5-15"]
for seed in run:each_seed() do
  for _, scheme in ipairs { "glorot", "he", "torch" } do
    for depth = 1, 3 do look(("%s, depth %d"):format(scheme, depth), seed, set, scheme, depth, 1) end
    for _, filters in ipairs { 2, 4, 8 } do
      look(("%s, depth 3, %d filters"):format(scheme, filters), seed, set, scheme, 3, filters)
    end
    look(scheme .. ", depth 3, noise and background", seed, sets["noise and background"], scheme, 3, 1)
  end
  for _, width in ipairs { "width 2-6", "width 10-30" } do
    look("glorot, depth 3, " .. width, seed, sets[width], "glorot", 3, 1)
  end
  for _, activation in ipairs { "leaky_relu", "elu", "gelu", "tanh", "softplus" } do
    look("glorot, depth 3, " .. activation, seed, set, "glorot", 3, 1, activation)
  end
  for _, scheme in ipairs(seed - run.first_seed < s.trained and { "glorot", "torch" } or {}) do
    local convolutions = mb.nn.Sequential(body(scheme, 3, 1))
    local model = mb.nn.Sequential { convolutions, mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    local some = mb.data.single_peak { n = s.n, test = 500,
      width = { 5, 15 }, noise = 0, background = 0, seed = seed }
    run:train(model, some, s.epochs, seed)
    run:add(scheme .. ", trained, at chance", mb.evaluate(model, some.test).accuracy < 0.6 and 1 or 0)
    run:add(scheme .. ", trained, empty", zeros(mb.no_grad(convolutions, set.x)) > 0.99 and 1 or 0)
  end
end

-- Only the spectra of the claim decide; narrower peaks, noise and background are measured against it.
local condition = "on clean peaks of width 5 to 15, depth 3, "
run:rule { condition .. "more than 1 in 20 networks of one filter are empty with Glorot's initial values",
  "glorot, depth 3", above = 0.05 }
run:rule { condition .. "more than 1 in 4 networks of one filter are empty with PyTorch's initial values",
  "torch, depth 3", above = 0.25 }
run:rule { condition .. "fewer than 1 in 20 networks of 8 filters are empty with PyTorch's initial values",
  "torch, depth 3, 8 filters", below = 0.05 }

local shown, labels = { "glorot", "he", "torch" }, { "depth 1", "depth 2", "depth 3" }
local series = { { values = { 0.5, 0.75, 0.875 }, label = "theory, broad input" } }
for i, scheme in ipairs(shown) do
  series[i + 1] = run:series(scheme .. ", %s", labels, { label = scheme, error = false })
end
run:figure("empty_networks", mb.plot.bars { title = "Networks of one filter per layer with an empty output",
  categories = labels, y_label = "share", y_range = { 0, 1 }, series = series })
run:finish()
