--- Values as text, to tell if a training is the same as another.
local core = require "moonbow.core"
local check = require "moonbow.check"

local LONGEST = 400 -- bytes of a text that is compared itself, not by its digest

-- Returns the fewest digits that give the same number: 0.1, not 0.10000000000000001.
local function show_number(value)
  local text = ("%.15g"):format(value)
  return tonumber(text) == value and text or ("%.17g"):format(value)
end

-- Returns a value as text: equal for equal values, different for others; but all functions have the same text. Tensors
-- and long texts are replaced by a digest (XXH64 of shape and bytes; see core.digest), which differs if the data differ
-- in any bit or in their order.
local function canonical(value)
  if core.is_tensor(value) then
    return ("tensor %s %016x"):format(check.show_shape(core.shape(value)), core.digest(value))
  end
  if type(value) == "function" then return "a function" end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "number" then return core.in_c_locale(show_number, value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, entry in pairs(value) do
    parts[#parts + 1] = (type(key) == "string" and key or "[" .. tostring(key) .. "]") .. " = " .. canonical(entry)
  end
  table.sort(parts)
  local text = "{" .. table.concat(parts, ", ") .. "}"
  return #text <= LONGEST and text or ("{%d entries, %016x}"):format(#parts, core.digest(text))
end

return canonical
