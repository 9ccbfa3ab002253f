--- HORIBA's LabSpec as text: "#Name=<tab>value", and a spectrum in two columns, or one spectrum in each row below the
-- axis, behind its place.
local core = require "moonbow.core"
local check = require "moonbow.check"
local columns = require "moonbow.spectra.columns"
local units = require "moonbow.spectra.units"

local labspec = { name = "labspec_text", title = "a LabSpec text file" }

local HEAD = 8192
local MOST_PLACES = 8

function labspec.matches(source)
  local head = source.bytes:sub(1, HEAD):gsub("^\239\187\191", "")
  if not head:find "^#[^\n]-=\t" then return head:find "^\t+[+-]?%d[%d.]*\t[+-]?%d[%d.]*[\t\r\n]" ~= nil end
  return ("\n" .. head):find "[\r\n]#Acq%. time" ~= nil or ("\n" .. head):find "[\r\n]#AxisType%[" ~= nil
    or ("\n" .. head):find "[\r\n]#Title=\t" ~= nil
end

-- Returns the fields of the header, and the lines below it.
local function parts_of(text)
  local fields, at = {}, 1
  while true do
    local name, value, behind = text:match("^#([^\n=]*)=[ \t]*([^\n]*)\n?()", at)
    if not name then break end
    fields[name], at = columns.trim(value), behind
  end
  return fields, columns.part(text, at)
end

-- Returns the unit, the name and the quantity of an axis by its type and unit: "Spectr" in "1/cm".
local function axis_of(fields, i)
  local kind, unit = fields[("AxisType[%d]"):format(i)] or "", fields[("AxisUnit[%d]"):format(i)] or ""
  return kind, unit
end

local function axis_name(fields)
  local kind, unit = axis_of(fields, 1)
  if kind == "" and unit == "" then return nil, nil end
  local short, name = units.axis(unit)
  -- LabSpec measures Raman spectra in 1/cm, relative to the laser.
  if short == "cm-1" and fields["Laser (nm)"] then name = "Raman shift" end
  return short or unit, name or kind
end

local function block_of(fields, x, y)
  local _, unit = axis_of(fields, 0)
  local short, name = axis_name(fields)
  local metadata = {}
  for key, value in pairs(fields) do
    if not key:find "^Axis" then metadata[key] = columns.metadata(value) end
  end
  return { x = x, y = y, axis = name, unit = short, quantity = units.quantity(unit),
    decided = unit ~= "" and "AxisUnit[0]=" .. unit or nil, metadata = metadata }
end

local function single(source, fields, body)
  local width = columns.width(body)
  if width ~= 2 then source:fail("expected rows of 2 numbers below the header, got %d", width) end
  local x, y = columns.read(source, body, 2, "the spectrum")
  local block = block_of(fields, x, columns.values(source, y, "the spectrum"))
  local title = fields.Title ~= "" and fields.Title or fields.Sample
  block.names = title and title ~= "" and { title } or nil
  return block
end

-- Returns the names of the columns with the places, such as "Y (um)" and "X (um)": the slowest axis comes first, the
-- reverse of the order of AxisType.
local function place_names(fields, count)
  local names = {}
  for i = 1, count do
    local kind, unit = axis_of(fields, count - i + 2)
    unit = units.axis(unit) or unit
    names[i] = kind == "" and ("place %d"):format(i) or unit == "" and kind or ("%s (%s)"):format(kind, unit)
  end
  return names
end

-- Adds the places of a row, as they are written, to a list for each. Returns the offset behind them, nil if some lack.
local function add_places(lists, text, at)
  for _, list in ipairs(lists) do
    local place, behind = text:match("^([^\t\n]*)\t()", at)
    if not place then return nil end
    list[#list + 1], at = place, behind
  end
  return at
end

-- Adds the places of the rows of a map to lists, and the values of all to a column. Returns the count of the rows.
local function read_rows(source, text, at, length, lists, values)
  local rows = 0
  while true do
    local first = text:find("[^\n]", at)
    if not first then return rows end
    local last = (text:find("\n", first, true) or #text + 1) - 1
    local from, what = add_places(lists, text, first), ("row %d"):format(rows + 1)
    if not from then source:fail("%s: expected %d places and values", what, #lists) end
    local count, word = core.numbers_columns(text, from, last, "t", values)
    if count == 0 then count, word = nil, "nothing" end
    if not count then source:fail("%s: expected a number, got %s", what, check.show(word)) end
    if count ~= length then
      source:cut(rows, "more", ("spectra; %s has %d of %d values"):format(what, count, length))
      return rows
    end
    rows, at = rows + 1, last + 1
  end
end

local function map(source, fields, body)
  local text = body.text
  local tabs, at, behind = text:match("^(\t+)()[^\n]*\n?()", body.first)
  if #tabs > MOST_PLACES then source:fail("%d places before the values; at most %d are read", #tabs, MOST_PLACES) end
  local x = columns.list(source, columns.part(text, at, behind - 1), "the axis")
  local length = #x
  local lists, values = {}, core.column()
  for i = 1, #tabs do lists[i] = {} end
  local rows = read_rows(source, text, behind, length, lists, { values })
  if rows == 0 then source:fail "an axis without spectra; is the file cut off?" end
  core.column_keep(values, 1, rows * length)
  local block = block_of(fields, x, core.reshape(core.column_tensor(values), rows, length))
  block.columns, block.labels = place_names(fields, #tabs), {}
  for i, name in ipairs(block.columns) do block.labels[name] = lists[i] end
  return block
end

function labspec.read(source)
  local fields, body = parts_of(source:take_text())
  return { body.text:find("^\t", body.first) and map(source, fields, body) or single(source, fields, body) }
end

return labspec
