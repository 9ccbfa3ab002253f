--- Numbers in the sentences of an audit.
local words = {}

--- Three digits of a number, without an exponent from 1000 on: "0.0123", "97.3", "2720", "60000".
function words.number(value)
  local rounded = ("%.3g"):format(value)
  return math.abs(value) >= 1000 and math.abs(value) < 1e15 and ("%.0f"):format(tonumber(rounded)) or rounded
end

return words
