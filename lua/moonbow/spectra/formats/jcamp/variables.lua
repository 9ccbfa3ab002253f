--- What a file says of the variables of a table, X and Y or those of NTUPLES: { symbol, unit, first, last, step,
-- factor, unread, count, least, greatest, precision }; numbers that are missing are nil, and factor is 1. unread is the
-- text of a factor that is no number. precision has the units of the last decimals of FIRST, MIN and MAX.
local records = require "moonbow.spectra.formats.jcamp.records"

local variables = {}

local LONGEST = 4096 -- bytes of a list of NTUPLES

local NUMBERS = { "FIRSTX", "LASTX", "FIRSTY", "MAXX", "MINX", "MAXY", "MINY", "DELTAX", "XFACTOR", "YFACTOR",
  "RESOLUTION" }

--- True if the labels of a table write numbers with decimal commas.
function variables.has_commas(table)
  for _, key in ipairs(NUMBERS) do
    local record = table.labels[key]
    if record and record.head:find "^[+-]?%d*,%d+[eEdD]?[+-]?%d*$" then return true end
  end
  return false
end

local function number(text, commas)
  if not text then return nil end
  if commas then text = text:gsub(",", ".") end
  text = text:match "^%s*([%d.dDeE+-]+)%s*$"
  local value = text and tonumber((text:gsub("[dD]", "e"))) -- Fortran writes 1.5D-03
  return value and math.abs(value) < math.huge and value + 0.0 or nil
end

-- Returns the unit of the last decimal of a number: 0.01 for "1.25".
local function precision(text)
  text = text or ""
  local first, behind = text:match "^[+-]?%d*[.,]?()%d*()"
  local exponent = text:match("^[eE]?([+-]?%d*)$", behind)
  return exponent and 10.0 ^ ((tonumber(exponent) or 0) - (behind - first)) or 0.0
end

-- Returns the factor in a text, 1 without one; and the text if it is no number.
local function factor_of(text, commas)
  local factor = number(text, commas)
  if factor or not text or text == "" then return factor or 1.0 end
  return 1.0, text
end

local function head(labels, key) return labels[key] and labels[key].head end

local function plain(table, symbol, commas)
  local labels = table.labels
  local function get(key) return number(head(labels, key), commas) end
  local count = (symbol == "X" or symbol == "R") and get "NPOINTS"
  local factor, unread = factor_of(head(labels, symbol .. "FACTOR"), commas)
  local places = {}
  for _, key in ipairs { "FIRST", "MIN", "MAX" } do places[key] = precision(head(labels, key .. symbol)) end
  return { symbol = symbol, unit = head(labels, symbol .. "UNITS"), first = get("FIRST" .. symbol),
    last = get("LAST" .. symbol), step = get("DELTA" .. symbol), factor = factor, unread = unread,
    least = get("MIN" .. symbol), greatest = get("MAX" .. symbol), count = count and math.tointeger(count) or nil,
    precision = places }
end

-- Returns the entries of a list such as ##FIRST= 7.76, 7.76, 0.0, which are split once; empty if there is no record.
local function cells_of(record)
  if not record then return {} end
  if not record.cells then
    record.cells = {}
    for cell in (record.head:sub(1, LONGEST) .. ","):gmatch "([^,]*)," do
      record.cells[#record.cells + 1] = records.trim(cell)
    end
  end
  return record.cells
end

--- Returns the symbols of NTUPLES, and their places, by name.
function variables.symbols(table)
  local record = table.ntuples and table.ntuples.SYMBOL
  if not record then return {} end
  if not record.places then
    record.places = {}
    for place, cell in ipairs(cells_of(record)) do record.places[cell:upper()] = place end
  end
  return record.places
end

local function of_ntuples(table, symbol, place)
  local function text(key)
    local own = cells_of(table.page_labels[key])[place]
    return own and own ~= "" and own or cells_of(table.ntuples[key])[place]
  end
  local function get(key) return number(text(key)) end
  local count = number(head(table.page_labels, "NPOINTS")) or get "VARDIM"
  local factor, unread = factor_of(text "FACTOR")
  return { symbol = symbol, unit = text "UNITS", name = text "VARNAME", first = get "FIRST", last = get "LAST",
    factor = factor, unread = unread, count = count and math.tointeger(count) or nil,
    precision = { FIRST = precision(text "FIRST") } }
end

--- Returns VAR_DIM of a variable, which for that of the pages is their number; nil without one.
function variables.dimension(table, symbol)
  local place = variables.symbols(table)[symbol]
  local count = place and number(cells_of(table.ntuples.VARDIM)[place])
  return count and math.tointeger(count)
end

--- Returns what the file says of a variable.
function variables.get(table, symbol, commas)
  local place = variables.symbols(table)[symbol]
  if place then return of_ntuples(table, symbol, place) end
  return plain(table, symbol, commas)
end

return variables
