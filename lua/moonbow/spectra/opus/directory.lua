--- The directory of an OPUS file: its blocks and their types.
local directory = {}

directory.MAGIC = "\n\n\254\254"
local ENTRY = 12 -- bytes
local MOST = 10000 -- blocks, so that a directory of a damaged file takes no time

-- A type packs, from the lowest bit on: parts of complex data (2 bits), sample or reference (2), parameters (6), kind
-- of the spectrum (7), derivative (2), form (3).
local function entry(source, offset)
  local type = source:number(offset, "u4")
  return { complex = type & 3, owner = type >> 2 & 3, parameters = type >> 4 & 63, kind = type >> 10 & 127,
    derivative = type >> 17 & 3, form = type >> 19 & 7, spectrum = type & ~(63 << 4),
    size = 4 * source:number(offset + 4, "u4"), start = source:number(offset + 8, "u4") }
end

--- Reads the directory. The blocks that the file does not hold whole are left out, if partial = true.
-- @return list of { complex, owner, parameters, kind, derivative, form, size, start, spectrum }; the last is equal for
--   the values of a spectrum and for the parameters that describe them
function directory.read(source)
  source:need(0, 24, "an OPUS header")
  local at, announced = source:number(12, "u4"), math.min(MOST, source:number(20, "u4"))
  local list, whole = {}, {}
  while #list < announced do
    local block = entry(source, at + ENTRY * #list)
    if block.start == 0 then break end
    list[#list + 1] = block
    if block.start <= #source.bytes and block.size <= #source.bytes - block.start then whole[#whole + 1] = block end
  end
  if #list == 0 then source:fail("byte %d: the directory is empty", at) end
  if #whole < #list then source:cut(#whole, #list, "blocks") end
  for _, block in ipairs(whole) do source:claim(block.size) end
  return whole
end

return directory
