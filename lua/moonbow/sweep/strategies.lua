--- Strategies, which choose the configurations: a fixed list (grid, random, Latin hypercube), or one by one (TPE).
--
-- A strategy has next(history), which returns the configuration number #history + 1, or nil after the last one.
-- history is the list of configurations proposed so far, in order: { config, value }, where value is the mean of the
-- objective over the seeds that are done, smaller being better, or nil. The same seed and history give the same
-- configuration, in any process.
local check = require "moonbow.check"
local random = require "moonbow.random"
local tpe = require "moonbow.sweep.strategies.tpe"

local MOST_REPEATS = 100 -- repeated draws in a row, after which the space is assumed to be exhausted

local strategies = {}

-- Makes a strategy from a list.
local function fixed(configurations)
  return { configurations = configurations, next = function(_, history) return configurations[#history + 1] end }
end

-- Returns distinct configurations from points of the unit cube.
local function distinct(space, canonical, count, draw)
  local found, seen, repeats = {}, {}, 0
  while #found < count and repeats < MOST_REPEATS do
    local config = space:from_unit(draw(#found + 1))
    local key = canonical(config)
    repeats = seen[key] and repeats + 1 or 0
    if not seen[key] then
      seen[key] = true
      found[#found + 1] = config
    end
  end
  return found
end

local function uniform_point(rng, dimensions)
  local u = {}
  for d = 1, dimensions do u[d] = rng:uniform() end
  return u
end

-- Returns one point in each of count equal parts of every dimension, the parts in random order. Source: McKay, Beckman
-- and Conover 1979.
local function hypercube(rng, dimensions, count)
  local points = {}
  for i = 1, count do points[i] = {} end
  for d = 1, dimensions do
    for i, place in ipairs(rng:permutation(count):totable()) do points[i][d] = (place - 1 + rng:uniform()) / count end
  end
  return points
end

local makers = {
  grid = function(sweep) return fixed(sweep.space:grid()) end,
  random = function(sweep, canonical, options)
    local rng = random.rng(options.seed)
    return fixed(distinct(sweep.space, canonical, options.trials, function()
      return uniform_point(rng, #sweep.space.names)
    end))
  end,
  latin_hypercube = function(sweep, canonical, options)
    local rng, used = random.rng(options.seed), 0
    local points = hypercube(rng, #sweep.space.names, options.trials)
    return fixed(distinct(sweep.space, canonical, options.trials, function()
      used = used + 1
      return points[used] or uniform_point(rng, #sweep.space.names)
    end))
  end,
  tpe = function(sweep, canonical, options) return tpe.new(sweep.space, canonical, options) end,
}
makers.asha = makers.random -- trials are stopped while they run: see moonbow.sweep.halving

--- Returns the strategy of a sweep.
function strategies.new(sweep)
  local options = sweep.strategy
  local canonical = require("moonbow.sweep.space").canonical
  local strategy = makers[options[1]](sweep, canonical, options)
  if strategy.configurations and #strategy.configurations == 0 then
    check.fail("sweep", "the space has no configuration")
  end
  return strategy
end

return strategies
