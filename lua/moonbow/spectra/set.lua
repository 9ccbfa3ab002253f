--- The set of spectra that mb.spectra.read returns.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"

--- Spectra that share an axis, with what is known of each. print(spectra) says what it holds.
--
-- @class spectra
-- @field x tensor (N, L, 1) the values
-- @field axis table list of L numbers in double precision
-- @field axis_name string "Raman shift", "2theta"; nil if the file does not say
-- @field unit string of the axis, "cm-1", "nm", "deg"; nil if the file does not say
-- @field direction string "rising", "falling", or "none" for one point
-- @field quantity string kind of the values, "counts", "absorbance"; nil if the file does not say
-- @field percent boolean true: transmittance or reflectance in percent
-- @field decided string how the kind of the values was found
-- @field names table list of N names
-- @field labels table { [column] = list of N strings }
-- @field columns table list of the names of the labels, in order
-- @field sources table list of N paths
-- @field metadata table list of N tables { [name] = string or number }
-- @field notes table list of texts: what was left out or interpreted
-- @field length integer points of each
local Spectra = {}

local set = {}

local MOST_SHOWN = 5 -- values of a label, notes

local function plural(count, word) return ("%d %s"):format(count, word) end

local function axis_text(spectra)
  local axis, name = spectra.axis, spectra.axis_name or "axis"
  local unit = spectra.unit and " " .. spectra.unit or ""
  local direction = spectra.direction == "none" and "" or ", " .. spectra.direction
  return ("%s %.7g to %.7g%s%s"):format(name, axis[1], axis[#axis], unit, direction)
end

local function label_text(spectra, column)
  local seen, names = {}, {}
  for _, label in ipairs(spectra.labels[column]) do
    if not seen[label] then seen[label], names[#names + 1] = true, check.printable(label) end
  end
  return ("label %s: %d values, %s"):format(check.printable(column), #names, shown.list(names, MOST_SHOWN))
end

local function text_of(spectra)
  local n, length = core.size(spectra.x, 1), spectra.length
  local lines = { ("%s of %s; %s"):format(plural(n, n == 1 and "spectrum" or "spectra"),
    plural(length, length == 1 and "point" or "points"), axis_text(spectra)) }
  lines[2] = ("values: %s%s (%s)"):format(spectra.quantity or "unknown", spectra.percent and " in percent" or "",
    spectra.decided)
  for _, column in ipairs(spectra.columns) do lines[#lines + 1] = label_text(spectra, column) end
  for _, note in ipairs(spectra.notes) do lines[#lines + 1] = note end
  return table.concat(lines, "\n")
end

local make = shown.kind("spectra", text_of, Spectra)

--- "rising", "falling", or "none" for one point; else nil and the point where the axis turns. Points may be equal:
-- files print rounded positions.
function set.direction_of(axis)
  if #axis == 1 then return "none" end
  local rises = axis[#axis] > axis[1]
  for i = 2, #axis do
    local step = axis[i] - axis[i - 1]
    if rises and step < 0 or not rises and step > 0 then return nil, i end
  end
  if axis[#axis] == axis[1] then return nil, #axis end
  return rises and "rising" or "falling"
end

--- Makes a set of checked fields: x, axis, axis_name, unit, quantity, percent, decided, names, labels, columns,
-- sources, metadata, notes. The axis must rise or fall throughout.
function set.new(fields)
  fields.direction = assert(set.direction_of(fields.axis), "the axis turns")
  fields.length = #fields.axis
  return make(fields)
end

--- True if a value is a set.
function set.is(value) return getmetatable(value) == Spectra end

local function pick(list, rows)
  local picked = {}
  for i, row in ipairs(rows) do picked[i] = list[row] end
  return picked
end

--- Returns the set of some of the spectra, in the order given.
-- @param rows table|tensor the row numbers, from 1
-- @return spectra
function Spectra:select(rows)
  rows = check.numbers("select", "rows", rows)
  local count = core.size(self.x, 1)
  for i, row in ipairs(rows) do
    rows[i] = math.tointeger(row)
    if not rows[i] or row < 1 or row > count then
      check.fail("select", "rows[%d]: expected a row from 1 to %d, got %s", i, count, check.show(row))
    end
  end
  local labels = {}
  for column, list in pairs(self.labels) do labels[column] = pick(list, rows) end
  local copy = {}
  for key, value in pairs(self) do copy[key] = value end
  copy.x, copy.labels = core.index(self.x, core.tensor(rows)), labels
  copy.names, copy.sources, copy.metadata = pick(self.names, rows), pick(self.sources, rows), pick(self.metadata, rows)
  return make(copy)
end

counted.methods(Spectra, "spectra:")

return set
