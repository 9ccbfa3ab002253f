--- Agilent images of one tile (Resolutions Pro): NAME.dat holds the spectra and NAME.seq the interferograms, both with
-- a header of 1020 bytes; NAME.bsp the axis and what was measured. Any of the three stands for all of them.
local core = require "moonbow.core"

local agilent = { name = "agilent", title = "Agilent image" }

local HEADER = 1020
local TILE = "^%z\x72\x47%z" -- begins .dat and .seq
local OLE = "\208\207\17\224\161\177\26\225" -- begins .bsp, and many others
local STEP, START, POINTS = 2216, 2228, 2236 -- offsets in .bsp

local function is_tile(source) return source.bytes:find(TILE) ~= nil and #source.bytes > HEADER end

function agilent.matches(source)
  if source.bytes:sub(1, #OLE) == OLE then
    local data = source.name:lower():find "%.bsp$" and source:sibling ".dat"
    return data and is_tile(data) or false
  end
  return is_tile(source)
end

-- Reads the numbers of a tile, stored as one image per point: tensor (places, points), the width and the height.
local function read_tile(source)
  local points, width, height = source:number(9, "u4"), source:number(24, "u2"), source:number(26, "u2")
  local places = width * height
  if places < 1 or points < 1 then source:fail("an image of %d x %d places with %d points", width, height, points) end
  local there = math.min(points, (#source.bytes - HEADER) // (4 * places))
  if there < points then source:fail("the file is cut off: %d of %d images are there", there, points) end
  return core.transpose(source:tensor(HEADER, { points, places }, "f4"), 1, 2), width, height
end

local function axis_of(source, parameters, points)
  local step, start = parameters:number(STEP, "f8"), parameters:number(START, "i4")
  local count = parameters:number(POINTS, "i4")
  if count ~= points then
    source:fail("%s announces %d points, the image has %d", parameters.name, count, points)
  end
  local x = {}
  for i = 1, points do x[i] = step * (start + i - 1) end
  return x
end

local function count_up(points)
  local x = {}
  for i = 1, points do x[i] = i end
  return x
end

-- What the values are: a spectrum that was divided by a background is in the unit that this step names.
local function quantity_of(parameters)
  if not parameters then return nil, "no .bsp file says what the values are" end
  local bytes = parameters.bytes
  if bytes:find("Background Filename", 1, true) and bytes:find("Absorbance", 1, true) then
    return "absorbance", "the .bsp file names a ratio in absorbance"
  end
  return "single beam", "the .bsp file names no background"
end

local function places(width, height)
  local labels = { line = {}, sample = {} }
  for k = 1, width * height do
    labels.line[k], labels.sample[k] = tostring((k - 1) // width + 1), tostring((k - 1) % width + 1)
  end
  return labels
end

function agilent.read(source)
  local wants_interferograms = source.options.block == "interferogram"
  local tile = wants_interferograms and (source:sibling ".seq" or source) or source:sibling ".dat" or source
  if not is_tile(tile) then source:fail("no %s beside it", wants_interferograms and ".seq" or ".dat") end
  local y, width, height = read_tile(tile)
  local points = core.size(y, 2)
  local parameters = source:sibling ".bsp"
  local block = { y = y, labels = places(width, height), columns = { "line", "sample" } }
  if tile.name:lower():find "%.seq$" then
    block.x, block.unit, block.axis, block.quantity = count_up(points), "points", "points", "interferogram"
    block.decided = "a .seq file holds interferograms"
    return { block }
  end
  source:note "the spectra of the .dat file are taken; block = \"interferogram\" takes those of the .seq file"
  block.x = parameters and axis_of(source, parameters, points) or count_up(points)
  block.axis, block.unit = parameters and "wavenumber" or "points", parameters and "cm-1" or "points"
  block.quantity, block.decided = quantity_of(parameters)
  return { block }
end

return agilent
