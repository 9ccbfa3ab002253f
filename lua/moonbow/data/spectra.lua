--- Shared by the generators of artificial spectra: options, the three parts, the ceiling.
local core = require "moonbow.core"
local check = require "moonbow.check"

local spectra = {}

local kinds = { "polynomial", "exponential", "hump" }

-- Each shape is a choice of mixing and asymmetry.
local shapes = { "gaussian", "lorentzian", "pseudo_voigt", "asymmetric" }

--- Returns the checked options of a generator, as a copy.
-- @param known from spectra.known
function spectra.options(operation, given, known)
  local options = check.options(operation, check.copy(given), known)
  for name, shape in pairs { mixing = "pseudo_voigt", asymmetry = "asymmetric" } do
    if given and given[name] ~= nil and options.shape ~= shape then
      check.fail(operation, "%s: only the shape '%s' has it, not '%s'", name, shape, options.shape)
    end
  end
  return options
end

--- Returns the known options of a generator: those of all, and its own, which may have other defaults.
function spectra.known(own)
  local known = {
    n = check.default(1000, "positive integer"),
    validation = check.default(300, "positive integer"),
    test = check.default(2000, "positive integer"),
    length = check.default(1000, "positive integer"),
    width = { 2, 6 },
    shape = check.one_of("gaussian", shapes),
    mixing = { 0, 1 },
    asymmetry = { 0, 0.5 },
    background = 0.2,
    background_kinds = check.default(kinds, "string|table"),
    orders = { 1, 5 },
    noise = 0.02,
    counts = 0,
    parts = false,
    seed = check.seed(1),
  }
  for name, rule in pairs(own) do known[name] = rule end
  return known
end

local function read_kinds(operation, options)
  local chosen = options.background_kinds
  if type(chosen) == "string" then chosen = { chosen } end
  if #chosen == 0 and options.background > 0 then
    check.fail(operation, "background_kinds: expected a list of names, got none; for no background set background = 0")
  end
  for _, kind in ipairs(chosen) do check.name(operation, "background_kinds", kind, kinds) end
  return chosen
end

-- Returns the arguments of core.spectra for checked options.
local function description(operation, options, classes, extra)
  local given = {
    length = options.length, classes = classes, width = options.width, mixing = { 0, 0 }, asymmetry = { 0, 0 },
    background = options.background, orders = options.orders, noise = options.noise, counts = options.counts,
    mixture = { 1, 1 }, impurity = { 0, 0 },
  }
  if options.shape == "lorentzian" then given.mixing = { 1, 1 } end
  if options.shape == "pseudo_voigt" then given.mixing = options.mixing end
  if options.shape == "asymmetric" then given.asymmetry = options.asymmetry end
  for _, kind in ipairs(read_kinds(operation, options)) do given[kind] = true end
  for name, value in pairs(extra or {}) do given[name] = value end
  return given
end

local function stream(seed, number)
  local seeds = type(seed) == "table" and { table.unpack(seed) } or { seed }
  seeds[#seeds + 1] = number
  return core.rng(seeds)
end

-- Generates part 1, 2 or 3 (train, validation, test), each from a random stream of its own, seeded by seed and number.
local function generate(operation, options, given, number, n)
  local part = core.spectra(stream(options.seed, number), operation, n, given, options.parts)
  if core.size(part.position, 2) == 1 then
    part.position, part.height = core.reshape(part.position, n), core.reshape(part.height, n)
  end
  if options.shape ~= "pseudo_voigt" then part.mixing = nil end
  if options.shape ~= "asymmetric" then part.asymmetry = nil end
  return part
end

--- Makes a data set from checked options.
-- @param classes a list with a list of peaks { position = {low, high}, height = {low, high} } for each class
-- @param extra further fields for core.spectra
-- @return { train, validation, test, axis, options, ceiling }
function spectra.make(operation, options, classes, extra)
  local given = description(operation, options, classes, extra)
  return {
    train = generate(operation, options, given, 1, options.n),
    validation = generate(operation, options, given, 2, options.validation),
    test = generate(operation, options, given, 3, options.test),
    axis = core.arange(1, 1, options.length),
    options = options,
    ceiling = function(samples)
      samples = check.kind("ceiling", "samples", samples or 10000, "positive integer")
      return core.spectra_ceiling(stream(options.seed, 4), operation, samples, given)
    end,
  }
end

return spectra
