--- SPC of Galactic and Thermo: one spectrum, or many on a common axis or on an axis each.
local core = require "moonbow.core"
local codes = require "moonbow.spectra.spc.codes"
local header = require "moonbow.spectra.spc.header"
local percent_of = require "moonbow.spectra.percent"
local read_log = require "moonbow.spectra.spc.log"
local spectra = require "moonbow.spectra.spc.spectra"
local units = require "moonbow.spectra.units"

local spc = { name = "spc", title = "SPC" }

function spc.matches(source) return header.version(source.bytes) ~= nil end

local X_RAY = codes.techniques[8]

-- Returns unit and name of an axis by its label, if the file has labels, else by its code.
local function axis_of(h, code, label)
  if (h.flags.labels or code == 15) and label ~= "" then
    local unit, name = units.axis(label)
    return unit, name or label
  end
  local unit, name = table.unpack(codes.axes[code] or {})
  return unit, unit == "deg" and h.technique == X_RAY and "2theta" or name
end

-- Returns what the values are: by their label, if the file has one that is known, else by their code.
local function kind_of(h, subs)
  local label = h.flags.labels and h.labels.y or ""
  local quantity, percent = units.quantity(label)
  local decided = quantity and ("axis label '%s'"):format(label) or ("SPC values code %d"):format(h.values)
  quantity, percent = quantity or codes.values[h.values], percent and true
  if quantity == "percent" then quantity, percent = nil, true end
  local values = {}
  for i, sub in ipairs(percent and {} or subs) do values[i] = sub.y end
  if not percent then percent, decided = percent_of(quantity, values, decided) end
  return { quantity = quantity, percent = percent, decided = decided }
end

local function metadata_of(source, h)
  local metadata = { technique = h.technique, date = h.date }
  for _, name in ipairs { "comment", "resolution", "instrument", "method" } do
    if h[name] and h[name] ~= "" then metadata[name] = h[name] end
  end
  if (h.scans or 0) > 0 then metadata.scans = h.scans end
  read_log(source, h.log, h.order, metadata)
  return metadata
end

-- The place of spectrum i on the third axis: given by each, or in even steps, which begin anew in each plane.
local function z_of(h, subs, i)
  if h.flags.any_z or h.flags.ordered_z then return subs[i].z end
  local step = h.z_step ~= 0 and h.z_step or subs[1].z_next - subs[1].z
  return subs[1].z + step * ((i - 1) % (h.planes > 0 and h.planes or #subs))
end

local function w_of(h, subs, i)
  if h.w_step == 0 then return subs[i].w end
  return subs[1].w + h.w_step * ((i - 1) // h.planes)
end

local function column_name(h, code, label, default)
  local unit, name = axis_of(h, code, label)
  return (name or default) .. (unit and name ~= unit and (" (%s)"):format(unit) or "")
end

-- Labels of a multifile: the places of spectra `first` to `last`.
local function add_labels(block, h, subs, first, last)
  if not h.flags.multifile or #subs < 2 then return end
  local function add(code, label, default, f)
    local column, list = column_name(h, code, label, default), {}
    for i = first, last do list[#list + 1] = ("%.7g"):format(f(h, subs, i)) end
    block.columns[#block.columns + 1], block.labels[column] = column, list
  end
  block.columns, block.labels = {}, {}
  add(h.z_axis, h.labels.z, "z", z_of)
  if h.planes > 0 then add(h.w_axis, "", "w", w_of) end
end

local function block_of(h, x, y, metadata, kind)
  local unit, name = axis_of(h, h.axis, h.labels.x)
  return { x = x, y = y, unit = unit, axis = name, metadata = metadata, quantity = kind.quantity,
    percent = kind.percent, decided = kind.decided }
end

-- The number of the spectrum that the option block chooses; nil: all.
local function chosen_of(source, subs)
  local chosen = source:wanted "block"
  if not chosen then return nil end
  if not subs[chosen] then source:fail("block = %s: the file holds spectra 1 to %d", tostring(chosen), #subs) end
  source:note("spectrum %d of %d", chosen, #subs)
  return chosen
end

local function read_common(source, h, metadata)
  local x, subs = spectra.read_common(source, h)
  local rows, chosen = {}, chosen_of(source, subs)
  for i = chosen or 1, chosen or #subs do rows[#rows + 1] = core.reshape(subs[i].y, 1, #x) end
  local block = block_of(h, x, #rows == 1 and rows[1] or core.concat(rows, 1), metadata, kind_of(h, subs))
  block.names = #rows == 1 and { h.comment ~= "" and h.comment or nil } or nil
  add_labels(block, h, subs, chosen or 1, chosen or #subs)
  return { block }
end

local function read_own(source, h, metadata)
  local subs, list = spectra.read_own(source, h), {}
  local chosen, kind = chosen_of(source, subs), kind_of(h, subs)
  for i = chosen or 1, chosen or #subs do
    local block = block_of(h, subs[i].x, subs[i].y, metadata, kind)
    block.names = #subs > 1 and { ("%s #%d"):format(source.name, i) } or nil
    add_labels(block, h, subs, i, i)
    list[#list + 1] = block
  end
  return list
end

function spc.read(source)
  local h = header.read(source)
  local metadata = metadata_of(source, h)
  if metadata.XListType or h.instrument and h.instrument:find "^WiRE" then
    source:note("Renishaw's SPC has even steps in place of the measured axis, which its WDF and text hold")
  end
  return (h.flags.own_axes and read_own or read_common)(source, h, metadata)
end

return spc
