-- Columns of numbers (csrc/bind/words.c, csrc/bind/parse_number.c) against plain versions, which clean the text first.
local core = ...

local function without_comments(text, sign) return (text:gsub(sign .. "[^\n]*", "")) end

local function packed(text) return (without_comments(text, "%$%$"):gsub("([%d.])([+-])", "%1 %2")) end

local function unknown(text) return text:gsub("%?", "nan") end

local function commas(text) return (text:gsub("(%d),(%d)", "%1.%2")) end

local function missing(text)
  text = (without_comments(text, "#") .. "\n"):gsub("(%d)%(%d*%)%f[%s;,]", "%1")
  return (("\n" .. text):gsub("%f[%S][.?]%f[%s]", "nan"))
end

-- By marks: the text without them, and the count of "?".
local plain = {
  [""] = function(text) return text, 0 end,
  n = function(text) return text, 0 end,
  t = function(text) return text, 0 end,
  l = function(text) return text:gsub("\n#[^\n]*", ""), 0 end,
  ["$?+"] = function(text) return unknown(packed(text)) end,
  ["$?+a"] = function(text) return unknown(packed(text)) end,
  ["$?+,"] = function(text) return unknown(packed(commas(text))) end,
  ["$?+a,"] = function(text) return unknown(packed(commas(text))) end,
  ["n#(."] = function(text) return missing(text), 0 end,
}

local nans = { nan = 0 / 0, inf = math.huge, infinity = math.huge }

-- The number that a word writes, which may be too large; nil if it writes none.
local function number_of(word, takes_nan)
  local sign, rest = word:match "^([+-]?)(.*)$"
  local nan = takes_nan and nans[rest:lower()]
  if nan then return sign == "-" and -nan or nan end
  local mantissa, exponent = rest:match "^([%d.]+)([eE]?.*)$"
  if not mantissa or not mantissa:find "%d" or select(2, mantissa:gsub("%.", "")) > 1 then return nil end
  if exponent ~= "" and not exponent:find "^[eE][+-]?%d+$" then return nil end
  local value = tonumber(rest) + 0.0
  return sign == "-" and -value or value
end

local function fits_float32(value) return math.abs(string.unpack("f", string.pack("f", value))) < math.huge end

-- The numbers of a text, and the count of "?"; or nil and the first word that is none. The second of three columns is
-- left out.
local function plain_list(text, marks)
  local cleaned, count = plain[marks](text)
  local list, takes_nan = {}, marks:find("n", 1, true) or count > 0
  for word in cleaned:gmatch "[^%s;,]+" do
    local is_name = marks:find("a", 1, true) and #list % 3 == 1
    local value = is_name and 0 or number_of(word, takes_nan)
    local is_large = value and math.abs(value) == math.huge and not (takes_nan and word:find "[iI]")
    if not value or is_large or marks == "t" and not fits_float32(value) then return nil, word end
    list[#list + 1] = value
  end
  return list, count
end

local function same(a, b) return a == b or a ~= a and b ~= b end

local function compare(text, marks)
  local read = { core.column(), false, core.column() }
  local count, word = core.numbers_columns("7" .. text .. "8", 2, #text + 1, marks, read)
  local list, wanted = plain_list(text, marks)
  local got = ("%q with %q: %s, %s"):format(text, marks, count, word)
  if not list then
    assert(count == nil and word == wanted, got)
    return
  end
  assert(count == #list and word == wanted, got)
  assert(#read[1] == (count + 2) // 3 and #read[3] == count // 3, got)
  for i = 1, count do
    local column = read[(i - 1) % 3 + 1]
    assert(not column or same(column[(i - 1) // 3 + 1], list[i]), got)
  end
end

local FIELDS = { { 1, 4 }, { 5, 9, 2 } }

-- The numbers in two groups of two fields, as columns; or the text of a field that is no number.
local function plain_fields(text)
  local read = { {}, {} }
  for line in text:gmatch "[^\n]+" do
    for i = 0, line:find "^#" and -1 or 3 do
      local field, before = FIELDS[i % 2 + 1], i // 2 * 9
      local cell = line:sub(before + field[1], before + field[2])
      local value = cell:find "%S" and number_of(cell:match "^%s*(.-)%s*$", false)
      if cell:find "%S" and not value then return nil, cell end
      local list = read[i % 2 + 1]
      if value then list[#list + 1] = cell:find(".", 1, true) and value or value / 10.0 ^ (field[3] or 0) end
    end
  end
  return read
end

local function compare_fields(text)
  local read = { core.column(), core.column() }
  local cell = core.fields_columns("7" .. text .. "8", 2, #text + 1, FIELDS, 2, 9, read)
  local lists, wanted = plain_fields(text)
  local got = ("fields of %q: %s"):format(text, cell)
  assert(cell == wanted, got)
  for c, list in ipairs(lists or {}) do
    assert(#read[c] == #list, got)
    for i, value in ipairs(list) do assert(read[c][i] == value, got) end
  end
end

return function(bytes)
  for marks in pairs(plain) do compare(bytes, marks) end
  compare_fields(bytes)
end
