--- LabSpec 6's XML: Raman and luminescence spectra, lines and maps. Numbers name the elements: <LSX ID="0x7D6CD4DB">.
local core = require "moonbow.core"
local numbers = require "moonbow.spectra.numbers"
local units = require "moonbow.spectra.units"
local xml = require "moonbow.spectra.xml"

local labspec = { name = "labspec_xml", title = "a LabSpec XML file" }

function labspec.matches(source) return xml.root(source.bytes) == "LSX_Data" end

-- Numbers of elements, as found in exported files.
local TITLE, TYPE, UNIT, VALUES, ROTATION = "0x6C7469D9", "0x6D707974", "0x7C696E75", "0x7D6CD4DB", "0x6C676EC6"
local DATA, AXES, INTENSITY, SPECTRAL = "0x7A74D9D6", "0x7B697861", "0x0", "0x1"
local PARAMETERS, NAME, VALUE = "0x6C62D4D9", "0x6D6D616E", "0x7D6C61DB"
local FIRST_PLACE, MOST_PLACES = 2, 8 -- numbers of the axes of places

-- Returns the first child with an ID; nil if there is none, or no element.
local function get(element, id)
  for _, child in ipairs(element or {}) do
    if child.attributes.ID == id then return child end
  end
end

local function text(element, id)
  local found = get(element, id)
  return found and found.text:match "%S[^\r\n]*"
end

local function read(how, source, content, what)
  local values, word = how(content)
  if not values then source:fail("%s: expected a number, got %s", what, word) end
  return values
end

-- Returns the spectral axis: list, name, unit.
local function spectral_axis(source, axes)
  local element = get(axes, SPECTRAL)
  local values = get(element, VALUES) or source:fail("no spectral axis")
  local stored = text(element, UNIT)
  local unit, name = units.axis(stored or "")
  if stored == "1/cm" then name = "Raman shift" end -- absolute wavenumbers are "1/cm abs"
  return read(numbers.list, source, values.text, "spectral axis"), name, unit or stored
end

-- Returns the axes of places { name, values }, the fastest first. Those of one place are left out.
local function places(source, axes)
  local found = {}
  for i = FIRST_PLACE, FIRST_PLACE + MOST_PLACES - 1 do
    local element = get(axes, ("0x%X"):format(i))
    local values = get(element, VALUES)
    if not values then break end
    local list = read(numbers.list, source, values.text, "axis of places")
    local name, unit = text(element, TYPE) or "axis " .. i, text(element, UNIT)
    unit = unit and (units.axis(unit) or unit)
    if #list > 1 then found[#found + 1] = { name = unit and ("%s (%s)"):format(name, unit) or name, values = list } end
  end
  return found
end

-- Returns the labels and columns of the places of all spectra.
local function labels_of(source, found, count)
  local total = 1
  for _, place in ipairs(found) do total = total * #place.values end
  if total ~= count then source:fail("%d spectra at %d places", count, total) end
  local labels, columns, step = {}, {}, 1
  for c, place in ipairs(found) do
    local list = {}
    for i = 1, count do list[i] = ("%.10g"):format(place.values[(i - 1) // step % #place.values + 1]) end
    labels[place.name], columns[c], step = list, place.name, step * #place.values
  end
  return labels, columns
end

-- Returns the numbers of all rows as a column.
local function values_of(source, rows)
  local values = { core.column() }
  for _, row in ipairs(rows) do
    local count, word = core.numbers_columns(row, nil, nil, "t", values)
    if not count then source:fail("<LSX_Row>: expected a number, got %s", word) end
  end
  if #values[1] == 0 then source:fail "<LSX_Row>: expected a number, got nothing" end
  return values[1]
end

-- Returns the values as a tensor (spectra, points).
local function matrix_of(source, root, length)
  local matrix, rows = xml.child(root, "LSX_Matrix") or source:fail("no <LSX_Matrix>"), {}
  for _, row in ipairs(matrix) do
    if not row.open then rows[#rows + 1] = row.text end
  end
  local planned = tonumber(matrix.attributes.Size) or #rows * length
  if #rows == 0 then source:fail("no <LSX_Row>") end
  local values = values_of(source, rows)
  if #values ~= #rows * length then source:fail("%d values in %d spectra of %d points", #values, #rows, length) end
  if planned ~= #rows * length then source:cut(#rows, ("%.0f"):format(planned / length), "spectra") end
  return core.reshape(core.column_tensor(values), #rows, length), planned == #rows * length
end

-- Adds what has a name and a value: exposure, laser, grating, title, date.
local function metadata_of(root, tree)
  local metadata = { rotation = tonumber(text(get(tree, ROTATION), "0x0")) }
  xml.each(get(tree, PARAMETERS) or root, function(element)
    local name, value = text(element, NAME), text(element, VALUE)
    if name and value and metadata[name] == nil then metadata[name] = tonumber(value) or value end
  end)
  return metadata
end

function labspec.read(source)
  local root = xml.whole(source)
  local tree = xml.child(root, "LSX_Tree") or source:fail("no <LSX_Tree>")
  local axes = get(get(tree, DATA), AXES)
  local x, name, unit = spectral_axis(source, axes)
  local y, is_whole = matrix_of(source, root, #x)
  local intensity, title = text(get(axes, INTENSITY), UNIT), text(tree, TITLE)
  local quantity, percent = units.quantity(intensity or "")
  local block = { y = y, x = x, axis = name, unit = unit, quantity = quantity, percent = percent == "%" or nil,
    decided = intensity and "unit of the intensity: " .. intensity, metadata = metadata_of(root, tree),
    names = title and core.size(y, 1) == 1 and { title } or nil }
  if is_whole then block.labels, block.columns = labels_of(source, places(source, axes), core.size(y, 1)) end
  return { block }
end

return labspec
