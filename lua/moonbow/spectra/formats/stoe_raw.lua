--- Stoe RAW ("RAW_1.06"), the binary files of WinXPOW: blocks of 512 bytes, of which each range has a header and its
-- counts as integers of 32 bits.
local core = require "moonbow.core"
local Source = require "moonbow.spectra.source"

local stoe = { name = "stoe_raw", title = "Stoe RAW" }

local BLOCK = 512
local FIRST_RANGE = 4 * BLOCK
local MOST_RANGES = 1000

function stoe.matches(source) return source.bytes:find "^RAW_1%.%d%d" ~= nil end

-- True if a range begins at an offset: its header opens with a date, as "22-Sep-20 17:18".
local function begins(source, at)
  return source.bytes:find("^%d%d%-%a%a%a%-%d%d %d%d:%d%d", at + 1) ~= nil
end

local function read_range(source, at)
  local count, first, last = source:number(at + 34, "i4"), source:number(at + 44, "f4"), source:number(at + 52, "f4")
  if count < 1 then source:fail("byte %d: a range of %d points", at + 34, count) end
  local there = math.max(0, math.min(count, (#source.bytes - at - BLOCK) // 4))
  if there < count then source:cut(there, count, "points") end
  if there == 0 then source:fail("it holds no points") end
  if there < count then last = first + (last - first) / (count - 1) * (there - 1) end
  return { y = source:tensor(at + BLOCK, there, "i4"), x = Source.even(first, last, there),
    axis = "2theta", unit = "deg", quantity = "counts", decided = "Stoe RAW files hold counts",
    metadata = { title = source:field(32, 80), measured = source:field(at, 16), ended = source:field(at + 16, 16),
      k_alpha1 = source:number(322, "f4"), k_alpha2 = source:number(326, "f4") } }, count
end

function stoe.read(source)
  if not begins(source, FIRST_RANGE) then source:fail("byte %d: expected the date of a range", FIRST_RANGE) end
  local blocks, at = {}, FIRST_RANGE
  repeat
    local block, count = read_range(source, at)
    blocks[#blocks + 1] = block
    at = at + BLOCK + (count * 4 + BLOCK - 1) // BLOCK * BLOCK
  until #blocks == MOST_RANGES or core.size(block.y, 1) < count or not begins(source, at)
  return blocks
end

return stoe
