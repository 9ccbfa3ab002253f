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

--- True if a name says that its column is an axis beside a first one: an axis name, or the name of the first again.
function pairs_of.is_axis(name, first)
  return names.is_axis(name) or names.is_axis(bare(name)) or bare(name) == bare(first)
end

-- True if the names say that every second column is an axis: axis names, the name of the first again, or one of each
-- pair empty.
local function are_named(cells)
  for c = 1, #cells, 2 do
    if not pairs_of.is_axis(cells[c], cells[1]) and cells[c + 1] ~= "" then return false end
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
  local set = { blocks = {}, labels = {}, columns = {}, commented = commented, skipped = 0,
    first_column = 2, axis_text = found and found.cells[1], notes = {
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

--- Reads pairs of columns, if the table holds them. Returns the set; or nil, and a failure if its numbers are in doubt.
function pairs_of.read(lines, first, cells, found, dialect)
  local again, failure = body.read(lines, first, cells, ("x1"):rep(#cells // 2), dialect)
  if not again then return nil, failure end
  local y = body.transposed(again.x)
  local spectra = {}
  for k, axis in ipairs(again.axes) do spectra[k] = { axis = axis, x = core.reshape(core.row(y, k), 1, #axis) } end
  if not are_axes(spectra, found) then return nil end
  local set = set_of(spectra, found, again.commented)
  table.insert(set.notes, again.axis_note)
  return set
end

-- Notes what a number says of the decimal sign, as C does for tables without empty cells.
local function note_sign(signs, text, line, column, decimal)
  if header.may_be_group(text, decimal) then
    signs.group = signs.group or { line, column, text }
  elseif text:find "^[+-]?%d%d?%d?$" then
    signs.has_whole = true
  else
    signs.is_certain = true
  end
end

-- Returns the set, or nil and a failure if separators of thousands are possible, as body.read does for other tables.
local function with_signs(set, lines, signs, dialect)
  local values, axes = signs[0], signs[1]
  if dialect.decided or values.is_certain then return set end
  local is_shared = dialect.separator == dialect.decimal
  local is_doubtful = values.group and (values.has_whole or is_shared)
  local are_groups = axes.group and not (axes.has_whole or axes.is_certain)
  if is_doubtful or are_groups and is_shared then
    return nil, body.doubt(lines, table.unpack(is_doubtful and values.group or axes.group))
  end
  if are_groups then table.insert(set.notes, header.group_note(axes.group[3], dialect.decimal)) end
  return set
end

-- Appends the numbers of line i to the spectra; nil if it does not fit: a pair that has ended must stay empty.
local function add_line(columns, lines, i, width, dialect)
  local cells = core.csv_cells(lines[i], dialect.separator)
  if not cells then return nil end
  for c = 1, math.max(width, #cells) do
    local text, list = cells[c] or "", columns[c]
    local value = core.csv_number(text, dialect.decimal)
    if text ~= "" and not (list and value and math.abs(value) <= LARGEST and not columns.ended[c]) then return nil end
    columns.ended[c] = columns.ended[c] or text == ""
    if value then list[#list + 1] = value end
    if value then note_sign(columns.signs[c % 2], text, i, c, dialect.decimal) end
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
  local columns = { ended = {}, signs = { [0] = {}, {} } } -- of values, and of axes
  for c = 1, width do columns[c] = {} end
  local i = lines:next(first)
  while i do
    if not add_line(columns, lines, i, width, dialect) then return nil, failure end
    i = lines:next(i + 1)
  end
  local spectra = {}
  for k = 1, width // 2 do
    local axis, values = columns[2 * k - 1], columns[2 * k]
    if #axis ~= #values or #axis < FEWEST_POINTS then return nil, failure end
    spectra[k] = { axis = axis, x = core.reshape(core.tensor(values), 1, #axis) }
  end
  if not are_axes(spectra, found) then return nil, failure end
  return with_signs(set_of(spectra, found, 0), lines, columns.signs, dialect)
end

return pairs_of
