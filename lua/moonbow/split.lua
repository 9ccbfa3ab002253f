--- Parts of a data set: one split, and k folds. What comes back are tensors of row numbers, for x:index.
local core = require "moonbow.core"
local check = require "moonbow.check"

local split = {}

local function as_list(operation, name, values, n)
  if values == nil then return nil end
  check.kind(operation, name, values, "tensor|table")
  local list = core.is_tensor(values) and core.totable(values) or values
  if #list ~= n then check.fail(operation, "%s: expected %d entries, got %d", name, n, #list) end
  return list
end

-- Units are what may not be torn apart: groups, or single rows. Returned in random order, each with its
-- rows and the class of its first row.
local function units_of(operation, n, options)
  local groups = as_list(operation, "groups", options.groups, n)
  local classes = as_list(operation, "stratify", options.stratify, n)
  local units, by_group = {}, {}
  for i = 1, n do
    local group = groups and groups[i] or i
    local unit = by_group[group]
    if not unit then
      unit = { rows = {}, class = classes and classes[i] or 1 }
      by_group[group] = unit
      units[#units + 1] = unit
    end
    unit.rows[#unit.rows + 1] = i
  end
  core.rng(options.seed):shuffle(units)
  return units
end

-- Units in the order of dealing: class by class, so that every fold gets its share of each.
local function by_class(units)
  local order, of_class = {}, {}
  for _, unit in ipairs(units) do
    if not of_class[unit.class] then
      of_class[unit.class] = {}
      order[#order + 1] = unit.class
    end
    table.insert(of_class[unit.class], unit)
  end
  local dealt = {}
  for _, class in ipairs(order) do table.move(of_class[class], 1, #of_class[class], #dealt + 1, dealt) end
  return dealt
end

local function rows_tensor(rows)
  table.sort(rows)
  return core.tensor(rows)
end

local known = {
  stratify = check.optional "tensor|table", groups = check.optional "tensor|table",
  seed = check.default(0, "integer|table"),
}

--- k folds of n rows: mb.split.k_fold(n, k, { stratify = classes, groups = names, seed = 0 }).
-- With stratify, every fold gets its share of each class; with groups, rows of one group stay together;
-- with both, groups are dealt by the class of their first row.
-- @return a list of k { train, test }: tensors of row numbers
function split.k_fold(n, k, options)
  n = check.kind("k_fold", "n", n, "positive integer")
  k = check.kind("k_fold", "k", k, "positive integer")
  options = check.options("k_fold", options, known)
  local units = by_class(units_of("k_fold", n, options))
  if k < 2 or k > #units then
    check.fail("k_fold", "k: expected 2 to %d, the number of %s, got %d", #units,
      options.groups and "groups" or "rows", k)
  end
  local folds = {}
  for f = 1, k do
    local train, test = {}, {}
    for u, unit in ipairs(units) do
      local part = (u - 1) % k + 1 == f and test or train
      table.move(unit.rows, 1, #unit.rows, #part + 1, part)
    end
    folds[f] = { train = rows_tensor(train), test = rows_tensor(test) }
  end
  return folds
end

--- One split of n rows: mb.split.holdout(n, 0.2, options as k_fold). About the share comes into the second
-- part, at least one unit and not all.
-- @return train, test: tensors of row numbers
function split.holdout(n, share, options)
  n = check.kind("holdout", "n", n, "positive integer")
  check.kind("holdout", "share", share, "fraction")
  options = check.options("holdout", options, known)
  local units = by_class(units_of("holdout", n, options))
  if #units < 2 then check.fail("holdout", "expected at least 2 rows or groups, got %d", #units) end
  local train, test, owed = {}, {}, 0.5
  for u, unit in ipairs(units) do
    owed = owed + share
    local left = #units - u
    local to_test = owed >= 1 and not (left == 0 and #train == 0) or left == 0 and #test == 0
    if to_test then owed = owed - 1 end
    local part = to_test and test or train
    table.move(unit.rows, 1, #unit.rows, #part + 1, part)
  end
  return rows_tensor(train), rows_tensor(test)
end

return split
