--- Joins many short texts: a thousand at a time, because each string takes some 40 bytes beside its own.
local PIECE = 1024

--- Returns a function(text) that adds a text, and one that returns all, with the separator between them, and the count.
return function(separator)
  local texts, pieces, count = {}, {}, 0
  local function flush()
    if texts[1] then pieces[#pieces + 1], texts = table.concat(texts, separator), {} end
  end
  local function add(text)
    texts[#texts + 1], count = text, count + 1
    if #texts == PIECE then flush() end
  end
  return add, function()
    flush()
    return table.concat(pieces, separator), count
  end
end
