-- Networks identify phases in powder patterns, as the talk begins: better than what was done before?
--
-- On simulated patterns of 1 to 3 of 13 minerals, with strain, texture, backgrounds, humps and counting noise, the
-- script compares a network with votes and subtraction, a refined full-profile fit, and dissimilarities: how often all
-- phases are found, how often the largest one, how far weights are off, what 80 % of the votes are worth, and whether a
-- method says that a phase is not among its candidates. The network is trained once more without each part of its
-- training patterns. With $MOONBOW_DATA, a full run does the same on measured patterns.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local measured_phases = require "lib.measured_phases"
local minerals = require "lib.minerals"
local nn = mb.nn

local run <close> = mb.experiment.start {
  name = "phase_identification", claim = "Networks identify phases better than fits and dissimilarities do",
  seeds = { full = 3, quick = 1 },
  settings = { n = { 150, 12 }, test = { 8, 1 }, epochs = { 20, 3 }, points = { 3001, 1001 } },
  about = { n = "training patterns of each phase", test = "test patterns of each phase",
    epochs = "epochs of each training", points = "points of a pattern" },
}
local s = run.settings
local RADIATION, RANGE, SURE = "Cu", { 20, 90 }, 0.8
local full = { strain = 0.02, shift = 0.2, texture = 0.3, size = { 80, 600 }, impurity = 0.7, background = 0.5,
  amorphous = 0.3, counts = { 300, 3e4 } }
local left_out = { { "strain", { strain = 0 } }, { "shift", { shift = 0 } }, { "texture", { texture = 0 } },
  { "background", { background = 0, amorphous = 0 } }, { "K alpha 2", { radiation = "CuKa1" } } }

if run.quick then left_out = { left_out[1] } end

local function merged(...)
  local all = {}
  for _, options in ipairs { ... } do
    for name, value in pairs(options) do all[name] = value end
  end
  return all
end

local grid = { first = RANGE[1], last = RANGE[2], points = s.points }

local function network(classes)
  return nn.Sequential { nn.Conv1d { filters = 16, kernel = 25, padding = "same", activation = "relu" },
    nn.MaxPool1d { size = 4 }, nn.Conv1d { filters = 32, kernel = 15, padding = "same", activation = "relu" },
    nn.MaxPool1d { size = 4 }, nn.Conv1d { filters = 32, kernel = 9, padding = "same", activation = "relu" },
    nn.MaxPool1d { size = 2 }, nn.Flatten {}, nn.Dropout { rate = 0.5 },
    nn.Dense { units = 128, activation = "relu" }, nn.Dropout { rate = 0.5 }, nn.Dense { units = classes } }
end

local function train(candidates, seed, changed)
  local options = merged({ grid = grid, n = s.n, validation = math.max(1, s.n // 10) }, full, changed or {})
  local radiation = options.radiation or RADIATION
  options.radiation = nil
  return assert(mb.xrd.train(candidates, { radiation = radiation, model = network(#candidates), epochs = s.epochs,
    seed = seed, set = options, verbose = false }))
end

-- Test patterns: list of { pattern, fractions by name }, milder than the training patterns, as samples are.
local function test_patterns(candidates, seed)
  local set = mb.xrd.training_set(merged(full, { phases = candidates, radiation = RADIATION, grid = grid, n = s.test,
    validation = 0, mixture = { 1, 3 }, strain = 0.005, shift = 0, displacement = 0.1, impurity = 0, B = 0.6,
    seed = { seed, 1000 } }))
  local list = {}
  for i = 1, #set.train.x do
    local fractions = {}
    for k, share in ipairs(set.train.fractions[i]:totable()) do
      if share > 0.05 then fractions[set.classes[k]] = share end
    end
    list[i] = { fractions = fractions, pattern = mb.spectra.set { x = set.train.x:narrow(i, 1), axis = set.axis,
      axis_name = "2theta", unit = "deg" } }
  end
  return list
end

local function largest(fractions)
  local best
  for name, share in pairs(fractions) do
    if not best or share > fractions[best] or share == fractions[best] and name < best then best = name end
  end
  return best
end

-- Whether the phases are those of the sample, whether its largest one is there, and how far weights are off.
local function judge(mixture, fractions)
  local found, count, off, phases = {}, 0, 0, 0
  for _, phase in ipairs(mixture.phases) do found[phase.crystal.name] = phase.weight end
  for name, share in pairs(fractions) do
    count, off = count + 1, off + math.abs((found[name] or 0) - share)
    phases = phases + (found[name] and 1 or 0)
  end
  return phases == count and #mixture.phases == count, found[largest(fractions)] ~= nil, off / count
end

local methods = {
  { "network", function(one, trained) return mb.xrd.identify(one, trained, { radiation = RADIATION }) end },
  { "fit", function(one, _, candidates) return mb.xrd.identify(one, candidates, { radiation = RADIATION }) end },
}
for _, measure in ipairs { "cosine", "dtw" } do
  methods[#methods + 1] = { measure, function(one, _, candidates)
    return mb.xrd.identify(one, candidates, { radiation = RADIATION, method = "dissimilarity", measure = measure })
  end }
end

-- Adds the shares of test patterns that a method gets right.
local function evaluate(name, identify, list, suffix)
  suffix = suffix or ""
  local exact, main, off = 0, 0, 0
  for _, test in ipairs(list) do
    local is_exact, is_main, far = judge(identify(test.pattern), test.fractions)
    exact, main, off = exact + (is_exact and 1 or 0), main + (is_main and 1 or 0), off + far
  end
  run:add(name .. " @ all phases" .. suffix, exact / #list)
  run:add(name .. " @ main phase" .. suffix, main / #list)
  if name == "network" or name == "fit" then run:add(name .. " @ weights off" .. suffix, off / #list) end
end

-- How often phases with at least 80 % of the votes are in the sample.
local function reliability(trained, list)
  local sure, right = 0, 0
  for _, test in ipairs(list) do
    for _, phase in ipairs(mb.xrd.identify(test.pattern, trained, { radiation = RADIATION }).phases) do
      if phase.merit >= SURE then
        sure, right = sure + 1, right + (test.fractions[phase.crystal.name] and 1 or 0)
      end
    end
  end
  run:add("network @ sure phases a pattern", sure / #list)
  if sure > 0 then run:add("network @ right if sure", right / sure) end
  return sure > 0
end

-- How often a method says that a phase is missing, once the largest one of the sample is.
local function missing(candidates, list)
  local by_fit, by_cosine = 0, 0
  for _, test in ipairs(list) do
    local rest, name = {}, largest(test.fractions)
    for _, crystal in ipairs(candidates) do
      if crystal.name ~= name then rest[#rest + 1] = crystal end
    end
    by_fit = by_fit + (methods[2][2](test.pattern, nil, rest).unknown and 1 or 0)
    by_cosine = by_cosine + (methods[3][2](test.pattern, nil, rest).unknown and 1 or 0)
  end
  run:add("fit @ unknown noticed", by_fit / #list)
  run:add("cosine @ unknown noticed", by_cosine / #list)
end

-- Trains a network for the candidates of measured patterns, and evaluates all methods on them.
local function evaluate_measured(folder, suffix, seed)
  local list, candidates = measured_phases(folder)
  if not list or run.quick then return end
  run:progress("%s", folder)
  local trained = train(candidates, seed)
  for _, method in ipairs(methods) do
    evaluate(method[1], function(one) return method[2](one, trained, candidates) end, list, suffix)
  end
end

local candidates, was_sure = minerals(), false
for seed in run:each_seed() do
  local list = test_patterns(candidates, seed)
  run:progress("training the network")
  local trained = train(candidates, seed)
  for _, method in ipairs(methods) do
    run:progress("%s", method[1])
    evaluate(method[1], function(one) return method[2](one, trained, candidates) end, list)
  end
  was_sure = reliability(trained, list) or was_sure
  missing(candidates, list)
  for _, part in ipairs(left_out) do
    run:progress("without %s", part[1])
    local other = train(candidates, seed, part[2])
    evaluate("network without " .. part[1], function(one)
      return mb.xrd.identify(one, other, { radiation = RADIATION })
    end, list)
  end
  evaluate_measured("xrd_limnti_oxyfluoride", ", Li-Mn-Ti-O-F", seed)
  evaluate_measured("xrd_mixtures", ", weighed", seed)
end

run:rule { "the network finds all phases more often than the fit does", "network @ all phases",
  above = "fit @ all phases" }
run:rule { "the network finds the main phase more often than the cosine does", "network @ main phase",
  above = "cosine @ main phase" }
run:rule { "the network finds the main phase more often than time warping does", "network @ main phase",
  above = "dtw @ main phase" }
if was_sure then
  run:rule { "a phase with 80 % of the votes is there in at least 80 % of cases", "network @ right if sure",
    above = SURE }
end

local names = { "fit", "network" }
for i, part in ipairs(left_out) do names[i + 2] = "network without " .. part[1] end
run:figure("phases", mb.plot.bars { categories = names, series = {
  run:series("%s @ all phases", names, { label = "all phases" }),
  run:series("%s @ main phase", names, { label = "main phase" }) }, y_range = { 0, 1.05 }, width = 1100,
  y_label = "share of patterns", title = "Simulated mixtures of 13 minerals" })
run:finish()
