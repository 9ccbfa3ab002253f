--- Renishaw WDF, the files of WiRE 2 and later: chunks of a name, a number and a size. The spectra stand in DATA, their
-- axis in XLST, the places of a map in ORGN.

local wdf = { name = "wdf", title = "Renishaw WDF" }

local HEADER, CHUNK = 512, 16
local MOST_CHUNKS = 100000

-- Units of an axis and of values, by their codes.
local UNITS = {
  [1] = "cm-1", [2] = "cm-1", [3] = "nm", [4] = "eV", [5] = "um", [8] = "mm", [9] = "m", [10] = "K", [11] = "Pa",
  [12] = "s", [13] = "ms", [14] = "h", [15] = "d", [16] = "points", [19] = "deg", [20] = "rad", [21] = "C", [22] = "F",
  [25] = "us",
}
local AXES = { [1] = "Raman shift", [2] = "wavenumber", [3] = "wavelength", [4] = "energy", [5] = "wavelength",
  [16] = "points" }
local QUANTITIES = { [0] = "intensity", [6] = "counts", [7] = "electrons", [17] = "intensity", [18] = "intensity" }

-- Names of the lists of ORGN, by their codes.
local LISTS = {
  [1] = "spectral", [3] = "x", [4] = "y", [5] = "z", [6] = "r", [7] = "theta", [8] = "phi",
  [9] = "temperature", [10] = "pressure", [11] = "time", [13] = "polarization", [14] = "focus track",
  [15] = "ramp rate", [18] = "elapsed time", [24] = "location", [27] = "exposure time",
}
local TIME, FLAGS, CHECKSUM = 11, 17, 16
local FILETIME_EPOCH, FILETIME_TICKS = 11644473600, 10000000 -- 1601 to 1970 in seconds; ticks of 100 ns

local KINDS = { [1] = "single", [2] = "series", [3] = "map" }

function wdf.matches(source) return source.bytes:sub(1, 4) == "WDF1" end

-- Returns the chunks by name, each { first (offset of the content), size }; the last may reach beyond the file.
local function read_chunks(source)
  local chunks, at, count = {}, HEADER, 0
  while at + CHUNK <= #source.bytes and count < MOST_CHUNKS do
    local name, size = source:text(at, 4), source:number(at + 8, "i8")
    if size < CHUNK then source:fail("byte %d: a chunk %q of %d bytes", at, name, size) end
    chunks[name] = chunks[name] or { first = at + CHUNK, size = size - CHUNK }
    at, count = at + size, count + 1
    if at < 0 then source:fail("byte %d: a chunk %q of %d bytes", at - size, name, size) end
  end
  return chunks
end

local function need_chunk(source, chunks, name)
  return chunks[name] or source:fail("it has no chunk %s", name)
end

local function read_header(source)
  local header = { points = source:number(60, "u4"), capacity = source:number(64, "i8"),
    count = source:number(72, "i8"), lists = source:number(92, "u4"), kind = source:number(132, "u4"),
    unit = source:number(152, "u4"), laser = source:number(156, "f4") }
  if header.points < 1 or header.count < 1 then
    source:fail("%d spectra of %d points", header.count, header.points)
  end
  if header.count > header.capacity then header.capacity = header.count end
  return header
end

local function read_axis(source, chunks, header)
  local chunk = need_chunk(source, chunks, "XLST")
  source:need(chunk.first + 8, header.points * 4, "axis")
  local unit = source:number(chunk.first + 4, "u4")
  return source:list(chunk.first + 8, header.points, "f4"), AXES[unit], UNITS[unit], unit
end

-- Reads the spectra that were measured; fewer if the file is cut off and partial = true.
local function read_spectra(source, chunks, header)
  local data = need_chunk(source, chunks, "DATA")
  local bytes = header.points * 4
  local there = math.min(header.count, (#source.bytes - data.first) // bytes)
  if there < header.count then source:cut(there, header.count, "spectra") end
  if there < 1 then source:fail("it holds no spectra") end
  if header.capacity > header.count then
    source:note("measured %d of %d spectra: the measurement was stopped", header.count, header.capacity)
  end
  return source:tensor(data.first, { there, header.points }, "f4"), there
end

-- One value of an ORGN list as text. Times are file times: seconds since 1970, to the second.
local function list_value(source, at, kind)
  if kind ~= TIME then return ("%.10g"):format(source:number(at, "f8")) end
  local ticks = source:number(at, "i8")
  local seconds = ticks // FILETIME_TICKS - FILETIME_EPOCH
  if seconds < 0 or seconds > 2 ^ 33 then return "" end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

local function is_position(kind) return kind ~= FLAGS and kind ~= CHECKSUM and LISTS[kind] ~= nil end

-- The label of a list, as "x (um)".
local function list_name(kind, unit)
  local name = LISTS[kind]
  return UNITS[unit] and kind ~= TIME and ("%s (%s)"):format(name, UNITS[unit]) or name
end

-- Reads the positions and times of the spectra: labels, and their names in order. Lists that are all zero, as drives
-- that did not move leave them, are left out, and so are lists for which the file is too short.
local function read_lists(source, chunks, header, count)
  local labels, columns, chunk = {}, {}, chunks.ORGN
  if not chunk or count < 2 or header.capacity > #source.bytes // 8 then return labels, columns end
  local at, length = chunk.first + 4, 24 + header.capacity * 8
  for _ = 1, header.lists do
    if at + length > #source.bytes then break end
    local kind, unit = source:number(at, "u4") & 0x7fffffff, source:number(at + 4, "u4")
    if is_position(kind) then
      local list, moves = {}, false
      for i = 1, count do
        list[i] = list_value(source, at + 24 + (i - 1) * 8, kind)
        moves = moves or list[i] ~= list[1]
      end
      local name = list_name(kind, unit)
      if moves and not labels[name] then labels[name], columns[#columns + 1] = list, name end
    end
    at = at + length
  end
  return labels, columns
end

-- Notes a map whose grid (WMAP) does not hold as many places as there are spectra: the places of ORGN are right then.
local function check_map(source, chunks, header)
  local map = chunks.WMAP
  if not map or map.first + 44 > #source.bytes then return end
  local width, height = source:number(map.first + 32, "u4"), source:number(map.first + 36, "u4")
  if width * height ~= header.capacity then
    source:note("its grid of %d x %d places is not that of its %d spectra; places are those stored with each spectrum",
      width, height, header.count)
  end
end

function wdf.read(source)
  local header, chunks = read_header(source), read_chunks(source)
  local x, axis, unit = read_axis(source, chunks, header)
  local y, count = read_spectra(source, chunks, header)
  local labels, columns = read_lists(source, chunks, header, count)
  check_map(source, chunks, header)
  local quantity = QUANTITIES[header.unit]
  local metadata = { kind = KINDS[header.kind], title = source:field(240, 160), operator = source:field(208, 32),
    application = source:field(96, 24) }
  if header.laser > 0 then metadata.laser_nm = 1e7 / header.laser end
  return { { y = y, x = x, axis = axis, unit = unit, quantity = quantity, labels = labels, columns = columns,
    metadata = metadata,
    decided = quantity and ("unit code %d of the file"):format(header.unit)
      or ("the file's unit code %d is not known"):format(header.unit) } }
end

return wdf
