--- Splits a data set in two parts or in k folds. The results are tensors of row numbers, for x:index.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"
local labels = require "moonbow.data.labels"

local split = {}

local MOST_ROWS = 1 << 24 -- float32 holds row numbers up to this exactly

-- Returns the units that no split divides: groups, or single rows. They are in random order, each with its rows, its
-- classes in the order of its rows, and its number of rows of each class. Also returns the number of rows of each
-- class.
local function units_of(operation, n, options)
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
    check.fail(operation, "%s: expected at least 2, got %d", groups and "groups" or "n", #units)
  end
  core.rng(options.seed):shuffle(units)
  return units, total
end

-- Returns the units sorted by the class of their first row.
local function by_class(units)
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
  for _, unit in ipairs(largest_first(by_class(units))) do
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

-- ---- what can be learned from parts that lack classes ----

local SHOWN = 5 -- at most this many classes are named in a warning

local function show_classes(classes, total)
  table.sort(classes, function(a, b)
    if total[a] ~= total[b] then return total[a] < total[b] end
    return tostring(a) < tostring(b)
  end)
  local texts = {}
  for i = 1, math.min(#classes, SHOWN) do
    texts[i] = ("%s (%d)"):format(check.show(classes[i]), total[classes[i]])
  end
  return table.concat(texts, ", ") .. (#classes > SHOWN and (" and %d more"):format(#classes - SHOWN) or "")
end

-- Counts the parts (lists of units) in which each class has rows.
local function spread_of(parts)
  local parts_with = {}
  for _, units in ipairs(parts) do
    local seen = {}
    for _, unit in ipairs(units) do
      for _, class in ipairs(unit.classes) do seen[class] = true end
    end
    for class in pairs(seen) do parts_with[class] = (parts_with[class] or 0) + 1 end
  end
  return parts_with
end

-- Raises if the groups are the classes, so that no class is on both sides of any split. Warns of classes that some
-- parts lack; `without` says in words which parts.
local function check_classes(operation, parts, total, options, without)
  if not options.stratify then return end
  local parts_with, alone, scarce, classes = spread_of(parts), {}, {}, 0
  for class in pairs(total) do
    classes = classes + 1
    if parts_with[class] == 1 then alone[#alone + 1] = class end
    if parts_with[class] > 1 and parts_with[class] < #parts then scarce[#scarce + 1] = class end
  end
  if options.groups and classes > 1 and #alone == classes then
    check.fail(operation, "groups: each class of stratify lies in one part, so that no class would be in both the "
      .. "training and the test rows and every prediction would be wrong; are the groups the classes?")
  end
  if #alone > 0 then
    check.warn(operation, "stratify: classes, with their rows, that are in one part only and so never both trained on "
      .. "and tested: %s", show_classes(alone, total))
  end
  if #scarce > 0 then
    check.warn(operation, "stratify: classes, with their rows, %s: %s", without, show_classes(scarce, total))
  end
end

local MOST_FOLDS = 20 -- at most this many are shown

local shown_folds = shown.kind("folds", function(folds)
  local rows = { { "fold", "train", "test" } }
  for f = 1, math.min(#folds, MOST_FOLDS) do
    rows[f + 1] = { f, core.count(folds[f].train), core.count(folds[f].test) }
  end
  local rest = #folds > MOST_FOLDS and ("\n(%d of %d folds)"):format(MOST_FOLDS, #folds) or ""
  return text_table.format(rows, { left = 0 }) .. rest
end)

-- ---- k folds, and one split ----

local function rows_tensor(rows)
  table.sort(rows)
  return core.tensor(rows)
end

-- Returns the number of rows; a user who passes the rows themselves is told how to count them.
local function row_count(operation, n)
  local holder = core.is_tensor(n) and "x" or type(n) == "table" and (n.x and "set.x" or "rows")
  return check.kind(operation, "n", n, "positive integer",
    holder and ("it is the number of rows: write mb.split.%s(#%s, ...)"):format(operation, holder) or nil)
end

local known = {
  stratify = check.optional "tensor|table", groups = check.optional "tensor|table",
  seed = check.default(0, "integer|table"),
}

--- k folds of n rows for cross-validation. Classes that are missing from the test rows of a fold, or from its training
-- rows, are named in a warning.
-- @param n integer number of rows, up to 2^24
-- @param k integer number of folds, from 2 on
-- @option stratify one label per row: every fold gets its share of each class. A list of numbers, strings or booleans,
--   or a tensor (N) or (N, 1); nil, NaN and blank strings raise
-- @option groups one label per row: rows of one group stay together. The largest groups are dealt first, which makes
--   the folds as even as possible in this order; seed decides among groups of equal size only. Raises if groups leave
--   no class on both sides of a split
-- @option seed an integer, or a table of integers, for the order of rows
-- @return table a list of k { train, test }: tensors of row numbers, for x:index
-- @usage
-- for _, fold in ipairs(mb.split.k_fold(#x, 5, { stratify = y })) do
--   local x_train, x_test = x:index(fold.train), x:index(fold.test)
-- end
function split.k_fold(n, k, options)
  n = row_count("k_fold", n)
  k = check.kind("k_fold", "k", k, "positive integer")
  options = check.options("k_fold", options, known)
  local units, total = units_of("k_fold", n, options)
  if k < 2 or k > #units then
    check.fail("k_fold", "k: expected 2 to %d, the number of %s, got %d", #units,
      options.groups and "groups" or "rows", k)
  end
  local dealt, parts, folds = deal(units, total, k), {}, {}
  for f, fold in ipairs(dealt) do parts[f] = fold.units end
  check_classes("k_fold", parts, total, options, ("that the test rows of some of the %d folds lack"):format(k))
  for f, fold in ipairs(dealt) do
    local train, test = {}, {}
    for _, unit in ipairs(units) do
      local part = unit.part == fold and test or train
      table.move(unit.rows, 1, #unit.rows, #part + 1, part)
    end
    folds[f] = { train = rows_tensor(train), test = rows_tensor(test) }
  end
  return shown_folds(folds)
end

--- One split of n rows in two parts.
-- @param n integer number of rows, up to 2^24
-- @param share number from 0 to 1: share of the rows in the second part, approximately; the part has at least one unit
--   (a row or a group) and not all
-- @return tensor row numbers of the first part, for training
-- @return tensor row numbers of the second part, for tests
-- @see split.k_fold
function split.holdout(n, share, options)
  n = row_count("holdout", n)
  check.kind("holdout", "share", share, "fraction")
  options = check.options("holdout", options, known)
  local units, total = units_of("holdout", n, options)
  local train, test, owed, parts = {}, {}, 0.5, { {}, {} } -- owed: rows that the second part lacks, plus a half
  for u, unit in ipairs(by_class(units)) do
    owed = owed + share * #unit.rows
    local is_last = u == #units
    local to_test = owed >= (#unit.rows + 1) / 2 and not (is_last and #train == 0) or is_last and #test == 0
    if to_test then owed = owed - #unit.rows end
    local part = to_test and test or train
    table.move(unit.rows, 1, #unit.rows, #part + 1, part)
    table.insert(parts[to_test and 2 or 1], unit)
  end
  check_classes("holdout", parts, total, options, "")
  return rows_tensor(train), rows_tensor(test)
end

check.takes(split.k_fold, 3, known)
check.takes(split.holdout, 3, known)

return split
