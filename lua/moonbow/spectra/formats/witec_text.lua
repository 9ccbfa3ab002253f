--- WITec's texts: tables with a line of names and one of units, TrueMatch, and the export with [Header] and [Data].
-- Lists of metadata are refused by what they are.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local units = require "moonbow.spectra.units"

local witec = { name = "witec_text", title = "a WITec text file" }

local HEAD = 8192

-- Returns the cells of a line, with tabs or, where there is none, commas between them.
local function split(line)
  local cells, separator = {}, line:find("\t", 1, true) and "\t" or ","
  for cell in (line .. separator):gmatch("([^" .. separator .. "]*)" .. separator) do
    cells[#cells + 1] = columns.trim(cell)
  end
  return cells
end

-- A list of maps with their sizes: "Map_001_Spec.Data 1  16  17  Sepsis".
local function is_list_of_maps(head)
  local lines = 0
  for line in head:gmatch "[^\r\n]+" do
    if not line:find "^[^\t]*_Spec%.Data %d+\t%d+\t%d+\t" then return false end
    lines = lines + 1
  end
  return lines > 0
end

function witec.matches(source)
  local head = source.bytes:sub(1, HEAD):gsub("^\239\187\191", "")
  return head:find "^X%-Axis\t" ~= nil or head:find "^%[WITEC_TRUEMATCH_ASCII_HEADER%]" ~= nil
    or head:find "^//Exported ASCII%-File" ~= nil or is_list_of_maps(head)
end

-- Returns the columns of the places "(i/j)" at the end of all names; nil if some have none.
local function places_of(names)
  local labels = { x = {}, y = {} }
  for i, name in ipairs(names) do
    labels.x[i], labels.y[i] = name:match "%((%d+)/(%d+)%)$"
    if not labels.x[i] then return nil end
  end
  return { "x", "y" }, labels
end

-- A table with a line of names, and one of units.
local function table_of(source, text, at)
  local first, behind = text:match("^([^\n]*)\n?()", at)
  local second, below = text:match("^([^\n]*)\n?()", behind)
  local names, kinds = table.move(split(first), 2, #split(first), 1, {}), split(second)
  local has_units = not tonumber(kinds[1])
  local x, y = columns.table(source, columns.part(text, has_units and below or behind), "the table")
  if #names ~= core.size(y, 1) then source:fail("%d names for %d spectra", #names, core.size(y, 1)) end
  local unit, axis = units.axis(has_units and kinds[1] or "")
  if has_units and kinds[1]:find "^rel" then axis = "Raman shift" end
  local order, labels = places_of(names)
  return { { x = x, y = y, axis = axis, unit = unit, quantity = has_units and units.quantity(kinds[2] or "") or nil,
    decided = has_units and ("the line of units: %s"):format(kinds[2]) or nil, names = names, columns = order,
    labels = labels } }
end

local function fields_of(text, fields)
  for name, value in ("\n" .. text):gmatch "\n([^=\n%[]+)=([^\n]*)" do
    fields[columns.trim(name)] = columns.metadata(value)
  end
  return fields
end

-- One spectrum of TrueMatch in each [SpectrumHeader].
local function true_match(source, text)
  local blocks, at = {}, 1
  while true do
    local from, to = text:find("[SpectrumData]", at, true)
    if not from then break end
    local stop = text:find("\n[", to, true)
    local what = ("spectrum %d"):format(#blocks + 1)
    local fields = fields_of(text:sub(at, from - 1), {})
    local x, y = columns.read(source, columns.part(text, to + 1, stop and stop - 1), 2, what)
    columns.check_count(source, #x, math.tointeger(fields.SpectrumSize), what)
    local unit, axis = units.axis(tostring(fields.XDataKind or ""))
    blocks[#blocks + 1] = { x = x, y = columns.values(source, y, what), unit = unit, axis = axis, metadata = fields,
      names = fields.Title and { tostring(fields.Title) } or nil }
    at = stop or #text + 1
  end
  if #blocks == 0 then source:fail "no [SpectrumData]; is the file cut off?" end
  return blocks
end

-- The export with [Header] and [Data]: a table below a line of names, which may be missing.
local function exported(source, text)
  local from, to = text:find("[Data]", 1, true)
  if not from then source:fail "no [Data]; is the file cut off?" end
  local first = text:find("%S", to + 1) or #text + 1
  local metadata = fields_of(text:sub(1, from), {})
  local blocks = text:find("^%a", first) and table_of(source, text, first)
  if not blocks then
    local x, y = columns.table(source, columns.part(text, first), "[Data]")
    blocks = { { x = x, y = y } }
  end
  blocks[1].metadata = metadata
  columns.check_count(source, #blocks[1].x, math.tointeger(metadata.SizeGraph), "[Data]")
  return blocks
end

function witec.read(source)
  local text = source:take_text()
  if text:find "^%[WITEC" then return true_match(source, text) end
  if text:find "^//" then return exported(source, text) end
  if text:find "^X%-Axis" then return table_of(source, text) end
  source:fail "a list of maps with their sizes: it holds no spectra"
end

return witec
