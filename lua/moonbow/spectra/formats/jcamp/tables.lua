--- The data tables of JCAMP-DX: their points, with what the file says of them checked.
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local form = require "moonbow.spectra.formats.jcamp.form"
local groups = require "moonbow.spectra.formats.jcamp.groups"
local lines = require "moonbow.spectra.formats.jcamp.lines"
local variables = require "moonbow.spectra.formats.jcamp.variables"

local tables = {}

local TOLERANCE = 1e-3 -- of the largest value: labels are rounded

--- True if a table holds peaks, and nothing between them.
function tables.is_sticks(entry)
  return entry.kind:find "PEAK" ~= nil or entry.kind == "ASSIGNMENTS" or entry.record.head:upper():find "PEAKS" ~= nil
end

--- Returns the form of a table (form.lua) with the variables x and y.
function tables.shape(source, entry)
  local record = entry.record
  local shape = form.read(entry.kind, record.head, variables.symbols(entry))
  if not shape then source:fail("line %d: a table of the form '%s' is not read", record.line - 1, record.head) end
  shape.commas = variables.has_commas(entry)
  if shape.lines then
    shape.x, shape.y = variables.get(entry, shape.x, shape.commas), variables.get(entry, shape.y, shape.commas)
    return shape
  end
  local order = shape.order
  shape.x_place, shape.y_place = groups.places(order)
  shape.has_texts = order[#order] == "A" and #order > 1
  if not shape.y_place and not shape.has_texts then
    source:fail("line %d: a table of the form '%s' is not read: it has no ordinate", record.line - 1, record.head)
  end
  shape.x = variables.get(entry, order[shape.x_place], shape.commas)
  shape.y = variables.get(entry, order[shape.y_place] or "Y", shape.commas)
  return shape
end

-- Returns the lines below the label as a part of a text, { text, first, last }. shape.commas says if numbers in groups
-- have decimal commas; those of other tables become points.
local function part_of(source, entry, shape)
  local record = entry.record
  local part = { text = source:as_text(), first = math.min(record.first, record.last + 1), last = record.last }
  local has_groups = shape.order and not shape.has_texts
  if not shape.commas and shape.lines then shape.commas = lines.has_commas(part) end
  if not shape.commas and has_groups then shape.commas = groups.has_commas(part, shape.x.count) end
  if not shape.commas or has_groups then return part end
  local body = part.text:sub(part.first, part.last):gsub("(%d),(%d)", "%1.%2")
  return { text = body, first = 1, last = #body }
end

local function check_count(source, entry, x, count)
  if entry.is_last and (not x.count or x.count > count) then
    source:cut(count, x.count or "an unknown number of", "points")
  elseif entry.is_last then
    source:note "the file ends without ##END=: its last value may be incomplete"
  elseif x.count and x.count ~= count then
    source:note("the file announces %d points, %d are there", x.count, count)
  end
end

-- Notes FIRSTY, MINY and MAXY that the values contradict: often the factor is wrong, or values were edited.
local function check_values(source, y, values, line)
  local is, found = core.describe(values), {}
  local scale = math.max(math.abs(is.min), math.abs(is.max))
  local function compare(name, expected, got)
    if expected and math.abs(expected - got) > math.max(TOLERANCE * scale, y.precision[name]) then
      found[#found + 1] = ("%s%s=%.7g, got %.7g"):format(name, y.symbol, expected, got)
    end
  end
  compare("FIRST", y.first, core.get(values, 1))
  compare("MIN", y.least, is.min)
  compare("MAX", y.greatest, is.max)
  if #found > 0 then source:note("line %d: the values deviate from %s", line, table.concat(found, ", ")) end
end

-- Returns points as a list and a tensor, in the order of their axis, in which peaks need not be listed.
local function points_of(source, entry, xs, ys, line)
  local is_unsorted = tables.is_sticks(entry) and not axes.direction(xs)
  local values = core.column_tensor(is_unsorted and core.column_copy(ys, 1, #ys) or ys)
  check_values(source, entry.shape.y, values, line)
  if is_unsorted then
    core.column_sort(xs, ys)
    values = core.column_tensor(ys)
  end
  return core.column_list(xs), values
end

local function check_factors(source, shape, line)
  for _, variable in ipairs { shape.x, shape.y } do
    if variable.unread then
      source:fail("line %d: the factor of %s is '%s', expected a number", line, variable.symbol, variable.unread)
    end
  end
end

--- Reads a table.
-- @param entry of blocks.lua
-- @param shape of tables.shape
-- @param budget { left = points that the file may still hold }
-- @return the axis, the values, and the texts of assignments
function tables.read(source, entry, shape, budget)
  local part, line = part_of(source, entry, shape), entry.record.line
  check_factors(source, shape, line - 1)
  local xs, ys, texts
  if shape.lines then
    xs, ys = lines.read(source, shape.x, shape.y, part, line, entry.is_last, budget)
  elseif shape.has_texts then
    xs, ys, texts = groups.read_assignments(source, shape, part, line)
  else
    xs, ys = groups.read(source, shape, part, line, entry.is_last)
  end
  check_count(source, entry, shape.x, #xs)
  if shape.lines then
    check_values(source, shape.y, ys, line)
    return xs, ys
  end
  xs, ys = points_of(source, entry, xs, ys, line)
  return xs, ys, texts
end

return tables
