--- Splits for functions that make them for their users, whom messages tell of the function that they have called. They
-- say what cannot be learned from parts that lack classes.
local check = require "moonbow.check"
local dealing = require "moonbow.train.dealing"

local splits = {}

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
    check.fail(operation, "groups: each class lies in one part, so that no class would be in both the "
      .. "training and the test rows and every prediction would be wrong; are the groups the classes?")
  end
  if #alone > 0 then
    check.warn(operation, "classes, with their rows, that are in one part only and so never both trained on "
      .. "and tested: %s", show_classes(alone, total))
  end
  if #scarce > 0 then
    check.warn(operation, "classes, with their rows, %s: %s", without, show_classes(scarce, total))
  end
end

--- The folds of split.k_fold.
-- @param name of k in messages
-- @param options { stratify, groups, seed }
function splits.k_fold(operation, name, n, k, options)
  local folds, parts, total = dealing.folds(operation, n, k, options, name)
  check_classes(operation, parts, total, options, ("that the test rows of some of the %d folds lack"):format(k))
  return folds
end

--- The two parts of split.holdout.
-- @param options { stratify, groups, seed }
function splits.holdout(operation, n, share, options)
  local units, total = dealing.units_of(operation, n, options)
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
  check_classes(operation, parts, total, options, "")
  return dealing.rows_tensor(train), dealing.rows_tensor(test)
end

return splits
