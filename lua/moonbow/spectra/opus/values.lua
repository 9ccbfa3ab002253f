--- The values of a block of an OPUS file: one spectrum, or a series with a record behind each.
local core = require "moonbow.core"

local values = {}

local COMPACT = 4
local HEADER, RECORD = 24, 152 -- bytes: of a series, and of what is known of the record behind each spectrum
local FACTOR, START, STOP = 104, 136, 144 -- offsets in the record

-- Returns the type of the values and their number.
local function form(source, block)
  local status = block.status
  local type = ({ "f4", "i4" })[status.DPF or 1]
  if not type then source:fail("block %s: data point format DPF = %s is not read", block.name, status.DPF) end
  for _, name in ipairs { "NPT", "FXV", "LXV" } do
    if not status[name] then source:fail("block %s: its parameters lack %s", block.name, name) end
  end
  if math.type(status.NPT) ~= "integer" or status.NPT < 1 then
    source:fail("block %s: %s points", block.name, status.NPT)
  end
  return type, status.NPT
end

--- Reads one spectrum into a tensor (L).
function values.read(source, block)
  local type, points = form(source, block)
  if 4 * points > block.size then
    source:fail("block %s at byte %d: %d points, but room for %d", block.name, block.start, points, block.size // 4)
  end
  local skip = block.form == COMPACT and block.size - 4 * points or 0
  return core.mul(source:tensor(block.start + skip, points, type), block.status.CSF or 1)
end

-- Returns the number of spectra that the table of stored runs counts; nil if there is none.
local function stored(source, block, entries)
  if entries < 1 or HEADER + 8 * entries > block.size then return nil end
  local count = 0
  for i = 0, entries - 1 do
    local first, last = source:number(block.start + HEADER + 8 * i, "i4"), source:number(block.start + 28 + 8 * i, "i4")
    if last < first then return nil end
    count = count + last - first + 1
  end
  return count
end

local function header(source, block)
  if block.size < HEADER then source:fail("block %s: %d bytes are too few for a series", block.name, block.size) end
  local version, count, offset, size, record, entries = table.unpack(source:list(block.start, 6, "u4"))
  local type, points = form(source, block)
  if version ~= 0 then source:fail("block %s: a series of version %d is not read", block.name, version) end
  if size < 4 * points then source:fail("block %s: spectra of %d bytes for %d points", block.name, size, points) end
  return { count = math.min(count, stored(source, block, entries) or count), at = block.start + offset, size = size,
    record = record, type = type, points = points, there = (block.size - offset) // (size + record) }
end

-- The factor of a spectrum of a series, as its record says, else that of all.
local function factor(source, block, h, record_at)
  local own = h.record >= RECORD and source:number(record_at + FACTOR, "f8") or 0
  return own ~= 0 and own == own and own or block.status.CSF or 1
end

--- Reads a series. Returns a tensor (N, L), and the times of start and end in s as lists (nil: the file does not say).
function values.read_series(source, block)
  local h = header(source, block)
  if h.there < 1 or h.count < 1 then source:fail("block %s: a series without spectra", block.name) end
  if h.there < h.count then source:cut(h.there, h.count, "spectra") end
  local rows, start, stop = {}, h.record >= RECORD and {} or nil, {}
  for i = 1, math.min(h.there, h.count) do
    local at = h.at + (i - 1) * (h.size + h.record)
    local y = core.mul(source:tensor(at, h.points, h.type), factor(source, block, h, at + h.size))
    rows[i] = core.reshape(y, 1, h.points)
    if start then
      start[i], stop[i] = source:number(at + h.size + START, "f8"), source:number(at + h.size + STOP, "f8")
    end
  end
  return #rows == 1 and rows[1] or core.concat(rows, 1), start, stop
end

return values
