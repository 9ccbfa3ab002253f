--- Sets of spectra from numbers, and sets of which the user knows more than their files say.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local label_numbers = require "moonbow.spectra.label_numbers"
local units = require "moonbow.spectra.units"
local set = require "moonbow.spectra.set"

local Spectra = set.class

local fields = {}

local known_fields = {
  axis = check.optional "table|tensor", axis_name = check.optional "string", unit = check.optional "string",
  quantity = check.optional "string", percent = check.optional "boolean", labels = check.optional "table",
  names = check.optional "table",
}

local known_set = { x = check.required "tensor|table", metadata = check.optional "table" }
for key, rule in pairs(known_fields) do known_set[key] = rule end
known_set.axis = check.required "table|tensor"

-- A number as a label: the shortest text that reads as this number.
local function text_of(value)
  if type(value) ~= "number" or math.type(value) == "integer" then return tostring(value) end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

--- Checks a list of n labels, strings or numbers, and returns it as strings.
-- @param what each label belongs to, for the message
function fields.cells(operation, name, list, n, what)
  if core.is_tensor(list) then list = core.totable(core.reshape(list, -1)) end
  check.list(operation, name, list)
  if #list ~= n then
    check.fail(operation, "%s: expected %d, one for each %s, got %d", name, n, what or "spectrum", #list)
  end
  check.each(operation, name, list, "string|number")
  local cells, texts = {}, {}
  for i, value in ipairs(list) do
    cells[i] = text_of(value)
    if type(value) == "string" then texts[#texts + 1] = value end
  end
  if #texts == n then return label_numbers.copy(cells, list) end
  return label_numbers.made(cells, texts)
end

--- Returns labels and columns with further ones: { [column] = list of n strings or numbers }, in the order of their
-- names, or of `order`.
function fields.add_labels(operation, spectra, given, order)
  local labels, columns = {}, table.move(spectra.columns, 1, #spectra.columns, 1, {})
  for column, list in pairs(spectra.labels) do labels[column] = list end
  local names = order or {}
  if not order then
    for column in pairs(given) do names[#names + 1] = check.kind(operation, "labels", column, "string") end
    table.sort(names)
  end
  for _, column in ipairs(names) do
    if not labels[column] then columns[#columns + 1] = column end
    labels[column] = fields.cells(operation, "labels." .. column, given[column], #spectra)
  end
  return labels, columns
end

local function read_axis(operation, given, length)
  local axis = axes.grid(operation, given, "axis")
  if #axis ~= length then
    check.fail(operation, "axis: expected %d values, one for each point, got %d", length, #axis)
  end
  return axis
end

-- The unit as this project writes it, and the name of such an axis; a unit that is not known stays as it is.
local function read_unit(unit)
  local known, name = units.axis(unit)
  return known or unit, name
end

local function read_quantity(quantity)
  local known, percent = units.quantity(quantity)
  return known or quantity, percent == "%"
end

-- Returns the fields that change by options that were checked.
local function changes(operation, spectra, options)
  local changed = {}
  if options.axis then changed.axis = read_axis(operation, options.axis, spectra.length) end
  if options.unit then
    local name
    changed.unit, name = read_unit(options.unit)
    if spectra.unit ~= changed.unit then changed.axis_name = name or false end
  end
  if options.axis_name then changed.axis_name = options.axis_name end
  if options.quantity then
    changed.quantity, changed.percent = read_quantity(options.quantity)
    changed.decided = "as the caller says"
  end
  if options.percent ~= nil then changed.percent = options.percent end
  if options.names then changed.names = fields.cells(operation, "names", options.names, #spectra) end
  if options.labels then
    changed.labels, changed.columns = fields.add_labels(operation, spectra, options.labels)
  end
  return changed
end

--- Returns the set with some of its fields set, by a user who knows better than the file, or more.
-- @option axis list or tensor with the position of each point, or { first = 850, last = 1048, step = 2 }
-- @option axis_name "Raman shift", "wavelength"
-- @option unit of the axis: "cm-1", "nm", "deg", "ppm"
-- @option quantity what the values are: "counts", "absorbance", "%T"
-- @option percent true: transmittance or reflectance in percent
-- @option names one of each spectrum
-- @option labels { [column] = list of N strings or numbers }: further labels, or others in place of those of that name
-- @return spectra
-- @usage spectra:with { unit = "cm-1", axis_name = "Raman shift", quantity = "counts" }
function Spectra:with(options)
  options = check.options("with", options, known_fields)
  return set.like(self, changes("with", self, options))
end

check.takes(Spectra.with, 1, known_fields)

-- Spectra (N, L, 1) of a tensor or table (N, L, 1), (N, L) or (L).
local function read_x(x)
  if not core.is_tensor(x) then x = core.tensor(x) end
  local shape = core.shape(x)
  if #shape == 1 then return core.reshape(x, 1, shape[1], 1) end
  if #shape == 2 then return core.reshape(x, shape[1], shape[2], 1) end
  if #shape == 3 and shape[3] == 1 then return x end
  check.fail("spectra.set", "x: expected spectra (N, L, 1), (N, L) or (L), got shape %s", check.show_shape(shape))
end

local function read_metadata(given, n)
  local list = {}
  if not given or given[1] == nil then
    for i = 1, n do list[i] = given or {} end
    return list
  end
  check.each("spectra.set", "metadata", check.list("spectra.set", "metadata", given), "table")
  if #given == n then return table.move(given, 1, n, 1, list) end
  check.fail("spectra.set", "metadata: expected one table of all, or a list of %d, one for each spectrum, got %d", n,
    #given)
end

--- Makes a set of numbers.
-- @option x (N, L, 1), (N, L), or (L) for one spectrum
-- @option axis list or tensor with the position of each point, or { first = 850, last = 1048, step = 2 }
-- @option axis_name "Raman shift", "wavelength"
-- @option unit of the axis: "cm-1", "nm", "deg", "ppm"
-- @option quantity what the values are: "counts", "absorbance", "%T"
-- @option percent true: transmittance or reflectance in percent
-- @option names one of each spectrum (1, 2, ...)
-- @option labels { [column] = list of N strings or numbers }
-- @option metadata { [name] = string or number } of all, or a list of N such tables
-- @return spectra
-- @usage mb.spectra.set { x = mb.rand(3, 100), axis = { first = 400, last = 1390, step = 10 }, unit = "cm-1" }
function fields.set(options)
  options = check.options("spectra.set", options, known_set)
  local x, names, sources = read_x(options.x), {}, {}
  local n, length = core.size(x, 1), core.size(x, 2)
  for i = 1, n do names[i], sources[i] = tostring(i), "" end
  local plain = set.new { x = x, axis = read_axis("spectra.set", options.axis, length), names = names,
    sources = sources, metadata = read_metadata(options.metadata, n), labels = {}, columns = {}, notes = {},
    decided = "not stated" }
  options.axis = nil
  return set.like(plain, changes("spectra.set", plain, options))
end

check.takes(fields.set, 1, known_set)

return fields
