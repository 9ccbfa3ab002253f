--- Whether transmittance or reflectance is in percent, where a format does not say.
local core = require "moonbow.core"
local units = require "moonbow.spectra.units"

local MOST_FRACTION = 2 -- of transmittance, above which it must be in percent

--- Tells by the values of spectra whether they are in percent.
-- @param quantity kind of the values
-- @param list tensors with the values
-- @param decided how the kind was found
-- @return true or nil, and `decided`, with the reason
return function(quantity, list, decided)
  if not units.is_percentage[quantity] then return nil, decided end
  for _, y in ipairs(list) do
    local most = core.get(core.max(core.reshape(y, core.count(y))), 1)
    if most > MOST_FRACTION then return true, ("%s; in percent, as they reach %.4g"):format(decided, most) end
  end
  return nil, decided
end
