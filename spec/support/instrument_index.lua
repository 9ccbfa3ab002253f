-- The measured files of instruments with an index of what other readers say they hold.
local json = require "cjson"
local core = require "moonbow.core"

local index = {}

--- Returns the entries of the index in a folder: { file, reference, ... }.
function index.entries(folder)
  local file = assert(io.open(folder .. "/INDEX.json", "rb"))
  local entries = json.decode(file:read "a")
  file:close()
  return entries
end

local TOLERANCE = 2e-6 -- of the largest value: float32, and references that other programs printed

local function differs(got, expected, scale)
  return math.abs(got - expected) > TOLERANCE * math.max(math.abs(scale), math.abs(expected))
end

local function statistics(set, row)
  local list = core.totable(core.reshape(core.index(set.x, core.tensor { row }), set.length))
  local low, high, sum, size = math.huge, -math.huge, 0, 0
  for _, value in ipairs(list) do
    low, high, sum, size = math.min(low, value), math.max(high, value), sum + value, size + math.abs(value)
  end
  return { y_first = list[1], y_last = list[#list], y_min = low, y_max = high, y_sum = sum }, math.max(-low, high), size
end

local function compare_row(found, set, row, reference, prefix)
  local got, largest, size = statistics(set, row)
  for name, value in pairs(got) do
    local expected = tonumber(reference[name])
    local scale = name == "y_sum" and size or largest
    if expected and differs(value, expected, scale) then
      found[#found + 1] = ("%s%s: expected %.9g, got %.9g"):format(prefix, name, expected, value)
    end
  end
end

--- Compares a set of spectra with the reference of an entry. Returns the differences as a list of texts.
function index.differences(set, reference)
  local found, n = {}, core.size(set.x, 1)
  local function expect(name, got, expected, scale)
    if type(expected) == "number" and differs(got, expected, scale or 0) then
      found[#found + 1] = ("%s: expected %.9g, got %.9g"):format(name, expected, got)
    end
  end
  local axis = set.axis
  expect("spectra", n, reference.spectra)
  expect("points", #axis, reference.points)
  local span = math.max(math.abs(axis[1]), math.abs(axis[#axis]))
  expect("x_first", axis[1], reference.x_first, span)
  expect("x_last", axis[#axis], reference.x_last, span)
  compare_row(found, set, 1, reference, "")
  if reference.last_spectrum then compare_row(found, set, n, reference.last_spectrum, "last ") end
  return found
end

return index
