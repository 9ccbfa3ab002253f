--- Deals rows, or groups of rows, to folds, each with its share of the classes.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"

local dealing = {}

local MOST_ROWS = 1 << 24 -- float32 holds row numbers up to this exactly

--- Returns the units that no split divides: groups, or single rows. They are in random order, each with its rows, its
-- classes in the order of its rows, and its number of rows of each class. Also returns the number of rows of each
-- class.
function dealing.units_of(operation, n, options)
  if n > MOST_ROWS then check.fail(operation, "n: expected at most %d, got %d", MOST_ROWS, n) end
  local groups = options.groups and labels.list(operation, "groups", options.groups, n)
  local classes = options.stratify and labels.list(operation, "stratify", options.stratify, n)
  local units, by_group, total = {}, {}, {}
  for i = 1, n do
    local group, class = i, 1
    if groups then group = groups[i] end
    if classes then class = classes[i] end
    local unit = by_group[group]
    if not unit then
      unit = { rows = {}, classes = {}, count = {} }
      by_group[group] = unit
      units[#units + 1] = unit
    end
    unit.rows[#unit.rows + 1] = i
    if not unit.count[class] then table.insert(unit.classes, class) end
    unit.count[class] = (unit.count[class] or 0) + 1
    total[class] = (total[class] or 0) + 1
  end
  if #units < 2 then
    check.fail(operation, "expected at least 2 %s, got %d", groups and "groups" or "rows", #units)
  end
  core.rng(options.seed):shuffle(units)
  return units, total
end

--- Returns the units sorted by the class of their first row.
function dealing.by_class(units)
  local order, of_class = {}, {}
  for _, unit in ipairs(units) do
    local class = unit.classes[1]
    if not of_class[class] then
      of_class[class] = {}
      order[#order + 1] = class
    end
    table.insert(of_class[class], unit)
  end
  local dealt = {}
  for _, class in ipairs(order) do table.move(of_class[class], 1, #of_class[class], #dealt + 1, dealt) end
  return dealt
end

local function largest_first(units)
  for place, unit in ipairs(units) do unit.place = place end
  table.sort(units, function(a, b)
    if #a.rows ~= #b.rows then return #a.rows > #b.rows end
    return a.place < b.place
  end)
  return units
end

-- Returns how much a unit raises the sum of squares of the fold's shares of each class.
local function crowding(unit, fold, total)
  local sum = 0
  for _, class in ipairs(unit.classes) do
    local count = unit.count[class]
    sum = sum + count * (2 * (fold.count[class] or 0) + count) / total[class] ^ 2
  end
  return sum
end

-- Deals the units, the largest first, each to the fold that holds least of its classes; of equal folds to the smallest.
local function deal(units, total, k)
  local folds = {}
  for f = 1, k do folds[f] = { units = {}, rows = 0, count = {} } end
  for _, unit in ipairs(largest_first(dealing.by_class(units))) do
    local chosen, least
    for _, fold in ipairs(folds) do
      local crowded = crowding(unit, fold, total)
      if not chosen or crowded < least or crowded == least and fold.rows < chosen.rows then
        chosen, least = fold, crowded
      end
    end
    chosen.units[#chosen.units + 1], chosen.rows, unit.part = unit, chosen.rows + #unit.rows, chosen
    for _, class in ipairs(unit.classes) do
      chosen.count[class] = (chosen.count[class] or 0) + unit.count[class]
    end
  end
  return folds
end

--- Row numbers in rising order, as a tensor.
function dealing.rows_tensor(rows)
  table.sort(rows)
  return core.tensor(rows)
end

--- Returns k folds { train, test } of n rows, the units in each, and the number of rows of each class.
-- @param options { stratify, groups, seed }
-- @param name? of k in messages
function dealing.folds(operation, n, k, options, name)
  local units, total = dealing.units_of(operation, n, options)
  if k < 2 or k > #units then
    check.fail(operation, "%s: expected 2 to %d, the number of %s, got %d", name or "k", #units,
      options.groups and "groups" or "rows", k)
  end
  local folds, parts = {}, {}
  for f, fold in ipairs(deal(units, total, k)) do
    local train, test = {}, {}
    for _, unit in ipairs(units) do
      local part = unit.part == fold and test or train
      table.move(unit.rows, 1, #unit.rows, #part + 1, part)
    end
    folds[f] = { train = dealing.rows_tensor(train), test = dealing.rows_tensor(test) }
    parts[f] = fold.units
  end
  return folds, parts, total
end

return dealing
