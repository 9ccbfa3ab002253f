--- What the axis and the values of a table are, by its labels, and the metadata of its block.
local core = require "moonbow.core"
local records = require "moonbow.spectra.formats.jcamp.records"
local units = require "moonbow.spectra.units"

local meaning = {}

meaning.LARGEST_RATIO = 2 -- transmittance above is in percent
local LABEL = "^%$LABEL" -- keys of labels that mb.spectra.write wrote
local PERCENT = "$VALUESINPERCENT" -- key of its label that is "NO" for fractions beyond that ratio
local LONGEST = 4096 -- bytes of a value that is kept as metadata
local MOST_COPIES = 1000000 -- of the labels of a block, one for each of its tables

-- Labels of the table itself, which the set holds in other ways.
local own = {}
for key in ([[TITLE JCAMPDX END BLOCKS NPOINTS FIRSTX LASTX DELTAX MINX MAXX XFACTOR XUNITS FIRSTY MINY MAXY YFACTOR
  YUNITS LASTY FIRSTR LASTR DELTAR RFACTOR RUNITS AFACTOR AUNITS FIRSTA MINA MAXA NUMDIM]]):gmatch "%S+" do
  own[key] = true
end
own[PERCENT] = true

local function data_type(entry)
  local record = entry.labels.DATATYPE
  return record and record.head:upper() or ""
end

--- True for a table of what an NMR spectrometer recorded over time, of which a spectrum is computed.
function meaning.is_fid(entry) return data_type(entry):find "^NMR%s*FID" ~= nil end

--- Returns the unit and the name of the axis; nil if the file gives none that is known.
function meaning.axis(source, entry, x)
  local kind, text = data_type(entry), x.unit or ""
  local unit, name = units.axis(text)
  if unit == "cm-1" and kind:find "RAMAN" then name = "Raman shift" end
  if unit == "cm-1" and kind:find "X.?RAY" then
    source:note("DATA TYPE=%s, but XUNITS=%s: one of both is wrong", entry.labels.DATATYPE.head, text)
  end
  if not unit and text ~= "" then return nil, text end
  return unit, name
end

local function are_fractions(entry)
  local record = entry.labels[PERCENT]
  return record and record.head:upper() == "NO"
end

local function quantity_of(entry, unit)
  if unit:upper() == "A" and data_type(entry):find "^UV" then return "absorbance" end
  return units.quantity(unit)
end

--- Returns the kind of the values, true if they are in percent, and how this was decided.
function meaning.values(entry, y, values)
  local unit = y.unit or ""
  if unit == "" then return nil, nil, "the file does not say what its values are" end
  local quantity, percent = quantity_of(entry, unit)
  local decided = (y.name and "UNITS=" or "YUNITS=") .. unit
  if units.is_percentage[quantity] and not percent and not are_fractions(entry) then
    local greatest = core.describe(values).max
    percent = greatest > meaning.LARGEST_RATIO
    if percent then decided = ("%s, with values up to %.4g: percent"):format(decided, greatest) end
  end
  return quantity, percent and true or nil, decided
end

-- Private labels begin with "$".
local function plain_name(name) return records.trim((name:gsub("^%$", ""))) end

-- Returns what records say of the sample and the measurement.
local function collected(text, list)
  local metadata = {}
  for _, record in ipairs(list) do
    local value = not own[record.key] and record.key ~= "" and records.value(text, record) or ""
    local name = plain_name(record.name)
    if value ~= "" and #value <= LONGEST and not metadata[name] and not record.key:find(LABEL) then
      local is_number = value:find "^[+-]?%d[%d.eE+-]*$" and not value:find "^0%d"
      metadata[name] = is_number and tonumber(value) or value
    end
  end
  return metadata
end

--- Returns the labels that describe the sample and the measurement: those right in front of a table, and those of its
-- block.
function meaning.metadata(text, entry)
  local block = entry.block
  block.metadata = block.metadata or collected(text, block.records)
  local metadata = collected(text, block.between[entry.index] or {})
  for name, value in pairs(block.metadata) do
    if metadata[name] == nil then metadata[name] = value end
  end
  return metadata
end

-- Returns the values of ##$LABEL NAME= by name, and the names in their order.
local function labels_of(text, block)
  local columns, values = {}, {}
  for _, record in ipairs(block.records) do
    local name = record.key:find(LABEL) and record.name:match "^%S+%s+(.+)$"
    if name and not values[name] then columns[#columns + 1], values[name] = name, records.value(text, record) end
  end
  return columns, values
end

--- Returns the columns and the labels of a spectrum that mb.spectra.write wrote as ##$LABEL NAME=; nil without any.
function meaning.labels(text, block)
  if not block.columns then block.columns, block.values = labels_of(text, block) end
  if #block.columns == 0 then return nil end
  local columns, labels = {}, {}
  for i, name in ipairs(block.columns) do columns[i], labels[name] = name, { block.values[name] } end
  return columns, labels
end

--- Leaves out the labels of blocks with so many tables that copies for each would take more memory than the file.
function meaning.limit(source, list)
  for _, block in ipairs(list) do
    if block.count > 1 and block.count * #block.records > MOST_COPIES then
      source:note("%d labels are left out: there are %d tables below them", #block.records, block.count)
      block.records = {}
    end
  end
end

return meaning
