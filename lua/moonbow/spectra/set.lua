--- The set of spectra that mb.spectra.read returns: its fields, how it prints, and how sets are made of sets. Its
-- methods are in points.lua, labels.lua, join.lua and plot.lua.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local axes = require "moonbow.spectra.axes"
local label_numbers = require "moonbow.spectra.label_numbers"

--- Spectra that share an axis, with what is known of each. print(spectra) says what it holds; #spectra is their number,
-- and spectra[i] the set of one of them. A set that is made of another one shares lists with it; spectra:with gives one
-- with other labels.
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

local set = { class = Spectra }

local MOST_SHOWN = 5 -- values of a label, notes
local MOST_METADATA, LONGEST_VALUE = 20, 100

local function axis_text(spectra)
  local axis, name = spectra.axis, spectra.axis_name or "axis"
  local unit = spectra.unit and " " .. spectra.unit or ""
  local direction = spectra.direction == "none" and "" or ", " .. spectra.direction
  return ("%s %.7g to %.7g%s%s"):format(name, axis[1], axis[#axis], unit, direction)
end

local function different(list)
  local seen, names = {}, {}
  for _, value in ipairs(list) do
    if not seen[value] then seen[value], names[#names + 1] = true, check.printable(value) end
  end
  return names
end

local function add_source(lines, spectra)
  local paths = different(spectra.sources)
  if #paths == 1 and paths[1] ~= "" then lines[#lines + 1] = "from " .. paths[1] end
  if #paths > 1 then lines[#lines + 1] = ("from %d files, %s to %s"):format(#paths, paths[1], paths[#paths]) end
end

local function add_missing(lines, spectra)
  local count = core.sum(core.ne(spectra.x, spectra.x))[1] // 1 | 0
  if count > 0 then lines[#lines + 1] = ("%d %s NaN"):format(count, count == 1 and "value is" or "values are") end
end

-- The least and the greatest number if all labels are numbers and they are many; else nil.
local function range_of(names)
  local low, high = math.huge, -math.huge
  for _, name in ipairs(names) do
    local value = tonumber(name)
    if not value or #names <= MOST_SHOWN then return nil end
    low, high = math.min(low, value), math.max(high, value)
  end
  return low, high
end

local function label_text(spectra, column)
  local names = different(spectra.labels[column])
  local low, high = range_of(names)
  if low then return ("label %s: %d numbers, %.7g to %.7g"):format(check.printable(column), #names, low, high) end
  return ("label %s: %d %s, %s"):format(check.printable(column), #names, #names == 1 and "value" or "values",
    shown.list(names, MOST_SHOWN))
end

-- Blanks with a line break among them as a sign in one line.
local function one_line(blanks) return blanks:find "[\r\n]" and "; " end

local function add_metadata(lines, metadata)
  local names = check.sorted_keys(metadata)
  for i = 1, math.min(#names, MOST_METADATA) do
    local value = tostring(metadata[names[i]]):gsub("%s+", one_line)
    if #value > LONGEST_VALUE then value = value:sub(1, LONGEST_VALUE):gsub("[\192-\255][\128-\191]*$", "") .. "..." end
    lines[#lines + 1] = check.printable(("  %s: %s"):format(names[i], value))
  end
  if #names > MOST_METADATA then lines[#lines + 1] = ("  and %d more in metadata"):format(#names - MOST_METADATA) end
end

local function add_notes(lines, notes)
  for i = 1, math.min(#notes, MOST_SHOWN) do lines[#lines + 1] = notes[i] end
  if #notes > MOST_SHOWN then lines[#lines + 1] = ("and %d more notes"):format(#notes - MOST_SHOWN) end
end

local function text_of(spectra)
  local n, length = core.size(spectra.x, 1), spectra.length
  local lines = { ("%d %s of %d %s; %s"):format(n, n == 1 and "spectrum" or "spectra", length,
    length == 1 and "point" or "points", axis_text(spectra)) }
  lines[2] = ("values: %s%s (%s)"):format(spectra.quantity or "unknown", spectra.percent and " in percent" or "",
    spectra.decided)
  add_source(lines, spectra)
  add_missing(lines, spectra)
  for _, column in ipairs(spectra.columns) do lines[#lines + 1] = label_text(spectra, column) end
  if n == 1 then add_metadata(lines, spectra.metadata[1]) end
  add_notes(lines, spectra.notes)
  return table.concat(lines, "\n")
end

local make = shown.kind("spectra", text_of, Spectra)

--- Makes a set of checked fields: x, axis, axis_name, unit, quantity, percent, decided, names, labels, columns,
-- sources, metadata, notes. The axis must rise or fall throughout, as direction says if it is given. axis_name and
-- percent may be false for nil.
function set.new(fields)
  fields.direction = fields.direction or assert(axes.direction(fields.axis), "the axis turns")
  fields.length = #fields.axis
  fields.axis_name, fields.percent = fields.axis_name or nil, fields.percent or nil
  return make(fields)
end

--- True if a value is a set.
function set.is(value) return getmetatable(value) == Spectra end

--- Returns a set that differs from another one in some fields. Lists are shared.
function set.like(spectra, fields)
  local copy = {}
  for key, value in next, spectra do copy[key] = value end
  if fields.axis then copy.direction = nil end
  for key, value in pairs(fields) do copy[key] = value end
  return set.new(copy)
end

Spectra.__len = function(spectra) return core.size(spectra.x, 1) end

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
  for i, row in ipairs(rows) do
    rows[i] = math.tointeger(row)
    if not rows[i] or row < 1 or row > #self then
      check.fail("select", "rows[%d]: expected a row from 1 to %d, got %s", i, #self, check.show(row))
    end
  end
  local labels = {}
  for column, list in pairs(self.labels) do labels[column] = label_numbers.part(pick(list, rows), list) end
  return set.like(self, { x = core.index(self.x, core.tensor(rows)), labels = labels, names = pick(self.names, rows),
    sources = pick(self.sources, rows), metadata = pick(self.metadata, rows) })
end

--- Lets spectra[i] be the set of one spectrum. Called once, when all methods are there and count their arguments.
function set.open()
  Spectra.__index = function(spectra, key)
    if type(key) ~= "number" then return Spectra[key] end
    local row = math.tointeger(key)
    if row and row >= 1 and row <= #spectra then return Spectra.select(spectra, { row }) end
  end
end

return set
