--- Augmentation: batches of training spectra, changed at random as measurements differ.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local named = require "moonbow.train.named"
local values_of = require "moonbow.data.values_of"

local augment, kinds = {}, {}

-- 1 for the rows that are changed, 0 for the others, as (N, 1, 1); nil for all.
local function chosen(options, rng, n)
  if options.share == 1 then return nil end
  return core.reshape(core.lt(core.rng_uniform(rng, 0, 1, n), options.share), n, 1, 1)
end

-- A uniform number of each row from -most to most, as (N, columns).
local function uniform(rng, most, n, columns) return core.rng_uniform(rng, -most, most, n, columns or 1) end

local share = check.default(1, "fraction")
local input = check.optional "string"

local function moved(x, options, rng, knots)
  local n = core.size(x, 1)
  local shifts, mask = uniform(rng, options.points, n, knots), chosen(options, rng, n)
  return core.warp(x, mask and core.mul(shifts, core.reshape(mask, n, 1)) or shifts)
end

--- Moves each spectrum along the axis, by a fraction of points, linear between them; the ends are repeated.
-- @option points the most points, to either side; uniform
-- @option share of the spectra that are changed
-- @option input of a set with several: the name of the one that is changed
-- @usage mb.augment(x, { { "shift", points = 3 } })
kinds.shift = {
  defaults = { points = check.required "non-negative real", share = share, input = input },
  run = function(x, options, rng) return moved(x, options, rng, 1) end,
}

--- Stretches and bends the axis of each spectrum: points move by what lies straight between knots at equal distances.
-- @option points by which a knot moves at most, to either side; uniform
-- @option knots from the first point to the last, 2 or more
-- @option share of the spectra that are changed
-- @option input of a set with several: the name of the one that is changed
-- @usage mb.augment(x, { { "warp", points = 4, knots = 6 } })
kinds.warp = {
  defaults = { points = check.required "non-negative real", knots = check.default(5, "positive integer"),
    share = share, input = input },
  run = function(x, options, rng)
    if options.knots < 2 then check.fail("augment", "warp: knots: expected at least 2, got 1") end
    return moved(x, options, rng, options.knots)
  end,
}

--- Adds Gaussian noise.
-- @option sd of the noise
-- @option relative true: sd is a share of each spectrum's own standard deviation
-- @option share of the spectra that are changed
-- @option input of a set with several: the name of the one that is changed
-- @usage mb.augment(x, { { "noise", sd = 0.05, relative = true } })
kinds.noise = {
  defaults = { sd = check.required "non-negative real", relative = false, share = share, input = input },
  run = function(x, options, rng)
    local n = core.size(x, 1)
    local noise, mask = core.rng_normal(rng, 0, options.sd, core.shape(x)), chosen(options, rng, n)
    if options.relative then noise = core.mul(noise, core.reshape(core.std(core.reshape(x, n, -1), 2), n, 1, 1)) end
    return core.add(x, mask and core.mul(noise, mask) or noise)
  end,
}

--- Multiplies each spectrum by a factor, and adds a baseline that is constant or straight.
-- @option by the factor is uniform from 1 - by to 1 + by
-- @option offset the constant is uniform up to this, to either side
-- @option slope the baseline rises by a number that is uniform up to this, to either side, from the middle to the end
-- @option share of the spectra that are changed
-- @option input of a set with several: the name of the one that is changed
-- @usage mb.augment(x, { { "scale", by = 0.1, slope = 0.05 } })
kinds.scale = {
  defaults = { by = check.default(0, "non-negative real"), offset = check.default(0, "non-negative real"),
    slope = check.default(0, "non-negative real"), share = share, input = input },
  run = function(x, options, rng)
    local n, length = core.size(x, 1), core.size(x, 2)
    local function draw(most) return core.reshape(uniform(rng, most, n), n, 1, 1) end
    local factor, offset, slope, mask = draw(options.by), draw(options.offset), draw(options.slope),
      chosen(options, rng, n)
    if mask then factor, offset, slope = core.mul(factor, mask), core.mul(offset, mask), core.mul(slope, mask) end
    local ramp = length > 1 and core.reshape(core.arange(-1, 2 / (length - 1), length), 1, length, 1) or 0
    local y = core.mul(x, core.add(factor, 1))
    return core.add(core.add(y, core.mul(slope, ramp)), offset)
  end,
}

-- Rows of shares of the classes, for class numbers; other labels as they are.
local function labels_of(y, classes)
  if not classes or core.rank(y) > 1 then return y end
  return core.eq(core.reshape(y, -1, 1), core.reshape(core.arange(1, 1, classes), 1, classes))
end

local function blend(a, order, weight)
  local shape = core.shape(a)
  for d = 2, #shape do shape[d] = 1 end
  weight = core.reshape(weight, shape)
  return core.add(core.mul(a, weight), core.mul(core.index(a, order), core.sub(1, weight)))
end

--- True if all labels are whole numbers from a least one on.
function augment.are_whole(y, least)
  for _, label in ipairs(core.totable(core.reshape(y, -1))) do
    if label < least or label % 1 ~= 0 then return false end
  end
  return true
end

--- Mixes each spectrum with another one of the batch, and their labels in the same shares: class numbers become soft
-- labels, targets become means. It raises for class numbers if the number of classes is not known: in mb.augment
-- without classes, where whole numbers (N) from 1 on count as class numbers, and in a training with a loss of your own,
-- where whole numbers of another shape than the outputs do. Source: mixup of Zhang et al. 2018.
-- @option alpha the share is drawn from the beta distribution with both parameters alpha: small, and one of both
--   prevails; 1, and all shares are as likely
-- @option share of the spectra that are changed
-- @usage mb.augment(x, { { "mix", alpha = 0.2 } }, { y = y, classes = 2 })
kinds.mix = {
  defaults = { alpha = check.default(0.2, "positive real"), share = share },
  mixes = true,
  run = function(x, options, rng, y, classes)
    local n = named.count(x)
    local one, other = core.rng_gamma(rng, options.alpha, 1, n), core.rng_gamma(rng, options.alpha, 1, n)
    local weight, mask = core.div(one, core.maximum(core.add(one, other), 1e-30)), chosen(options, rng, n)
    if mask then weight = core.sub(1, core.mul(core.sub(1, weight), core.reshape(mask, n))) end
    local order = core.rng_permutation(rng, n)
    return named.map(x, function(part) return blend(part, order, weight) end),
      y and blend(labels_of(y, classes), order, weight)
  end,
}

local names = check.sorted_keys(kinds)

augment.kinds, augment.names = kinds, names

local function read_one(operation, given, where)
  local name, options = check.named(operation, where, given, names)
  return { kind = kinds[name], name = name,
    options = check.options(("%s augment %s"):format(operation, name), options, kinds[name].defaults) }
end

local function check_rank(operation, name, x)
  if not core.is_tensor(x) or core.rank(x) ~= 3 then
    check.fail(operation, "augment: %s takes spectra (N, L, C), got %s", name, check.show(x))
  end
  return x
end

-- Changes x, or of named inputs the one that the options name.
local function run_one(operation, step, x, rng)
  if not named.is_table(x) then
    if step.options.input then check.fail(operation, "augment: input: the set has only one") end
    return step.kind.run(check_rank(operation, step.name, x), step.options, rng)
  end
  local inputs, changed = {}, {}
  for name, part in pairs(x) do inputs[#inputs + 1], changed[name] = name, part end
  table.sort(inputs)
  local name = check.name(operation, ("augment: input of %s"):format(step.name), step.options.input, inputs)
  changed[name] = step.kind.run(check_rank(operation, step.name, x[name]), step.options, rng)
  return changed
end

-- Calls a user's function; its results have to fit.
local function call(operation, f, x, y, rng)
  local new_x, new_y = f(named.map(x, core.alias), y and core.alias(y), rng) -- which it may keep
  local count = named.count(named.read(operation, "augment: first result", new_x))
  if new_y == nil then new_y = y end
  if new_y == nil then return values_of(new_x) end
  check.kind(operation, "augment: second result", new_y, "tensor")
  if core.size(new_y, 1) ~= count then
    check.fail(operation, "augment: expected as many labels as spectra, %d, got %d", count, core.size(new_y, 1))
  end
  return named.map(values_of(new_x), core.alias), core.alias(new_y)
end

--- Reads the option augment; returns a function(x, y, rng) that returns the changed batch, and whether it mixes labels.
-- @param given a name, a list of names and { name, option = value }, or a function(x, y, rng)
-- @param classes of the labels, if they are class numbers
function augment.read(operation, given, classes)
  if type(given) == "function" then
    return function(x, y, rng) return call(operation, given, x, y, rng) end
  end
  local is_one = type(given) == "string" or type(given) == "table" and type(given[1]) == "string" and #given == 1
  local steps, mixes = {}, false
  for i, entry in ipairs(is_one and { given } or check.list(operation, "augment", given)) do
    steps[i] = read_one(operation, entry, ("augment[%d]"):format(i))
    mixes = mixes or steps[i].kind.mixes
  end
  if #steps == 0 then check.fail(operation, "augment: expected at least one of '%s'", table.concat(names, "', '")) end
  return function(x, y, rng)
    for _, step in ipairs(steps) do
      if step.kind.mixes then
        x, y = step.kind.run(x, step.options, rng, y, classes)
      else
        x = run_one(operation, step, x, rng)
      end
    end
    return x, y
  end, mixes
end

local known = { y = check.optional "tensor|table", classes = check.optional "positive integer",
  seed = check.seed(0) }

-- Labels, one for each spectrum; class numbers if the number of classes is given.
local function read_labels(options, count, mixes)
  local y = options.y
  if y == nil then return nil end
  if options.classes and not (core.is_tensor(y) and core.rank(y) > 1) then
    return core.tensor((labels.classes("augment", "y", y, count, options.classes)))
  end
  y = core.is_tensor(y) and y or core.tensor(y)
  if core.size(y, 1) ~= count then
    check.fail("augment", "y: expected %d labels, one per spectrum, got %d", count, core.size(y, 1))
  end
  if mixes and core.rank(y) == 1 and augment.are_whole(y, 1) then
    check.fail("augment", "y: 'mix' cannot mix class numbers without the option classes, their number; give it, or "
      .. "soft labels (N, classes), or targets as (N, 1)")
  end
  return y
end

--- Data augmentation: changes spectra at random, as mb.fit does with the batches of its option augment, to look at what
-- a network will be trained on. Each of "shift", "warp", "noise", "scale" and "mix" has its page:
-- mb.help 'augmentation "shift"'.
-- @param x tensor|spectra (N, L, C)
-- @param list table|function names and { name, option = value }, in the order in which they are done; or a function(x,
--   y, rng) of your own, which returns x and y
-- @option y the labels, which "mix" mixes
-- @option classes the number of classes, if y are class numbers; "mix" needs it for them
-- @option seed an integer, or a table of integers: the same gives the same numbers, for any number of threads
-- @return tensor (N, L, C)
-- @return tensor the labels, if there are
-- @usage mb.plot.lines(mb.augment(x, { { "shift", points = 5 }, { "noise", sd = 0.02 } })[1])
function augment.run(x, list, options)
  options = check.options("augment", options, known)
  x = named.read("augment", "x", x)
  local f, mixes = augment.read("augment", list, options.classes)
  return f(x, read_labels(options, named.count(x), mixes), core.rng(options.seed))
end

check.takes(augment.run, 3, known)

return augment
