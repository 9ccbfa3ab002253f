--- The spectra of an OPUS file: blocks of values, each with the block of parameters that describes it.
local core = require "moonbow.core"
local read_parameters = require "moonbow.spectra.opus.parameters"

local spectra = {}

local PLAIN, SERIES, COMPACT = 0, 2, 4 -- forms of a block of values
local STATUS = 1 -- parameters of a spectrum
local DIRECTORY = 13

spectra.SERIES = SERIES

-- By kind: OPUS' short name, kind of the values, and the rank by which one is taken unless options.block chooses.
local kinds = {
  [4] = { "AB", "absorbance", 1 }, [5] = { "TR", "transmittance", 2 }, [12] = { "RFL", "reflectance", 3 },
  [6] = { "KM", "Kubelka-Munk", 4 }, [15] = { "LRF", "log(1/R)", 5 }, [16] = { "ATR", "ATR", 6 },
  [17] = { "PAS", "photoacoustic signal", 7 }, [10] = { "RAM", "intensity", 8 }, [11] = { "EMI", "emission", 9 },
  [19] = { "ARA", "absorbance", 10 }, [18] = { "ART", "transmittance", 11 }, [1] = { "Sc", "single beam", 12 },
  [9] = { "GC", "single beam", 13 }, [14] = { "PW", "power", 14 }, [2] = { "Ig", "interferogram", 15 },
  [8] = { "GCIg", "interferogram", 16 }, [3] = { "Ph", "phase", 17 }, [7] = { "TRC", "trace", 18 },
}
local RAMAN = 10
local owners, parts = { "Sm", "Rf", "" }, { " real", " imaginary", "" }
local derivatives = { "first", "second", "higher" }

-- Completes a block of values with its name, quantity and rank.
local function describe(block)
  local kind = kinds[block.kind % 32]
  local channel = block.kind >= 32 and (" %d.Chn"):format(block.kind // 32 + 1) or ""
  local derivative = derivatives[block.derivative]
  block.base = kind[1] .. (owners[block.owner] or "") .. (parts[block.complex] or "") .. channel
    .. (derivative and (" %s derivative"):format(derivative) or "") .. (block.form == SERIES and " series" or "")
  block.quantity = (derivative and derivative .. " derivative of " or "") .. kind[2]
  block.is_raman = block.kind % 32 == RAMAN
  block.rank = kind[3] + (block.owner == 2 and 0.5 or 0) + (block.complex < 3 and 0.25 or 0)
    + (derivative and 0.125 or 0) + block.kind // 32 * 0.03
end

-- Numbers blocks of the same name in the order of the file: "AB 1", "AB 2".
local function number_names(list)
  local counts, seen = {}, {}
  for _, block in ipairs(list) do counts[block.base] = (counts[block.base] or 0) + 1 end
  for _, block in ipairs(list) do
    seen[block.base] = (seen[block.base] or 0) + 1
    block.name = block.base .. (counts[block.base] > 1 and (" %d"):format(seen[block.base]) or "")
  end
end

local function is_values(block)
  return block.parameters == 0 and block.kind ~= DIRECTORY and kinds[block.kind % 32]
    and (block.form == PLAIN or block.form == SERIES or block.form == COMPACT)
end

-- Returns the least and the greatest of the first `points` values as they are stored. Found once for each block.
local function range(source, block, points, type)
  local known = block.range
  if not (known and known.points == points and known.type == type) then
    local y = source:tensor(block.start, points, type)
    known = { points = points, type = type, low = core.get(core.min(y), 1), high = core.get(core.max(y), 1) }
    block.range = known
  end
  return known.low, known.high
end

-- True if the least and greatest values are those that the parameters state.
local function has_range(source, block, status)
  local points, factor = status.NPT, status.CSF
  if math.type(points) ~= "integer" or points < 1 or 4 * points > block.size then return false end
  if not (factor and status.MNY and status.MXY) then return false end
  local low, high = range(source, block, points, status.DPF == 2 and "i4" or "f4")
  local close = 1e-5 * math.max(math.abs(low), math.abs(high)) * math.abs(factor)
  return math.abs(low * factor - status.MNY) <= close and math.abs(high * factor - status.MXY) <= close
end

-- Removes from a list the parameters of a block: the only ones; or those whose range is that of the values, else the
-- first.
local function take_status(source, block, list)
  local at = 1
  for i = 1, #list > 1 and block.form == PLAIN and #list or 0 do
    if has_range(source, block, list[i]) then at = i break end
  end
  return table.remove(list, at)
end

local numbers = { "DPF", "NPT", "FXV", "LXV", "CSF", "MNY", "MXY" }

-- Reads the parameters of a spectrum. What should be a number and is text, is left out.
local function read_status(source, block)
  local status = read_parameters(source, block)
  for _, name in ipairs(numbers) do
    if not math.type(status[name]) then status[name] = nil end
  end
  return status
end

--- Returns the spectra in the order of the file: blocks with status (their parameters), name and base ("AB 2" and
-- "AB"), quantity, rank. Values that no parameters describe are none.
function spectra.list(source, blocks)
  local statuses, list = {}, {}
  table.sort(blocks, function(a, b) return a.start < b.start end)
  for _, block in ipairs(blocks) do
    if block.parameters == STATUS then
      statuses[block.spectrum] = statuses[block.spectrum] or {}
      table.insert(statuses[block.spectrum], read_status(source, block))
    end
  end
  for _, block in ipairs(blocks) do
    local described = is_values(block) and statuses[block.spectrum]
    block.status = described and take_status(source, block, described)
    if block.status then
      describe(block)
      list[#list + 1] = block
    end
  end
  number_names(list)
  return list
end

return spectra
