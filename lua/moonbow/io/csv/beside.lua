--- Columns that stand beside spectra and hold something else: errors of their values, or values of another kind.
local core = require "moonbow.core"
local check = require "moonbow.check"
local names = require "moonbow.io.csv.names"
local units = require "moonbow.spectra.units"

local beside = {}

local SQRT_TOLERANCE, SQRT_SHARE = 0.02, 0.9 -- errors of counts are their roots: so near, for so many of the points
local FEWEST_SMOOTH, SMOOTH = 50, 0.1 -- points of a background, and the sum of its steps beside that of the values
local LARGEST_ERROR = 0.1 -- of the value: smaller numbers beside all values are errors

-- Returns f(x, ...), which takes the place of x: as garbage, tensors of all points would stay beside each other.
local function replaced(x, f, ...)
  local y = f(x, ...)
  core.close(x)
  return y
end

-- Roots of counts, or positive numbers that are all small beside the values.
local function are_errors(values, others)
  local least = core.describe(others).min
  if least < 0 then return false end
  local beyond = replaced(replaced(core.abs(values), core.mul, -LARGEST_ERROR), core.add, others)
  local most = core.describe(beyond).max
  core.close(beyond)
  if least > 0 and most < 0 then return true end
  local roots = replaced(core.abs(values), core.sqrt)
  local apart, bound = replaced(core.sub(others, roots), core.abs), replaced(roots, core.mul, SQRT_TOLERANCE)
  local near = replaced(apart, core.le, bound)
  core.close(bound)
  return core.get(replaced(near, core.mean), 1) >= SQRT_SHARE
end

-- Returns the differences of neighbouring values.
local function steps_of(values)
  local count = core.size(values, 1) - 1
  local before = core.slice(values, 1, 1, count)
  local steps = replaced(core.slice(values, 1, 2, count), core.sub, before)
  core.close(before)
  return steps
end

--- True if the values of spectrum c of y (spectra, points) only rise or only fall, as an axis does.
function beside.is_axis(y, c)
  if core.size(y, 2) < 2 then return true end
  local steps = core.describe(steps_of(core.reshape(core.row(y, c), -1)))
  return steps.min > 0 or steps.max < 0
end

local function path_of(values)
  return core.get(replaced(replaced(steps_of(values), core.abs), core.sum), 1)
end

-- A smooth curve along the values: its way up and down is short beside theirs.
local function is_background(values, others)
  if core.size(values, 1) < FEWEST_SMOOTH then return false end
  local is, other = core.describe(values), core.describe(others)
  return other.min >= is.min and other.max <= is.max and path_of(others) <= SMOOTH * path_of(values)
end

--- What the second of two columns of values without names holds beside the first: "errors", "a background", or nil if
-- it may be a spectrum.
function beside.kind_of_second(y)
  if core.size(y, 1) ~= 2 then return nil end
  local values, others = core.reshape(core.row(y, 1), -1), core.reshape(core.row(y, 2), -1)
  return are_errors(values, others) and "errors of the values" or is_background(values, others) and "a background"
    or nil
end

local function unlike(a, b) return a and b and a ~= b end

-- True if the names of the columns, or their units, say that spectrum c holds values of another kind than the first one
-- that is kept.
local function is_of_another_kind(set, c, first)
  local function unit_of(k)
    local unit = (set.unit_cells or {})[k + set.first_column - 1] or ""
    local quantity, percent = units.quantity(unit)
    return (percent or units.is_percent(unit)) and "percent" or quantity
  end
  local unit, own_unit = unit_of(first), unit_of(c)
  if unlike(unit, own_unit) then return true end
  if not units.names_tell(set.names) then return false end
  local name, own_name = units.quantity(set.names[first]), units.quantity(set.names[c])
  local by_unit = not own_unit and unit ~= "percent" and unit or nil
  return unlike(name or by_unit, own_name)
end

-- Returns why column c is no spectrum beside the first that is kept (nil: none yet); or nil.
local function reason(set, c, first)
  local name = set.names and set.names[c]
  if not name then return c == 2 and "taken for " .. beside.kind_of_second(set.x) or nil end
  if names.is_axis(name) and beside.is_axis(set.x, c) then return "another axis" end
  if names.is_setting(name) and units.names_tell(set.names) then return "a setting of each point" end
  if not first then return nil end
  return names.is_error(name) and "errors of the values" or is_of_another_kind(set, c, first)
    and "values of another kind" or nil
end

-- Returns the spectra to be kept, and { [spectrum] = why } of the others.
local function choose(set)
  local count, kept, why = core.size(set.x, 1), {}, {}
  for c = 1, count do
    why[c] = count > 1 and reason(set, c, kept[1]) or nil
    if not why[c] then kept[#kept + 1] = c end
  end
  if #kept == 0 then return { 1 }, { table.unpack(why, 2) } end
  return kept, why
end

-- The spectrum that the option block names: by its name or the number of its column.
local function find(set, block)
  local first = set.first_column
  for c = 1, core.size(set.x, 1) do
    if block == c + first - 1 or set.names and set.names[c] == block then return c end
  end
end

local function keep(set, kept)
  local function pick(list)
    local picked = {}
    for i, c in ipairs(kept) do picked[i] = list[c] end
    return picked
  end
  set.x, set.names, set.first_kept = core.index(set.x, core.tensor(kept)), set.names and pick(set.names), kept[1]
  for column, list in pairs(set.labels) do set.labels[column] = pick(list) end
end

-- Notes that letters, which may also be kinds of values, are taken for names of samples.
local function note_letters(set)
  if not set.names or units.names_tell(set.names) then return end
  for _, name in ipairs(set.names) do
    local quantity = units.quantity(name)
    if quantity then
      table.insert(set.notes, ("column %s is taken for a sample, not for %s; block = %s reads it alone"):format(
        check.show(name), quantity, check.show(name)))
      return
    end
  end
end

--- Leaves out columns that are not spectra of the same kind, with notes; or all but the one that block names. Three
-- columns without names hold x, y and errors here.
-- @return true; or nil and a message
function beside.leave_out(set, block)
  if not set.names and core.size(set.x, 1) ~= 2 and not block then return true end
  if block then
    local c = find(set, block)
    if not c then return nil, ("block: there is no column %s with values"):format(check.show(block)) end
    keep(set, { c })
    return true
  end
  local kept, why = choose(set)
  for c = 1, core.size(set.x, 1) do
    if why[c] then
      local column = c + set.first_column - 1
      local name = set.names and (" (%s)"):format(check.printable(set.names[c])) or ""
      table.insert(set.notes, ("column %d%s left out: %s; block = %d reads it"):format(column, name, why[c], column))
    end
  end
  if #kept < core.size(set.x, 1) then keep(set, kept) end
  note_letters(set)
  return true
end

return beside
