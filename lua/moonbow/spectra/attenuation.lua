--- Counts that were taken behind an attenuator, in the files of Rigaku.
local core = require "moonbow.core"

local attenuation = {}

attenuation.RAW = "counts" -- the block of that name: counts as they are stored

--- Multiplies counts by the attenuation factors, unless block = "counts" requests them as stored. Returns a text for
--- `decided`.
-- @param counts, factors columns; factors is nil if the file has none
function attenuation.correct(source, counts, factors)
  if not factors or core.column_is(factors, 1) then return "" end
  if source:wanted "block" == attenuation.RAW then return ", not corrected for attenuation" end
  core.column_multiply(counts, factors)
  source:note('the stored counts were multiplied by the attenuation factors; block = "%s" gives them as stored',
    attenuation.RAW)
  return ", times the attenuation factors"
end

return attenuation
