--- Reads labels, one per row, for every function that takes labels, and turns them into class numbers.
local core = require "moonbow.core"
local check = require "moonbow.check"

local labels = {}

local MOST_SHOWN = 10 -- names in a message

--- The largest class number, since memory is needed for every class up to it.
labels.MOST_CLASSES = 1 << 20

local function is_one_per_row(x) return core.count(x) == core.size(x, 1) end

local function as_list(operation, name, values)
  if not core.is_tensor(values) then return values end
  if not is_one_per_row(values) then
    check.fail(operation, "%s: expected one label per row, (N) or (N, 1), got shape %s", name,
      check.show_shape(core.shape(values)))
  end
  return core.totable(core.reshape(values, -1))
end

-- An entry of a table may be a table with one entry: a row of (N, 1).
local function entry_of(values, i)
  local entry = values[i]
  if type(entry) == "table" and #entry == 1 then entry = entry[1] end
  return entry
end

--- The number of different entries in a list.
function labels.count_different(list)
  local seen, count = {}, 0
  for _, entry in ipairs(list) do
    if not seen[entry] then seen[entry], count = true, count + 1 end
  end
  return count
end

--- Combines columns of cells: one text for each row, equal where all cells are equal.
function labels.combined(columns)
  local cells = {}
  for _, column in ipairs(columns) do
    for i, cell in ipairs(column) do cells[i] = (cells[i] or "") .. "\0" .. cell end
  end
  return cells
end

local readable = { number = true, string = true, boolean = true }

-- True for a blank string: an empty cell of a file is not a label.
local function is_blank(entry) return type(entry) == "string" and not entry:find "%S" end

--- A list of n labels: numbers, strings or booleans.
-- @param values a tensor (N) or (N, 1), or a table of N; NaN, nil, blank strings and any other kind of value raise
function labels.list(operation, name, values, n)
  check.kind(operation, name, values, "tensor|table")
  values = as_list(operation, name, values)
  if #values ~= n then check.fail(operation, "%s: expected %d labels, one per row, got %d", name, n, #values) end
  local list = {}
  for i = 1, n do
    local entry = entry_of(values, i)
    if not readable[type(entry)] or entry ~= entry or is_blank(entry) then
      check.fail(operation, "%s: row %d: expected a label, got %s", name, i,
        is_blank(entry) and "a blank string" or check.show(entry))
    end
    list[i] = entry
  end
  return list
end

--- The number of labels of a list or tensor, of which there must be one.
function labels.count(operation, name, values)
  check.kind(operation, name, values, "tensor|table")
  local count = core.is_tensor(values) and core.size(values, 1) or #values
  if count == 0 then check.fail(operation, "%s: expected at least one, got none", name) end
  return count
end

--- Copies a list of the names of classes, each of which must stand in it once.
function labels.names(operation, names)
  local list, seen = labels.list(operation, "names", names, labels.count(operation, "names", names)), {}
  for k, name in ipairs(list) do
    if seen[name] then check.fail(operation, "names: %s stands at %d and at %d", check.show(name), seen[name], k) end
    seen[name] = k
  end
  return list
end

--- A list of n class numbers, integers from 1 on, and the largest of them.
-- @param values as for labels.list
-- @param most the number of classes, if it is known
function labels.classes(operation, name, values, n, most)
  local list, largest = labels.list(operation, name, values, n), 1
  for i, label in ipairs(list) do
    local class = type(label) == "number" and math.tointeger(label)
    if not class or class < 1 or class > (most or labels.MOST_CLASSES) then
      local known = most and ("from 1 to %d, the number of classes"):format(most)
        or "1, 2, ..., up to " .. labels.MOST_CLASSES
      check.fail(operation, "%s: row %d: expected a class number %s, got %s%s", name, i, known,
        label == 0 and "0 (classes count from 1)" or check.show(label),
        math.type(label) ~= "integer" and "; mb.class_numbers makes them of any labels" or "")
    end
    list[i], largest = class, math.max(largest, class)
  end
  return list, largest
end

-- Returns the different labels in a list, sorted: numbers by value, strings by their bytes, false before true. Raises
-- if they are of several types, which have no order.
local function different(operation, list)
  local names, seen, kind = {}, {}, type(list[1])
  for i, label in ipairs(list) do
    if type(label) ~= kind then
      check.fail(operation, "labels: expected labels of one type, got %s in row 1 and %s in row %d",
        check.show(list[1]), check.show(label), i)
    end
    if not seen[label] then
      names[#names + 1], seen[label] = kind == "number" and math.tointeger(label) or label, true -- tensors hold floats
    end
  end
  table.sort(names, kind == "boolean" and function(a, b) return not a and b end or nil)
  return names
end

local function check_known(operation, label, row, names)
  local texts = {}
  for k, name in ipairs(names) do texts[k] = tostring(name) end
  local nearest = type(label) == "string" and check.nearest(label, texts)
  local few = #texts <= MOST_SHOWN and (": %s"):format(check.printable(table.concat(texts, ", "))) or ""
  check.fail(operation, "labels: row %d: %s is none of the %s%s", row, check.show(label),
    check.show_count(#names, "name"), nearest and (" (did you mean %s?)"):format(check.show(nearest)) or few)
end

--- Turns a list of labels into class numbers: the places of the labels among the names.
-- @param names the classes in order; the different labels, sorted, unless given
-- @return list of class numbers; list of names
function labels.encode(operation, list, names)
  names = names or different(operation, list)
  local numbers, y = {}, {}
  for k, name in ipairs(names) do numbers[name] = k end
  for i, label in ipairs(list) do y[i] = numbers[label] or check_known(operation, label, i, names) end
  return y, names
end

return labels
