--- Agilent images (Resolutions Pro). NAME.dat holds the spectra and NAME.seq the interferograms, with a header of 1020
-- bytes; NAME.bsp the axis and what was measured. Of a mosaic NAME.dat or .dms holds all spectra, NAME_0000_0001.dmd
-- those of one tile, .drd its interferograms, and name.dmt the axis. Any of these files stands for all of them.
local lfs = require "lfs"
local core = require "moonbow.core"

local agilent = { name = "agilent", title = "Agilent image" }

local HEADER = 1020
local TILE = "^%z\x72\x47%z" -- begins .dat and .seq
local OLE = "\208\207\17\224\161\177\26\225" -- begins .bsp and .dmt, and many others
local STEP, START, POINTS = 2216, 2228, 2236 -- offsets in .bsp and .dmt

local function is_tile(source) return source.bytes:find(TILE) ~= nil and #source.bytes > HEADER end

local function suffix_of(source) return source.name:lower():match "%.[^.]*$" or "" end

-- The numbers beside a mosaic's .dmt, which is written in lower case whatever the case of the others.
local function beside_mosaic(source)
  local ok, next_name, folder = pcall(lfs.dir, source.path:match "^.*/" or ".")
  local wanted = source.name:lower():gsub("%.dmt$", "")
  for name in ok and next_name or function() end, folder do
    local lower = name:lower()
    if lower == wanted .. ".dms" or lower == wanted .. ".dat" then return source:beside(name) end
  end
end

local function beside(source)
  return source:sibling ".dat" or source:sibling ".dms" or suffix_of(source) == ".dmt" and beside_mosaic(source) or nil
end

function agilent.matches(source)
  if source.bytes:sub(1, #OLE) ~= OLE then return is_tile(source) end
  local suffix = suffix_of(source)
  local data = (suffix == ".bsp" or suffix == ".dmt") and beside(source)
  return data and is_tile(data) or false
end

-- The file with the axis: of a tile of a mosaic, that of the mosaic; nil if none is there.
local function parameters_of(source)
  local stem = source.name:gsub("%.[^.]*$", "")
  return source:beside(stem .. ".bsp") or source:beside(stem:gsub("_%d%d%d%d_%d%d%d%d$", "") .. ".dmt")
end

-- The file with the numbers that the user wants.
local function data_of(source)
  local wanted = source:wanted "block"
  local interferograms = wanted == "interferogram"
  if wanted and wanted ~= 1 and not interferograms then
    source:fail('block = %s: expected 1 or "interferogram"', tostring(wanted))
  end
  local tile = interferograms and source:sibling ".seq"
  if not tile and not interferograms and not suffix_of(source):find "^%.dm[ds]$" then tile = beside(source) end
  tile = tile or source
  if not is_tile(tile) then source:fail("no %s beside it", interferograms and ".seq" or ".dat") end
  return tile
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
  if not parameters then return nil, "no .bsp or .dmt file says what the values are" end
  local bytes = parameters.bytes
  if bytes:find("Background Filename", 1, true) and bytes:find("Absorbance", 1, true) then
    return "absorbance", ("the %s file names a ratio in absorbance"):format(suffix_of(parameters))
  end
  return "single beam", ("the %s file names no background"):format(suffix_of(parameters))
end

local function places(width, height)
  local labels = { line = {}, sample = {} }
  for k = 1, width * height do
    labels.line[k], labels.sample[k] = tostring((k - 1) // width + 1), tostring((k - 1) % width + 1)
  end
  return labels
end

function agilent.read(source)
  local tile = data_of(source)
  local y, width, height = read_tile(tile)
  local points = core.size(y, 2)
  local suffix, parameters = suffix_of(tile), parameters_of(source)
  local block = { y = y, labels = places(width, height), columns = { "line", "sample" } }
  if suffix == ".seq" or suffix == ".drd" then
    block.x, block.unit, block.axis, block.quantity = count_up(points), "points", "points", "interferogram"
    block.decided = ("a %s file holds interferograms"):format(suffix)
    return { block }
  end
  source:note("the spectra of the %s file are taken; block = \"interferogram\" takes those of the .seq file", suffix)
  block.x = parameters and axis_of(source, parameters, points) or count_up(points)
  block.axis, block.unit = parameters and "wavenumber" or "points", parameters and "cm-1" or "points"
  block.quantity, block.decided = quantity_of(parameters)
  return { block }
end

return agilent
