--- Columns x, y, x, y: spectra that each have an axis of their own.
local core = require "moonbow.core"
local header = require "moonbow.io.csv.header"
local names = require "moonbow.io.csv.names"
local trim = require "moonbow.io.trim"
local body = require "moonbow.io.csv.body"
local beside = require "moonbow.io.csv.beside"

local pairs_of = {}

local FEWEST_POINTS = 3
local LARGEST = 3.4028234663852886e38 -- number of single precision

-- Without a number at the end, and what stands before it.
local function bare(text)
  text = text:lower()
  local stem = trim.right(text, "%d")
  return #stem < #text and trim.right(stem, "%s_.") or text
end

-- True if the names say that every second column is an axis: axis names, the name of the first again, or one of each
-- pair empty.
local function are_named(cells)
  for c = 1, #cells, 2 do
    local is_x = names.is_axis(cells[c]) or names.is_axis(bare(cells[c])) or bare(cells[c]) == bare(cells[1])
    if not is_x and cells[c + 1] ~= "" then return false end
  end
  return true
end

-- True if two axes cover much the same range.
local function overlap(a, b)
  local low, high = math.max(math.min(a[1], a[#a]), math.min(b[1], b[#b])), math.min(math.max(a[1], a[#a]),
    math.max(b[1], b[#b]))
  return high - low >= 0.5 * math.max(math.abs(a[#a] - a[1]), math.abs(b[#b] - b[1]))
end

-- Spectra with their axes; those with the same axis as the first stand together.
local function set_of(spectra, found, commented)
  local set = { blocks = {}, labels = {}, columns = {}, commented = commented, skipped = 0, unit_cells = {},
    first_column = 1, axis_text = found and found.cells[1], notes = {
      ("read as %d pairs of columns, each with an axis and a spectrum"):format(#spectra) } }
  for k, spectrum in ipairs(spectra) do
    local name = found and found.cells[2 * k] or ""
    if found and name == "" then name = found.cells[2 * k - 1] end
    set.blocks[k] = { axis = spectrum.axis, x = spectrum.x, name = name ~= "" and name or nil }
  end
  set.axis, set.x = spectra[1].axis, spectra[1].x
  return set
end

local function are_axes(spectra, is_named)
  for _, spectrum in ipairs(spectra) do
    if #spectrum.axis < FEWEST_POINTS or not header.check_axis(spectrum.axis) then return false end
    if not is_named and not overlap(spectrum.axis, spectra[1].axis) then return false end
  end
  return true
end

--- True if a table, whose y was read with one axis, may hold pairs: its names do not say otherwise, and the second axis
-- only rises or falls. A cheap look before all is read again.
function pairs_of.may_be(cells, found, y)
  return #cells >= 4 and #cells % 2 == 0 and (not found or are_named(found.cells))
    and beside.is_axis(y, 2)
end

--- Reads pairs of columns, if the table holds them. Returns the set or nil.
function pairs_of.read(lines, first, cells, found, dialect)
  local again = body.read(lines, first, cells, ("x1"):rep(#cells // 2), dialect)
  local y = body.transposed(again.x)
  local spectra = {}
  for k, axis in ipairs(again.axes) do spectra[k] = { axis = axis, x = core.reshape(core.row(y, k), 1, #axis) } end
  return are_axes(spectra, found) and set_of(spectra, found, again.commented) or nil
end

-- Appends the numbers of a line to the spectra; nil if it does not fit: a pair that has ended must stay empty.
local function add_line(columns, line, width, dialect)
  local cells = core.csv_cells(line, dialect.separator)
  if not cells then return nil end
  for c = 1, math.max(width, #cells) do
    local text, list = cells[c] or "", columns[c]
    local value = core.csv_number(text, dialect.decimal)
    if text ~= "" and not (list and value and math.abs(value) <= LARGEST and not list.has_ended) then return nil end
    if text == "" and list then list.has_ended = true end
    if value then list[#list + 1] = value end
  end
  return true
end

--- Reads pairs of columns of different lengths, whose cells below the shorter ones are empty.
-- @param failure of the table with one axis; returned, after nil, if there are no such pairs: if all cells hold
--   numbers, none is shorter
function pairs_of.read_ragged(lines, first, cells, found, dialect, failure)
  local width = #cells
  local is_even = width >= 4 and width % 2 == 0 and dialect.separator ~= " "
  if failure.is_whole or not is_even or found and not are_named(found.cells) then return nil, failure end
  local columns = {}
  for c = 1, width do columns[c] = {} end
  local i = lines:next(first)
  while i do
    if not add_line(columns, lines[i], width, dialect) then return nil, failure end
    i = lines:next(i + 1)
  end
  local spectra = {}
  for k = 1, width // 2 do
    local axis, values = columns[2 * k - 1], columns[2 * k]
    if #axis ~= #values or #axis < FEWEST_POINTS then return nil, failure end
    spectra[k] = { axis = axis, x = core.reshape(core.tensor(values), 1, #axis) }
  end
  if not are_axes(spectra, found) then return nil, failure end
  return set_of(spectra, found, 0)
end

return pairs_of
