-- Numbers in text (csrc/kernel/parse_number.c, csrc/bind/parse_number.c) against Lua's own.
local core = ...

-- The number that a word writes; nil if it writes none. A cell of a table may have an exponent of Fortran.
local function number_of(word, decimal, is_cell)
  if is_cell then
    local mantissa, exponent = word:match "^(.*)[dD]([+-]%d+)$"
    if mantissa and mantissa:find("%d", 1) and mantissa:find(decimal, 1, true) and #word <= 64 then
      word = mantissa .. "e" .. exponent
    end
  end
  if decimal == "," then
    if word:find "%." or word:find ",%D" or word:find ",$" then return nil end
    word = word:gsub(",", ".")
  end
  local mantissa, exponent = word:match "^[+-]?([%d.]+)([eE]?.*)$"
  if not mantissa or not mantissa:find "%d" or select(2, mantissa:gsub("%.", "")) > 1 then return nil end
  if exponent ~= "" and not exponent:find "^[eE][+-]?%d+$" then return nil end
  return tonumber((word:gsub("^%+", ""))) + 0.0
end

local function check(word, decimal, got, is_cell)
  local expected = number_of(word, decimal, is_cell)
  if got ~= expected then error(("%q with %s is %s, expected %s"):format(word, decimal, got, expected)) end
end

return function(bytes)
  for _, decimal in ipairs { ".", "," } do
    local bare = bytes:match "^[ \t]*(.-)[ \t]*$"
    check(bare, decimal, core.csv_number(bytes, decimal), true)
  end
  local list, i = core.numbers_list(bytes), 0
  core.numbers_tensor(bytes)
  for word in bytes:gmatch "[^%s;,]+" do
    i = i + 1
    local expected = number_of(word, ".")
    if list then
      check(word, ".", list[i])
    elseif not expected or math.abs(expected) == math.huge then
      break
    end
  end
  assert(not list or #list == i)
end
