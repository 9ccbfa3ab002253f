--- Bruker's and Siemens' UXD: X-ray diffraction in text, "_NAME=value", and the table of each range.
local columns = require "moonbow.spectra.columns"
local scans = require "moonbow.spectra.scans"
local Source = require "moonbow.spectra.source"

local uxd = { name = "uxd", title = "a UXD file" }

local HEAD = 4096

function uxd.matches(source) return ("\n" .. source.bytes:sub(1, HEAD)):find "[\r\n]_FILEVERSION[ \t]*=" ~= nil end

-- Labels of tables: columns of a row, true if it begins with the angle, and the kind of the values.
local tables = {
  COUNTS = { 1, false, "counts" }, CPS = { 1, false, "counts per second" },
  ["2THETACOUNTS"] = { 2, true, "counts" }, ["2THETACPS"] = { 2, true, "counts per second" },
  ["2THETACOUNTSTIME"] = { 3, true, "counts" }, THETACOUNTS = { 2, true, "counts" },
  THETACPS = { 2, true, "counts per second" },
}

local drives = { COUPLED = "2theta", ["2THETA"] = "2theta", THETA = "theta", DETECTOR = "2theta", OMEGA = "omega",
  PHI = "phi", CHI = "chi", KHI = "chi" }

-- Reads "_NAME=value" into a table, quotes left out.
local function read_fields(text, fields)
  for name, value in ("\n" .. text):gmatch "\n_([%w_]+)[ \t]*=[ \t]*([^\n]*)" do
    fields[name] = value:match "^'([^']*)" or value
  end
end

-- Finds the label of a table, alone in its line. Returns where it begins and ends, and the label.
local function find_label(text, at)
  local first, last, label = text:find("^_([%w_]+)[ \t]*%f[\n%z]", at)
  if first == 1 then return first, last, label end
  return text:find("\n_([%w_]+)[ \t]*%f[\n%z]", at)
end

-- Returns the parts of a file: each has the text above a table, the table's label and its lines.
local function parts_of(text)
  local parts, at = {}, 1
  while true do
    local first, last, label = find_label(text, at)
    if not first then break end
    local stop = text:find("\n[ \t]*[_;]", last + 1)
    parts[#parts + 1] = { header = text:sub(at, first - 1), label = label,
      body = columns.part(text, last + 1, stop and stop - 1) }
    at = stop or #text + 1
  end
  return parts
end

local function angles(source, fields, count, what)
  local first, step = tonumber(fields.START), tonumber(fields.STEPSIZE)
  if not (first and step) then source:fail("%s: _START or _STEPSIZE is missing", what) end
  return Source.even(first, first + (count - 1) * step, count)
end

local function read_range(source, part, fields, i)
  local what, form = "range " .. i, tables[part.label]
  if not form then source:fail("%s: a table _%s is not read", what, part.label) end
  local one, two = columns.read(source, part.body, form[1], what)
  local values, count = form[2] and two or one, #one
  columns.check_count(source, count, tonumber(fields.STEPCOUNT), what)
  local metadata = {}
  for name, value in pairs(fields) do metadata[name] = columns.metadata(value) end
  local drive = fields.DRIVE or ""
  return { y = columns.values(source, values, what), x = form[2] and one or angles(source, fields, count, what),
    axis = drives[drive:upper()] or drive ~= "" and drive or nil, unit = drives[drive:upper()] and "deg" or nil,
    quantity = form[3], decided = "_" .. part.label, metadata = metadata, scan = i,
    names = fields.SAMPLE and fields.SAMPLE ~= "" and { fields.SAMPLE } or nil }
end

function uxd.read(source)
  local parts, fields, blocks = parts_of(source:take_text()), {}, {}
  if #parts == 0 then source:fail("no table of a range; is the file cut off?") end
  local wanted = {}
  for _, i in ipairs(scans.chosen(source, #parts)) do wanted[i] = true end
  for i, part in ipairs(parts) do
    read_fields(part.header, fields) -- a range has the labels of those before it, unless it gives its own
    if wanted[i] then blocks[#blocks + 1] = read_range(source, part, fields, i) end
  end
  return scans.label(source, blocks, { "THETA", "2THETA", "KHI", "PHI", "X", "Y", "Z" })
end

return uxd
