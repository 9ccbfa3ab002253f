--- What the axis and the values of a table are, by its labels, and the metadata of its block.
local core = require "moonbow.core"
local records = require "moonbow.spectra.formats.jcamp.records"
local units = require "moonbow.spectra.units"

local meaning = {}

local LARGEST_RATIO = 2 -- transmittance above is in percent
local LABEL = "^%$LABEL" -- keys of labels that mb.spectra.write wrote
local LONGEST = 4096 -- bytes of a value that is kept as metadata

-- Labels of the table itself, which the set holds in other ways.
local own = {}
for key in ([[TITLE JCAMPDX END BLOCKS NPOINTS FIRSTX LASTX DELTAX MINX MAXX XFACTOR XUNITS FIRSTY MINY MAXY YFACTOR
  YUNITS LASTY FIRSTR LASTR DELTAR RFACTOR RUNITS AFACTOR AUNITS FIRSTA MINA MAXA NUMDIM]]):gmatch "%S+" do
  own[key] = true
end

local function data_type(block)
  local record = block.labels.DATATYPE
  return record and record.head:upper() or ""
end

--- Returns the unit and the name of the axis; nil if the file gives none that is known.
function meaning.axis(source, block, x)
  local kind, text = data_type(block), x.unit or ""
  local unit, name = units.axis(text)
  if unit == "cm-1" and kind:find "RAMAN" then name = "Raman shift" end
  if unit == "cm-1" and kind:find "X.?RAY" then
    source:note("DATA TYPE=%s, but XUNITS=%s: one of both is wrong", block.labels.DATATYPE.head, text)
  end
  if not unit and text ~= "" then return nil, text end
  return unit, name
end

local function quantity_of(block, unit)
  if unit:upper() == "A" and data_type(block):find "^UV" then return "absorbance" end
  return units.quantity(unit)
end

--- Returns the kind of the values, true if they are in percent, and how this was decided.
function meaning.values(block, y, values)
  local unit = y.unit or ""
  if unit == "" then return nil, nil, "the file does not say what its values are" end
  local quantity, percent = quantity_of(block, unit)
  local decided = (y.name and "UNITS=" or "YUNITS=") .. unit
  if (quantity == "transmittance" or quantity == "reflectance") and not percent then
    local greatest = core.describe(values).max
    percent = greatest > LARGEST_RATIO
    if percent then decided = ("%s, with values up to %.4g: percent"):format(decided, greatest) end
  end
  return quantity, percent and true or nil, decided
end

-- Private labels begin with "$".
local function plain_name(name) return records.trim((name:gsub("^%$", ""))) end

--- Returns the labels of a block that describe the sample and the measurement.
function meaning.metadata(text, block)
  local metadata = {}
  for _, record in ipairs(block.records) do
    local value = not own[record.key] and record.key ~= "" and records.value(text, record) or ""
    local name = plain_name(record.name)
    if value ~= "" and #value <= LONGEST and not metadata[name] and not record.key:find(LABEL) then
      local is_number = value:find "^[+-]?%d+%.?%d*[eE]?[+-]?%d*$" and not value:find "^0%d"
      metadata[name] = is_number and tonumber(value) or value
    end
  end
  return metadata
end

--- Returns the columns and the labels of a spectrum that mb.spectra.write wrote as ##$LABEL NAME=; nil without any.
function meaning.labels(text, block)
  local columns, labels = {}, {}
  for _, record in ipairs(block.records) do
    local name = record.key:find(LABEL) and record.name:match "^%S+%s+(.+)$"
    if name and not labels[name] then columns[#columns + 1], labels[name] = name, { records.value(text, record) } end
  end
  if #columns > 0 then return columns, labels end
end

return meaning
