--- The spectra of a set: a tensor, or tensors by name for a model of several inputs.
local core = require "moonbow.core"
local check = require "moonbow.check"
local values_of = require "moonbow.data.values_of"

local named = {}

--- True for a table of tensors by name.
function named.is_table(x) return type(x) == "table" and getmetatable(x) == nil end

--- Calls f for the tensor, or for each by name and in the order of names; returns the results in the same form.
function named.map(x, f)
  if not named.is_table(x) then return f(x) end
  local names, results = {}, {}
  for name in pairs(x) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do results[name] = f(x[name], name) end
  return results
end

--- The part of an input by its name; x itself for nil.
function named.at(x, name)
  if name == nil then return x end
  return x[name]
end

--- x with another part for the input of a name; the part alone for nil.
function named.with(x, name, part)
  if name == nil then return part end
  return named.map(x, function(own, key) return key == name and part or own end)
end

--- Concatenates the rows of a list of such inputs.
function named.concat(list)
  return named.map(list[1], function(_, name)
    local parts = {}
    for i, x in ipairs(list) do parts[i] = named.at(x, name) end
    return core.concat(parts, 1)
  end)
end

local function any(x)
  if named.is_table(x) then return select(2, next(x)) end
  return x
end

--- The number of rows.
function named.count(x) return core.size(any(x), 1) end

--- Rows by their numbers, or count of them from a first one on; nil for nil.
function named.index(x, rows)
  return x and named.map(x, function(part) return core.index(part, rows) end)
end
function named.narrow(x, first, count)
  return x and named.map(x, function(part) return core.narrow(part, first, count) end)
end

--- Closes temporary tensors.
function named.close(x) named.map(x, core.close) end

--- The shapes of one row, without the batch.
function named.shape(x)
  return named.map(x, function(part) return { table.unpack(core.shape(part), 2) } end)
end

local function check_one(operation, name, x)
  check.kind(operation, name, x, "tensor")
  if core.rank(x) < 2 then
    check.fail(operation, "%s: expected a row for each spectrum, (N, L, C), got shape %s", name,
      check.show_shape(core.shape(x)))
  end
  return x
end

--- Reads spectra: a tensor (N, ...), a set, or a table of such by name with equal numbers of rows.
-- @param name for messages
function named.read(operation, name, x)
  x = values_of(x)
  if not named.is_table(x) or next(x) == nil then return check_one(operation, name, x) end
  if x[1] ~= nil then check.kind(operation, name, x, "tensor", "mb.tensor makes one of a list") end
  local rows, first
  return named.map(x, function(part, key)
    check.kind(operation, name .. "'s keys", key, "string")
    local where = ("%s.%s"):format(name, key)
    part = check_one(operation, where, values_of(part))
    rows, first = rows or core.size(part, 1), first or where
    if core.size(part, 1) ~= rows then
      check.fail(operation, "%s: expected %d rows, as %s has, got %d", where, rows, first, core.size(part, 1))
    end
    return part
  end)
end

return named
