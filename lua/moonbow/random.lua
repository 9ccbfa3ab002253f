--- Random generators: NumPy's default_rng (PCG64 seeded by SeedSequence), draw for draw.
--
-- A seed gives the same numbers as numpy.random.default_rng(seed) in Python, from every method below.
-- A method gives a number; with a shape behind its other arguments, as sizes or one table of sizes,
-- it gives a tensor, filled row by row with the same draws as that many calls, rounded to float32.
-- Arguments before the shape may be nil for their default. What NumPy counts from 0 (permutation,
-- choice) is counted from 1 here. Wrong arguments raise.
--
-- Sources: O'Neill 2014 (PCG), Lemire 2019 (bounded integers), Marsaglia and Tsang 2000 (the ziggurat;
-- gamma), Ahrens and Dieter 1974 (gamma of shape below 1), Hörmann 1993 (Poisson), Floyd in Bentley 1987 (samples).
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"

local random = {}
local methods = core.rng_methods

--- A generator: mb.rng(2022). The seed is an integer of at least 0, or a table of such integers (e.g. a
-- seed and the number of a run); without one, the system gives entropy.
function random.rng(seed) return core.rng(seed) end

local default

--- The generator that is used where none is passed. Unless mb.seed was called, its seed is entropy.
function random.default()
  default = default or core.rng()
  return default
end

--- Seeds the default generator: mb.seed(1).
function random.seed(seed)
  if seed == nil then check.fail("seed", "expected an integer of at least 0 or a table of such, got nil") end
  default = core.rng(seed)
end

--- Uniform in [0, 1): rng:random(), rng:random(2, 3).
methods.random = core.rng_random

--- Uniform in [low, high): rng:uniform(low, high, shape...). Defaults 0 and 1; low <= high.
methods.uniform = core.rng_uniform

--- Normal: rng:normal(mean, sd, shape...). Defaults 0 and 1; sd >= 0.
methods.normal = core.rng_normal

--- Exponential with the mean scale: rng:exponential(scale, shape...). Default 1; scale >= 0.
methods.exponential = core.rng_exponential

--- Gamma with the mean a * scale: rng:gamma(a, scale, shape...). a >= 0 (0 gives 0), scale >= 0, default 1.
methods.gamma = core.rng_gamma

--- Poisson, whole numbers from 0 on: rng:poisson(mean, shape...). Default 1; 0 <= mean <= 1e15.
methods.poisson = core.rng_poisson

local integers_options = { endpoint = false, shape = check.optional "table" }

--- Integers from low to high - 1: rng:integers(0, 10), rng:integers(1, 6, { endpoint = true }).
-- Options: endpoint (default false: high itself never comes), shape (a table; gives a tensor, which
-- holds integers up to 2^24).
function methods.integers(rng, low, high, options)
  options = check.options("rng:integers", options, integers_options)
  return core.rng_integers(rng, low, high, options.endpoint, options.shape)
end

check.takes(methods.integers, 3, integers_options)

--- rng:permutation(n): a tensor with 1 to n in random order. rng:permutation(x): a copy of the tensor x
-- with its rows in random order.
methods.permutation = core.rng_permutation

--- Puts the rows of a tensor, or the entries of a table, in random order, in place; returns nothing.
methods.shuffle = core.rng_shuffle

local choice_options = {
  size = check.optional "positive integer|table", replace = true, p = check.optional "table|tensor",
  shuffle = true,
}

--- A random sample: rng:choice(n, options) of the numbers 1 to n, rng:choice(x, options) of the rows of
-- the tensor x (of its elements, where it has one dimension). Options: size, an integer or a shape
-- (without it the result is one number or row); replace (default true: the same may come again); p,
-- the probability of each, a table or tensor with the sum 1; shuffle (default true; false is faster
-- without replacement, but the order is then not random).
function methods.choice(rng, from, options)
  options = check.options("rng:choice", options, choice_options)
  return core.rng_choice(rng, from, options.size, options.replace, options.p, options.shuffle)
end

check.takes(methods.choice, 2, choice_options)

--- The state as a string, which rng:set_state(string) takes: the draws go on exactly where they were.
methods.state = core.rng_state
methods.set_state = core.rng_set_state

--- A generator of the same state, which then goes its own way.
methods.copy = core.rng_copy

-- The others read their shape to the end.
counted.methods(methods, "rng:", { permutation = 1, shuffle = 1, state = 0, set_state = 1, copy = 0 })

return random
