--- Tables of text: spectra in rows, in columns, or in pairs of columns. The last format: any other text is one of these
-- or none.
local core = require "moonbow.core"
local check = require "moonbow.check"
local beside = require "moonbow.io.csv.beside"
local trim = require "moonbow.io.trim"
local read_table = require "moonbow.io.csv.read"
local units = require "moonbow.spectra.units"

local text = { name = "text", title = "a table of text" }

--- Raises if the options of mb.spectra.read name a separator or a decimal sign that is none.
function text.check_options(options)
  local separator, decimal = options.separator, options.decimal
  if separator and (#separator ~= 1 or separator:find '[%w"+\r\n.\128-\255-]') then
    check.fail("read", "separator: expected one character, such as ',', ';', '\\t' or ' ' for blanks, got %s",
      check.show(separator))
  end
  if decimal then check.name("read", "decimal", decimal, { ".", "," }) end
end

function text.matches(source) return source:take_text() and not source.nul end

local axis_keys, value_keys = {}, {}
for _, key in ipairs { "x", "xunits", "xunit", "xlabel", "xaxis", "xaxisunit", "xaxistitle", "abscissa" } do
  axis_keys[key] = true
end
for _, key in ipairs { "y", "yunits", "yunit", "ylabel", "yaxis", "yaxisunit", "yaxistitle", "ordinate" } do
  value_keys[key] = true
end

-- Calls find(text) for what metadata say under the keys, whole and by the parts between commas; returns what it finds.
local function from_metadata(metadata, keys, find)
  for key, value in pairs(metadata) do
    if keys[key:lower():gsub("[%s_-]", "")] and type(value) == "string" then
      local a, b = find(value)
      for part in value:gmatch "[^,;]+" do
        local one, two = find(part)
        if one and (not a or a == "intensity") then a, b = one, two end
      end
      if a then return a, b, ("%s: %s"):format(key, value) end
    end
  end
end

local function first_of(find, texts)
  for _, given in ipairs(texts) do
    local a, b = find(given)
    if a then return a, b, given end
  end
end

-- What names say of the axis: its name and unit.
local function name_axis(block, set)
  local affix = set.affix or {}
  local unit, name = first_of(units.axis, { set.axis_text or "", (set.unit_cells or {})[1] or "", affix.after or "",
    trim.right(affix.before or "", "_%s-") })
  if not unit then unit, name = from_metadata(set.metadata, axis_keys, units.axis) end
  block.unit, block.axis = unit, name
end

-- What the values are, by a name of their column, their unit, the text in front of axis values, or metadata.
local function name_values(block, set)
  local texts = { (set.unit_cells or {})[set.first_column and set.first_column + (set.first_kept or 1) - 1] or "",
    trim.right(set.affix and set.affix.before or "", "_%s-") }
  for _, name in ipairs(set.names or {}) do texts[#texts + 1] = name end
  local quantity, percent, given = first_of(units.quantity, texts)
  if not quantity then quantity, percent, given = from_metadata(set.metadata, value_keys, units.quantity) end
  block.quantity, block.percent = quantity, percent and true or nil
  block.decided = quantity and ("by %s"):format(check.show(given)) or nil
end

local function are_unique(list)
  local seen = {}
  for _, value in ipairs(list) do
    if value == "" or seen[value] then return false end
    seen[value] = true
  end
  return true
end

-- Names of spectra: those of columns, unless the only one says what the values are; else labels that are all different.
local function name_spectra(block, set)
  local count = core.size(block.y, 1)
  if set.names and (count > 1 or not units.quantity(set.names[1]) and set.names[1]:lower() ~= "y") then
    block.names = set.names
    if count > 1 then block.labels, block.columns = { spectrum = set.names }, { "spectrum" } end
  elseif set.columns[1] and count > 1 and are_unique(set.labels[set.columns[1]]) then
    block.names = set.labels[set.columns[1]]
  end
end

-- Blocks of pairs of columns: one if all axes are the same.
local function split_pairs(set)
  local blocks, named = {}, {}
  for k, pair in ipairs(set.blocks) do
    blocks[k] = { x = pair.axis, y = pair.x, names = pair.name and { pair.name }, metadata = set.metadata }
    named[k] = pair.name
  end
  set.names = named
  for _, block in ipairs(blocks) do
    name_axis(block, set)
    name_values(block, set)
  end
  return blocks
end

local function to_blocks(set)
  if set.blocks then return split_pairs(set) end
  local block = { y = set.x, x = set.axis, direction = set.direction, labels = set.labels, columns = set.columns,
    metadata = set.metadata }
  name_axis(block, set)
  name_values(block, set)
  name_spectra(block, set)
  return { block }
end

--- Reads the table as it is: the set of moonbow.io.csv.read, without columns that hold no spectra of the same kind.
-- @return set, or nil and a message
function text.read_table(source)
  local content, options = source:take_text(), source.options
  text.check_options(options)
  if source.nul then return nil, ("not text (byte %d is 0)"):format(source.nul) end
  return core.in_c_locale(function()
    local set, why = read_table(content, options)
    if not set then return nil, why end
    if set.first_column and not set.blocks then
      local ok, reason = beside.leave_out(set, options.block)
      if not ok then return nil, reason end
    end
    return set
  end)
end

function text.read(source)
  local set, why = text.read_table(source)
  if not set then source:fail("%s", why) end
  source:note_encoding()
  for _, note in ipairs(set.notes) do source:note("%s", note) end
  return to_blocks(set)
end

return text
