--- Splits a data set in two parts or in k folds. The results are tensors of row numbers, for x:index.
local core = require "moonbow.core"
local check = require "moonbow.check"
local dealing = require "moonbow.train.dealing"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local split = {}

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
-- @return table a list of k { train = , test = }: tensors of row numbers, for x:index
-- @usage
-- for _, fold in ipairs(mb.split.k_fold(#x, 5, { stratify = y })) do
--   local x_train, x_test = x:index(fold.train), x:index(fold.test)
-- end
function split.k_fold(n, k, options)
  n = row_count("k_fold", n)
  k = check.kind("k_fold", "k", k, "positive integer")
  options = check.options("k_fold", options, known)
  local folds, parts, total = dealing.folds("k_fold", n, k, options)
  check_classes("k_fold", parts, total, options, ("that the test rows of some of the %d folds lack"):format(k))
  return shown_folds(folds)
end

--- One split of n rows in two parts.
-- @param n integer number of rows, up to 2^24
-- @param share number above 0 and below 1: share of the rows in the second part, approximately; the part has at least
--   one unit (a row or a group) and not all
-- @return tensor row numbers of the first part, for training
-- @return tensor row numbers of the second part, for tests
-- @see split.k_fold
function split.holdout(n, share, options)
  n = row_count("holdout", n)
  check.kind("holdout", "share", share, "number")
  if not (share > 0 and share < 1) then
    check.fail("holdout", "share: expected a number above 0 and below 1, got %s", check.show(share))
  end
  options = check.options("holdout", options, known)
  local units, total = dealing.units_of("holdout", n, options)
  local train, test, owed, parts = {}, {}, 0.5, { {}, {} } -- owed: rows that the second part lacks, plus a half
  for u, unit in ipairs(dealing.by_class(units)) do
    owed = owed + share * #unit.rows
    local is_last = u == #units
    local to_test = owed >= (#unit.rows + 1) / 2 and not (is_last and #train == 0) or is_last and #test == 0
    if to_test then owed = owed - #unit.rows end
    local part = to_test and test or train
    table.move(unit.rows, 1, #unit.rows, #part + 1, part)
    table.insert(parts[to_test and 2 or 1], unit)
  end
  check_classes("holdout", parts, total, options, "")
  return dealing.rows_tensor(train), dealing.rows_tensor(test)
end

check.takes(split.k_fold, 3, known)
check.takes(split.holdout, 3, known)

return split
