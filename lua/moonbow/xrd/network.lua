--- Networks that identify phases: the published one, with votes of dropout and branching subtraction.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local fit = require "moonbow.xrd.fit"
local judging = require "moonbow.judging"
local phase = require "moonbow.xrd.phase"
local plain = require "moonbow.xrd.plain"
local radiation = require "moonbow.xrd.radiation"
local refine = require "moonbow.xrd.refine"
local scan = require "moonbow.xrd.scan"
local shown = require "moonbow.shown"
local training = require "moonbow.train.fit"
local training_set = require "moonbow.xrd.training_set"

local network = {}

local EDGE = 0.1 -- degrees that may be missing at the ends of a pattern
local OTHER = 0.01 -- share by which the wavelength of another radiation differs
local LEAST_VOTES = 0.1 -- share from which a phase begins a branch
local LEAST_HEIGHT = 0.05 -- of the strongest peak: lower remainders hold no phase
local STRAIN_STEP = 0.002
local STEPS = 4 -- of the refinement of a phase that is subtracted

--- A network that was trained on the patterns of candidates; mb.xrd.identify takes it in the place of candidates.
--
-- @class identifier
-- @field model layer with one output for each candidate
-- @field crystals table list of crystals
-- @field axis table angles 2theta of its input
-- @field history history of the training
-- @field options table of mb.xrd.train
local Identifier = {}

--- Makes an identifier of a table with the fields above.
network.new = shown.kind("identifier", function(identifier)
  return ("%s of %s, %d points from %g to %g deg"):format(identifier.model.name or "network",
    check.show_count(#identifier.crystals, "candidate"), #identifier.axis, identifier.axis[1],
    identifier.axis[#identifier.axis])
end, Identifier)
counted.methods(Identifier, "identifier:")

--- True if a value is an identifier.
function network.is(value) return getmetatable(value) == Identifier end

local known = { model = check.optional "table", epochs = check.default(50, "positive integer"),
  batch_size = check.default(32, "positive integer"), lr = check.default(1e-3, "positive"),
  seed = check.default(1, "non-negative integer"), verbose = true, set = check.default({}, "table"),
  radiation = check.required "string|number|table" }

-- Raises unless a network gives one output for each candidate.
local function check_outputs(model, patterns)
  local steps = model:trace({ #patterns.axis, 1 }, "xrd.train")
  local shape = steps[#steps].output
  if #shape ~= 2 or shape[2] ~= #patterns.classes then
    check.fail("xrd.train", "model: expected %s, one for each candidate, got outputs of shape %s",
      check.show_count(#patterns.classes, "output"), check.show_shape(shape))
  end
end

--- Trains a network on simulated patterns of candidates. Without a model it is the network of Szymanski et al. (2021,
-- Chem. Mater. 33, 4204): six convolutions, "same" pooling, two hidden layers with batch norm and dropout of 0.7, which
-- stays at work when it votes. Adam with cross-entropy.
-- @param candidates table list of crystals or paths
-- @option radiation "Cu", "CuKa1", ...; as for mb.xrd.training_set
-- @option model a network with dropout whose outputs are as many as the candidates
-- @option epochs passes over the patterns
-- @option batch_size patterns of a step
-- @option lr learning rate
-- @option seed an integer: patterns, weights, order, dropout
-- @option set options of mb.xrd.training_set besides phases, radiation and seed, as { n = 100, background = 0.3 }
-- @option verbose true: shows progress
-- @return identifier or nil and a message
-- @see xrd.training_set
function network.train(candidates, options)
  options = check.options("xrd.train", options, known)
  local given = check.copy(options.set)
  for _, name in ipairs { "phases", "radiation", "seed" } do
    if given[name] ~= nil then
      check.fail("xrd.train", "set.%s: it follows from the candidates and the options of mb.xrd.train", name)
    end
  end
  given.phases, given.radiation, given.seed = candidates, options.radiation, options.seed
  local patterns, err = training_set(given)
  if not patterns then return nil, err end
  local model = options.model or require("moonbow.models").szymanski2021 { classes = #patterns.classes,
    pool_padding = "same", dense_batch_norm = true }
  check_outputs(model, patterns)
  local history = training(model, patterns.train, { epochs = options.epochs, batch_size = options.batch_size,
    optimizer = require("moonbow.train.optim").Adam { lr = options.lr }, seed = options.seed,
    validation = patterns.validation, verbose = options.verbose })
  return network.new { model = model, crystals = patterns.crystals, axis = patterns.axis, history = history,
    options = options }
end

check.takes(network.train, 2, known, "mb.xrd.train(candidates, { radiation = \"Cu\" })")

-- ---- votes ----

-- Raises unless angles of a pattern mean the same spacings as those that the network was trained on.
local function check_radiation(identifier, data)
  local trained = radiation.lines("xrd.identify", identifier.options.radiation)
  local lines = radiation.lines("xrd.identify", data.physics.radiation)
  if math.abs(lines[1].wavelength / trained[1].wavelength - 1) > OTHER then
    check.fail("xrd.identify", "radiation: the network was trained for %s, the pattern has %s", radiation.text(trained),
      radiation.text(lines))
  end
end

-- The values on the network's grid, without background, from 0 to 1.
local function prepared(identifier, data)
  local axis, measured = identifier.axis, data.axis
  if measured[1] > axis[1] + EDGE or measured[#measured] < axis[#axis] - EDGE then
    check.fail("xrd.identify", "pattern: the network needs %g to %g deg, it has %g to %g", axis[1], axis[#axis],
      measured[1], measured[#measured])
  end
  return plain.of(data, axis)
end

-- The share of votes of each candidate over passes with dropout, all in one batch.
local function votes_of(state, y)
  local rows = {}
  for i = 1, state.votes do rows[i] = y end
  state.draws = state.draws + 1
  local votes = judging.dropout_votes(state.identifier.model, core.reshape(core.concat(rows, 1), #rows, -1, 1),
    { times = 1, seed = { state.seed, state.draws }, batch_size = #rows })
  return core.totable(core.reshape(core.mean(votes.share, 1), -1))
end

-- ---- subtraction ----

-- The phase at the common strain at which it correlates best with the values.
local function aligned(candidate, data)
  local best, most
  for step = math.floor(-data.reach / STRAIN_STEP), math.floor(data.reach / STRAIN_STEP) do
    local p = phase.new(candidate, 200)
    p.strain[1] = step * STRAIN_STEP
    local pattern = phase.pattern(p, data, { displacement = 0, W = data.instrument.W })
    local length = math.sqrt(core.sum(core.mul(pattern, pattern))[1])
    local along = core.sum(core.mul(pattern, data.y))[1] / math.max(length, 1e-30)
    if not most or along > most then best, most = p, along end
  end
  return best
end

-- The values without a phase, which is refined in them; negative ones become 0.
local function subtracted(candidate, data)
  local model = refine.run(data, refine.model(data, { aligned(candidate, data) }), STEPS)
  local p = model.phases[1]
  local pattern = core.div(core.mul(p.column, p.scale), data.root_weights)
  return core.maximum(core.sub(data.y, pattern), 0)
end

-- ---- branches ----

local function mean_of(found)
  local sum = 0
  for _, entry in ipairs(found) do sum = sum + entry.share end
  return #found > 0 and sum / #found or 0
end

-- Follows each phase with enough votes, subtracts it and goes on; keeps the branch of the highest mean share.
local function branch(state, y, found)
  local height = core.max(core.reshape(y, -1))[1]
  if #found == state.most or height < LEAST_HEIGHT then return found end
  local shares, best = votes_of(state, core.mul(y, 1 / height)), nil
  for k, share in ipairs(shares) do
    local is_new = share >= LEAST_VOTES
    for _, entry in ipairs(found) do is_new = is_new and entry.number ~= k end
    if is_new then
      local longer = table.move(found, 1, #found, 1, {})
      longer[#longer + 1] = { number = k, share = share }
      local data = scan.new(state.data, state.identifier.axis, y)
      local ended = branch(state, subtracted(state.candidates[k], data), longer)
      if not best or mean_of(ended) > mean_of(best) then best = ended end
    end
  end
  return best or found
end

--- Finds the phases by votes: mb.xrd.identify with an identifier.
-- @param options checked: those of fits, most, votes, confidence, seed
function network.identify(pattern, identifier, options)
  local data = scan.read("xrd.identify", pattern, options)
  check_radiation(identifier, data)
  local candidates, err = fit.candidates("xrd.identify", identifier.crystals, data)
  if not candidates then return nil, err end
  local y = prepared(identifier, data)
  local state = { identifier = identifier, candidates = candidates, most = options.most, votes = options.votes,
    seed = options.seed, draws = 0, data = scan.new({ free = 1, instrument = data.instrument,
    physics = data.physics, reach = data.reach, zero = data.zero }, identifier.axis, y) }
  local phases, shares = {}, {}
  for _, entry in ipairs(branch(state, y, {})) do
    if entry.share >= options.confidence then
      local candidate = candidates[entry.number]
      phases[#phases + 1], shares[candidate.crystal] = candidate, entry.share
    end
  end
  return fit.of_phases(data, phases, candidates, "network", shares)
end

return network
