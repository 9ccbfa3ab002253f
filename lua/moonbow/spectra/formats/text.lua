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
for _, key in ipairs { "x", "xunits", "xunit", "xlabel", "xaxis", "xaxisunit", "xaxistitle", "abscissa",
  "scanaxis" } do
  axis_keys[key] = true
end
for _, key in ipairs { "y", "yunits", "yunit", "ylabel", "yaxis", "yaxisunit", "yaxistitle", "ordinate" } do
  value_keys[key] = true
end

-- Returns what metadata say under the keys, in the order of their names: { text, its parts between commas }.
local function under(metadata, keys)
  local names, found = {}, {}
  for key, value in pairs(metadata) do
    if keys[key:lower():gsub("[%s_-]", "")] and type(value) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  for i, name in ipairs(names) do
    found[i] = { name = name, text = metadata[name], parts = {} }
    for part in metadata[name]:gmatch "[^,;]+" do table.insert(found[i].parts, part) end
  end
  return found
end

-- What metadata say under "xunits" or "yunits" in words that are not known: the text, or what is in its brackets and
-- before them.
local function free_text(metadata, key)
  local entry = under(metadata, { [key] = true })[1]
  if not entry then return nil end
  local name, unit = entry.text:match "^(.-) ?%(([^()]*)%)$"
  return unit or entry.text, name, entry
end

local function first_of(find, texts)
  for _, given in ipairs(texts) do
    local a, b = find(given)
    if a then return a, b, given end
  end
end

-- The cell of the line of units, if there is one, of the axis (0) or of a spectrum that was read.
local function unit_cell(set, spectrum)
  return set.unit_cells and set.unit_cells[set.first_column - 1 + spectrum] or ""
end

-- What names say of the axis: its name and unit. The first text that states a unit gives it, or else one that only
-- names the axis.
local function name_axis(block, set)
  local affix = set.affix or {}
  local texts = { set.axis_text or "", unit_cell(set, 0), affix.after or "", trim.right(affix.before or "", "_%s-") }
  for _, entry in ipairs(under(set.metadata, axis_keys)) do
    texts[#texts + 1] = entry.text
    table.move(entry.parts, 1, #entry.parts, #texts + 1, texts)
  end
  local is_implied
  for _, given in ipairs(texts) do
    local unit, name, implied = units.axis(given)
    if unit and (not block.unit or is_implied and not implied) then
      block.axis = unit == block.unit and block.axis or name
      block.unit, is_implied = unit, implied
    end
  end
  if not block.unit then block.unit, block.axis = free_text(set.metadata, "xunits") end
end

-- The kind of values in metadata; "intensity" gives way to a part that says more.
local function quantity_of(metadata)
  for _, entry in ipairs(under(metadata, value_keys)) do
    local quantity, percent = units.quantity(entry.text)
    for _, part in ipairs(entry.parts) do
      local own, own_percent = units.quantity(part)
      if own and (not quantity or quantity == "intensity") then quantity, percent = own, own_percent end
    end
    if quantity then return quantity, percent, ("%s: %s"):format(entry.name, entry.text) end
  end
end

local function free_quantity(metadata)
  local unit, name, entry = free_text(metadata, "yunits")
  if not entry then return nil end
  return unit == "%" and name or entry.text, unit == "%" or nil, ("%s: %s"):format(entry.name, entry.text)
end

-- True if metadata say that values of a kind are in percent.
local function has_percent(metadata, quantity)
  local stated, percent = quantity_of(metadata)
  return units.is_percentage[quantity] and stated == quantity and percent
end

-- What the values are, by a name of their column, their unit, the text in front of axis values, or metadata.
local function name_values(block, set)
  local unit = unit_cell(set, set.first_kept or 1)
  local texts = { unit, trim.right(set.affix and set.affix.before or "", "_%s-") }
  local quantity, percent, given = first_of(units.quantity, texts)
  if not quantity and set.names and units.names_tell(set.names) then
    quantity, percent, given = first_of(units.quantity, { set.names[1] })
  end
  if not quantity then quantity, percent, given = quantity_of(set.metadata) end
  if not quantity then quantity, percent, given = free_quantity(set.metadata) end
  percent = percent or has_percent(set.metadata, quantity) or units.is_percentage[quantity] and units.is_percent(unit)
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
    if count > 1 and not block.labels.spectrum then
      block.labels.spectrum = set.names
      table.insert(block.columns, 1, "spectrum")
    end
  elseif set.columns[1] == "name" or set.columns[1] and count > 1 and are_unique(set.labels[set.columns[1]]) then
    block.names = set.labels[set.columns[1]]
  end
end

-- Blocks of pairs of columns: one if all axes are the same.
local function split_pairs(set)
  local blocks, named = {}, {}
  for k, pair in ipairs(set.blocks) do
    blocks[k] = { x = pair.axis, y = pair.x, names = pair.name and { pair.name }, metadata = set.metadata,
      columns = set.columns, labels = {} }
    for column, list in pairs(set.labels) do blocks[k].labels[column] = { list[k] } end
    named[k] = pair.name
  end
  local do_tell = units.names_tell(named)
  for k, block in ipairs(blocks) do
    local own = { names = do_tell and block.names or named, first_kept = 2 * k - 1 }
    name_axis(block, set)
    name_values(block, setmetatable(own, { __index = set }))
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
  source:wanted "axis" -- read_table heeds it
  text.check_options(options)
  if source.nul then return nil, ("not text (byte %d is 0)"):format(source.nul) end
  return core.in_c_locale(function()
    local set, why = read_table(content, options)
    if not set then return nil, why end
    if set.first_column and not set.blocks then
      local ok, reason = beside.leave_out(set, source:wanted "block")
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
