--- Numbers in text.
local core = require "moonbow.core"

local numbers = {}

--- Reads numbers between blanks, commas, semicolons, tabs or line breaks into a list, in double precision.
-- @param text string
-- @return the list; or nil and the first word that is not a number
function numbers.list(text)
  local list, n = {}, 0
  for word in text:gmatch "[^%s,;]+" do
    local value = not word:find "[xXnNpP]" and tonumber(word)
    if not value then return nil, word end
    n = n + 1
    list[n] = value + 0.0
  end
  return list
end

--- Reads numbers as numbers.list does, into a tensor (N).
function numbers.tensor(text)
  local list, word = numbers.list(text)
  if not list then return nil, word end
  if #list == 0 then return nil, "nothing" end
  return core.tensor(list)
end

return numbers
