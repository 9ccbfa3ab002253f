--- Results that print themselves: tables with a text, whose fields are read like those of any table.
local shown = {}

--- Makes a kind of result.
-- @param name for messages: "a history"
-- @param text a function(result) that returns the text for print
-- @param class its methods; none unless given
-- @return a function that makes a table one of these results, and returns it
function shown.kind(name, text, class)
  class = class or {}
  class.__index, class.__name, class.__tostring = class, name, text
  return function(result) return setmetatable(result, class) end
end

--- Joins texts in one line of bounded length: "a, b and 7 more".
-- @param most number of texts shown (8)
function shown.list(texts, most)
  most = most or 8
  if #texts <= most then return table.concat(texts, ", ") end
  return ("%s and %d more"):format(table.concat(texts, ", ", 1, most), #texts - most)
end

return shown
