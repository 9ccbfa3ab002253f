--- Shared by the data sets of Schuetzke et al.: classes as lists of peaks, spectra with varied peaks, and overlaps of
-- classes. A class is { positions = {points from 1}, heights = {numbers} }.
local core = require "moonbow.core"
local check = require "moonbow.check"

local peaks = {}

local TOLERANCE = 1e-9

function peaks.fill_range(operation, options, name)
  local low, high = options[name][1], options[name][2]
  if #options[name] ~= 2 or type(low) ~= "number" or type(high) ~= "number" then
    check.fail(operation, "%s: expected {low, high}", name)
  end
  return low, high
end

--- Raises unless a class has peaks at points of a spectrum.
function peaks.check_class(operation, name, class, points)
  check.kind(operation, name, class, "table")
  check.kind(operation, name .. ".positions", class.positions, "table")
  check.kind(operation, name .. ".heights", class.heights, "table")
  if #class.positions == 0 or #class.positions ~= #class.heights then
    check.fail(operation, "%s: expected as many heights as positions, at least 1, got %d and %d", name,
      #class.heights, #class.positions)
  end
  for i, position in ipairs(class.positions) do
    check.kind(operation, ("%s.positions[%d]"):format(name, i), position, "positive integer")
    check.kind(operation, ("%s.heights[%d]"):format(name, i), class.heights[i], "non-negative")
    if position > points then
      check.fail(operation, "%s: a peak at point %d of %d", name, position, points)
    end
  end
end

--- Returns the peaks of a class with every position moved by shift and every height except 1 changed, as in the test
-- sets.
function peaks.moved(class, shift, change, points)
  local moved = { positions = {}, heights = {} }
  for i, position in ipairs(class.positions) do
    local height = class.heights[i]
    moved.positions[i] = math.min(math.max(position + shift, 1), points)
    moved.heights[i] = height == 1 and 1 or math.min(math.max(height + change, 0), 2)
  end
  return moved
end

--- Returns a list of moved peaks: for each change of the heights, each shift.
function peaks.variants(class, shifts, changes, points)
  local variants = {}
  for _, change in ipairs(changes) do
    for _, shift in ipairs(shifts) do variants[#variants + 1] = peaks.moved(class, shift, change, points) end
  end
  return variants
end

-- Returns the range of the height of peak i in training spectra of a class.
local function support(class, i, options)
  local height = class.heights[i]
  if options.keep_ones and height == 1 then return 1, 1 end
  return math.max(height - options.height, 0), math.min(height + options.height, 2)
end

--- True if peaks may come from the training spectra of a class; each height is known up to low..high, and all up to a
-- common factor. Peaks that merge or vanish are not considered.
local function may_come_from(class, positions, shift_low, shift_high, range_of, options)
  if #positions ~= #class.positions then return false end
  local least, most = 0, math.huge
  for i, position in ipairs(positions) do
    local shift = position - class.positions[i]
    if shift < shift_low or shift > shift_high then return false end
    local low, high = range_of(i)
    local class_low, class_high = support(class, i, options)
    if high <= 0 then
      if class_low > 0 then return false end
    else
      least = math.max(least, class_low / high)
      if low > 0 then most = math.min(most, class_high / low) end
    end
  end
  return least <= most + TOLERANCE
end

--- True if a training spectrum of class a may look like one of class b, divided by its maximum.
function peaks.overlap(a, b, options)
  local reach = math.max(2 * options.shift - 1, 0)
  return may_come_from(b, a.positions, -reach, reach, function(i) return support(a, i, options) end, options)
end

local function in_support(class, variant, options)
  local function range_of(i) return variant.heights[i], variant.heights[i] end
  return may_come_from(class, variant.positions, -options.shift, math.max(options.shift - 1, 0), range_of,
    options)
end

-- Returns for each class the others in whose training range its test spectra may lie: a cheap filter with few results.
local function neighbours_of(classes, options)
  local reach, neighbours = options.shift + options.test_shift, {}
  for a, class in ipairs(classes) do
    neighbours[a] = {}
    for b, other in ipairs(classes) do
      local is_near = a ~= b and #class.positions == #other.positions
      for i = 1, is_near and #class.positions or 0 do
        if math.abs(class.positions[i] - other.positions[i]) > reach then
          is_near = false
          break
        end
      end
      if is_near then table.insert(neighbours[a], b) end
    end
  end
  return neighbours
end

local function new_part(n, points)
  return { x = core.full(0, { n, points, 1 }), y = core.full(0, { n }) }
end

local function label(part, first, count, class)
  for row = first, first + count - 1 do core.set(part.y, row, class) end
end

--- Fills training and validation spectra from one random stream: for each class first training, then validation.
local function fill_varied(operation, set, classes, options)
  local rng = core.rng(options.seed)
  local narrowest, widest = options.sigma[1], options.sigma[2]
  for k, class in ipairs(classes) do
    for _, name in ipairs { "train", "validation" } do
      local count = options[name]
      local first = (k - 1) * count + 1
      core.peaks_varied(operation, set[name].x, first, count, rng, class.positions, class.heights,
        options.shift, options.height, options.keep_ones, narrowest, widest, options.normalize)
      label(set[name], first, count, k)
    end
  end
end

local function fill_test(operation, test, classes, variants, options)
  local neighbours, row = neighbours_of(classes, options), 0
  for k in ipairs(classes) do
    for _, variant in ipairs(variants[k]) do
      row = row + 1
      core.peaks_exact(operation, test.x, row, variant.positions, variant.heights, options.test_sigma,
        options.normalize)
      core.set(test.y, row, k)
      for _, other in ipairs(neighbours[k]) do
        if in_support(classes[other], variant, options) then core.set(test.rival, row, other) end
      end
    end
  end
end

--- Returns { train, validation, test: each { x = (n, points, 1), y = (n) }; ... }, where test has rival (n): the
-- class in whose training range this spectrum lies, too, or 0.
-- @param variants for each class the peaks of its test spectra
function peaks.make_set(operation, classes, variants, options)
  peaks.fill_range(operation, options, "sigma")
  local tests, names = 0, {}
  for k in ipairs(classes) do
    tests, names[k] = tests + #variants[k], tostring(k - 1)
  end
  local set = {
    train = new_part(options.train * #classes, options.points),
    validation = new_part(options.validation * #classes, options.points),
    test = new_part(tests, options.points),
    classes = names, peaks = classes, axis = core.arange(1, 1, options.points), options = options,
  }
  set.test.rival = core.full(0, { tests })
  fill_varied(operation, set, classes, options)
  fill_test(operation, set.test, classes, variants, options)
  return set
end

--- Options of the data sets that vary peaks.
function peaks.options(more)
  local known = {
    points = check.default(5000, "positive integer"), train = check.default(50, "positive integer"),
    validation = check.default(10, "positive integer"), shift = check.default(50, "integer"),
    height = check.default(0.05, "non-negative"), sigma = { 2, 5 }, test_shift = check.default(30, "integer"),
    test_sigma = check.default(2, "positive"), seed = check.seed(2022), normalize = false,
  }
  for name, rule in pairs(more) do known[name] = rule end
  return known
end

return peaks
