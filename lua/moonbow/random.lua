--- Random generators, and the default one.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"

--- Random generators: NumPy's default_rng (PCG64 seeded by SeedSequence), draw for draw.
--
-- A seed gives the same numbers as numpy.random.default_rng(seed) in Python, from every method. A method returns a
-- number. With a shape after its other arguments, as sizes or one table of sizes, it returns a tensor, filled row by
-- row with the same draws as that many calls, rounded to float32. Arguments before the shape may be nil for their
-- default. Numbers that NumPy counts from 0 (permutation, choice) count from 1 here. Wrong arguments raise.
--
-- Sources: O'Neill 2014 (PCG), Lemire 2019 (bounded integers), Marsaglia and Tsang 2000 (the ziggurat; gamma), Ahrens
-- and Dieter 1974 (gamma of shape below 1), Hörmann 1993 (Poisson), Floyd in Bentley 1987 (samples).
--
-- @class rng
local random = {}
local methods = core.rng_methods
local unseeded = setmetatable({}, { __mode = "k" })

--- Makes a generator of random numbers with a state of its own.
-- @param seed? integer|table an integer of at least 0, or a table of such (a seed and the number of a run, say);
--   entropy of the system unless given
-- @return rng
-- @usage local rng = mb.rng(2022)
function random.rng(seed)
  local rng = core.rng(seed)
  if seed == nil then unseeded[rng] = true end
  return rng
end

--- True for a generator whose seed is entropy.
function random.is_unseeded(rng) return unseeded[rng] or false end

local default

--- Returns the generator that functions use if none is passed. Its seed is entropy unless mb.seed was called.
function random.default()
  default = default or random.rng()
  return default
end

--- Seeds the default generator, which functions use if none is passed. Without this its seed is entropy.
-- @param seed integer|table an integer of at least 0, or a table of such
function random.seed(seed)
  if seed == nil then check.fail("seed", "expected an integer of at least 0 or a table of such, got nil") end
  local ok, err = pcall(core.rng, seed)
  if not ok then check.fail("seed", "%s", (check.reason(err):gsub("^rng: seed: ", ""))) end
  default = err
end

--- Uniform in [0, 1).
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
-- @usage rng:random(2, 3)
methods.random = core.rng_random

--- Uniform in [low, high).
-- @param low? number at most high (0)
-- @param high? number (1)
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
methods.uniform = core.rng_uniform

--- Normal.
-- @param mean? number (0)
-- @param sd? number of at least 0 (1)
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
methods.normal = core.rng_normal

--- Exponential.
-- @param scale? number the mean, of at least 0 (1)
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
methods.exponential = core.rng_exponential

--- Gamma, with the mean a * scale.
-- @param a number the shape parameter, of at least 0; 0 gives 0
-- @param scale? number of at least 0 (1)
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
methods.gamma = core.rng_gamma

--- Poisson: whole numbers from 0 on.
-- @param mean? number from 0 to 1e15 (1)
-- @param ... integer|table sizes, or one table of sizes, for a tensor; none for a number
-- @return number|tensor
methods.poisson = core.rng_poisson

local integers_options = { endpoint = false, shape = check.optional "table" }

--- Integers from low to high - 1, all equally likely.
-- @param low integer the least
-- @param high integer one more than the greatest
-- @option endpoint true: high itself may be drawn, too
-- @option shape a table of sizes: gives a tensor, which holds integers up to 2^24
-- @return integer|tensor
-- @usage rng:integers(1, 6, { endpoint = true })
function methods.integers(rng, low, high, options)
  options = check.options("rng:integers", options, integers_options)
  return core.rng_integers(rng, low, high, options.endpoint, options.shape)
end

check.takes(methods.integers, 3, integers_options)

--- The numbers 1 to n in random order, or a copy of a tensor with its rows in random order.
-- @param what integer|tensor n, or the tensor
-- @return tensor
methods.permutation = core.rng_permutation

--- Puts the rows of a tensor, or the entries of a list, in random order, in place.
-- @param what tensor|table the tensor or list
methods.shuffle = core.rng_shuffle

local choice_options = {
  size = check.optional "positive integer|table", replace = true, p = check.optional "table|tensor",
  shuffle = true,
}

--- A random sample of the numbers 1 to n, or of the rows of a tensor (of its elements, if it has one dimension).
-- @param from integer|tensor n, or the tensor
-- @option size number of draws, or a table of sizes; without it the result is one number or row
-- @option replace true: the same may be drawn again
-- @option p the probability of each, with the sum 1
-- @option shuffle false is faster without replacement, but the order is then not random
-- @return number|tensor
function methods.choice(rng, from, options)
  options = check.options("rng:choice", options, choice_options)
  return core.rng_choice(rng, from, options.size, options.replace, options.p, options.shuffle)
end

check.takes(methods.choice, 2, choice_options)

--- The state as a string, for set_state.
-- @return string
methods.state = core.rng_state
--- Restores a state: the draws continue exactly from there.
-- @param state string what state() gave
methods.set_state = core.rng_set_state

--- Returns a generator with the same state, which from then on is independent.
-- @return rng
methods.copy = core.rng_copy

-- The other methods read all of their arguments as a shape.
counted.methods(methods, "rng:", { permutation = 1, shuffle = 1, state = 0, set_state = 1, copy = 0 })

return random
