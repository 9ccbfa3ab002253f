--- Counts that were taken behind an attenuator, in the files of Rigaku.
local attenuation = {}

local RAW = "counts" -- the block of that name: counts as they are stored

local function is_attenuated(factors)
  for _, factor in ipairs(factors) do
    if factor ~= 1 then return true end
  end
  return false
end

--- Multiplies counts by the attenuation factors, unless block = "counts" requests them as stored. Returns a text for
--- `decided`.
-- @param factors list of one factor for each count; nil or empty if the file has none
function attenuation.correct(source, counts, factors)
  if not is_attenuated(factors or {}) then return "" end
  if source.options.block == RAW then return ", not corrected for attenuation" end
  for i, factor in ipairs(factors) do counts[i] = counts[i] * factor end
  source:note('the stored counts were multiplied by the attenuation factors; block = "%s" gives them as stored', RAW)
  return ", times the attenuation factors"
end

return attenuation
