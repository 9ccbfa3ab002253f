--- LabSpec 6 (.l6s, .l6m): records of a type, a number and a name of four bytes. An array of reals is a record DATA
-- with its count, then a record SIZES, and the numbers. The first array holds the spectra, and has its name and unit in
-- front; those behind it are its axes, the fastest first, with name and unit between DATA and SIZES. The layout was
-- found in a file beside its export as text.
local units = require "moonbow.spectra.units"

local labspec = { name = "labspec_l6", title = "LabSpec 6" }

local MAGIC = "LabSpec6"
local DATA, SIZES = "\xdb\xd4\x6c\x7d", "\xe3\x74\x61\x6d"
local NAME, UNIT = "typm", "uni|"
local RECORD = 16 -- bytes from the name of a record of arrays to its content
local ATTRIBUTES = 400 -- bytes within which the numbers of an array begin
local MOST_AXES = 4
local LONGEST = 64 -- bytes of a name or unit

function labspec.matches(source) return source.bytes:sub(1, #MAGIC) == MAGIC end

-- The text behind the last record of a name between two places: 8 bytes on, up to its NUL. LabSpec writes Latin-1.
local function attribute(bytes, name, first, last)
  local at
  repeat
    local found = bytes:find(name, (at or first) + 1, true)
    if found and found < last then at = found end
  until not found or found >= last
  local text = at and bytes:match("^[^%z]*", at + 8)
  if not text or #text > LONGEST then return nil end
  return (text:gsub("[\128-\255]", function(c) return utf8.char(c:byte()) end))
end

-- Reads the array whose record DATA is at or behind a place (from 1). Returns it, and the place behind it.
local function next_array(source, place)
  local bytes = source.bytes
  local at = bytes:find(DATA, place, true)
  if not at then return nil end
  local count = source:number(at - 1 + 12, "u4")
  local sizes = bytes:find(SIZES, at, true)
  if not sizes or sizes - at > ATTRIBUTES then return nil end
  local first = sizes - 1 + RECORD
  local from = place == #MAGIC + 1 and math.max(1, at - ATTRIBUTES) or at
  return { count = count, first = first, name = attribute(bytes, NAME, from, sizes),
    unit = attribute(bytes, UNIT, from, sizes) }, first + 1 + count * 4
end

-- Reads the axes behind the spectra until their sizes multiply to the number of values.
local function read_axes(source, values, place)
  local axes, product = {}, 1
  while product < values.count and #axes < MOST_AXES do
    local axis
    axis, place = next_array(source, place)
    if not axis or axis.count < 1 then break end
    axes[#axes + 1], product = axis, product * axis.count
  end
  if product ~= values.count or #axes == 0 then
    source:fail("%d values, for which no axes are found; this layout of LabSpec 6 is not read", values.count)
  end
  return axes
end

-- The labels of the spectra: their place on each axis but the first, the fastest first.
local function read_places(source, axes, count)
  local labels, columns, repeats = {}, {}, 1
  for i = 2, #axes do
    local axis = axes[i]
    local values, list = source:list(axis.first, axis.count, "f4"), {}
    for k = 1, count do list[k] = ("%.6g"):format(values[(k - 1) // repeats % axis.count + 1]) end
    repeats = repeats * axis.count
    local name = ("%s (%s)"):format(axis.name or "axis " .. i, axis.unit or "no unit"):gsub("µm", "um")
    labels[name], columns[#columns + 1] = list, name
  end
  return labels, columns
end

function labspec.read(source)
  local values, place = next_array(source, #MAGIC + 1)
  if not values or values.count < 1 then source:fail("it holds no array; this layout of LabSpec 6 is not read") end
  local axes = read_axes(source, values, place)
  local length = axes[1].count
  local count = values.count // length
  local unit, axis = units.axis(axes[1].unit or "")
  local quantity = units.quantity(values.unit or "") or units.quantity(values.name or "")
  local labels, columns = read_places(source, axes, count)
  if axes[1].name == "Spectr" and unit == "cm-1" then axis = "Raman shift" end
  return { { y = source:tensor(values.first, { count, length }, "f4"), x = source:list(axes[1].first, length, "f4"),
    axis = axis, unit = unit, quantity = quantity, labels = labels, columns = columns,
    decided = ("the file says %s, %s"):format(values.name or "no name", values.unit or "no unit") } }
end

return labspec
