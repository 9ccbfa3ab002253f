--- What the values of a block of an OPUS file are. Some files hold transmittance in a block named AB.
local core = require "moonbow.core"
local values = require "moonbow.spectra.opus.values"

-- What PLF, the kind of result that was asked for, means for a block AB.
local asked = { TR = "transmittance", RFL = "reflectance" }

local PLACES = { 0.3, 0.4, 0.5, 0.6, 0.7 } -- of the axis, at which single channels are compared

local function find(list, base)
  for i = #list, 1, -1 do
    if list[i].base == base then return list[i] end
  end
end

-- Returns a function of the axis that interpolates a spectrum; nil if it has one place only.
local function curve(source, block)
  local y, status = values.read(source, block), block.status
  if status.NPT < 2 or status.FXV == status.LXV then return nil end
  return function(x)
    local at = (x - status.FXV) / (status.LXV - status.FXV) * (status.NPT - 1)
    local i = math.max(0, math.min(status.NPT - 2, math.floor(at)))
    local left, right = core.get(y, i + 1), core.get(y, i + 2)
    return left + (right - left) * (at - i)
  end
end

-- True or false if the single channels tell whether a block holds their ratio rather than its logarithm; else nil.
local function is_ratio(source, block, list)
  local sample, reference = find(list, "ScSm"), find(list, "ScRf")
  if not (sample and reference) then return nil end
  local y, s, r = curve(source, block), curve(source, sample), curve(source, reference)
  if not (y and s and r) then return nil end
  local as_ratio, as_log, status = 0, 0, block.status
  for _, place in ipairs(PLACES) do
    local x = status.FXV + (status.LXV - status.FXV) * place
    local ratio = s(x) / r(x)
    if not (ratio > 0 and ratio < math.huge) then return nil end
    as_ratio, as_log = as_ratio + math.abs(y(x) - ratio), as_log + math.abs(y(x) + math.log(ratio, 10))
  end
  return as_ratio < as_log
end

--- Returns the kind of the values of a block, and how it was found: by the block, unless PLF contradicts a block AB;
-- then by the single channels, if the file holds them.
return function(source, block, list, plf)
  local other = block.base == "AB" and asked[plf]
  if not other then return block.quantity, ("block %s"):format(block.name) end
  local ratio = is_ratio(source, block, list)
  if ratio == nil then return other, ("PLF=%s, although the block is AB"):format(plf) end
  if ratio then return other, ("PLF=%s and the single channels, although the block is AB"):format(plf) end
  return block.quantity, ("block AB and the single channels, although PLF=%s"):format(plf)
end
