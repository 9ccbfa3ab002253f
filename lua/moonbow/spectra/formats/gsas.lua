--- GSAS' powder data: lines of 80 characters behind "BANK ...": STD, ESD, ALT, FXY and FXYE, several banks.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local scans = require "moonbow.spectra.scans"
local Source = require "moonbow.spectra.source"

local gsas = { name = "gsas", title = "a GSAS powder file" }

local HEAD = 8192
local CENTIDEGREES = 100
local CLOCK = 32 -- ticks of a microsecond in tables ALT

function gsas.matches(source)
  return ("\n" .. source.bytes:sub(1, HEAD)):find "[\r\n]BANK[ \t]+%d+[ \t]+%d+[ \t]+%d+[ \t]+%u+" ~= nil
end

-- Reads lines of `count` groups of fields, each `length` characters long. Returns a column for each field.
-- @param fields list of { from, to, decimals of a number without a point }
local function read_fields(source, body, fields, count, length, what)
  local read = {}
  for f = 1, #fields do read[f] = core.column() end
  local text = core.fields_columns(body.text, body.first, body.last, fields, count, length, read)
  if text then source:fail("%s: expected a number, got '%s'", what, text) end
  return table.unpack(read)
end

local forms = {}

-- Ten values, each behind a count of detectors of two digits; they are sums over these, as they were measured.
function forms.STD(source, body, what)
  return read_fields(source, body, { { 3, 8 } }, 10, 8, what)
end

-- Five values, each before its standard deviation.
function forms.ESD(source, body, what) return (read_fields(source, body, { { 1, 8 }, { 9, 16 } }, 5, 16, what)) end

-- Four times, in ticks, with a value and its standard deviation, in thousands.
function forms.ALT(source, body, what)
  local times, values = read_fields(source, body, { { 1, 8 }, { 9, 15, 4 }, { 16, 20, 4 } }, 4, 20, what)
  core.column_multiply(values, 1000)
  return values, times, CLOCK, "us"
end

-- Positions in hundredths of a degree, or times in microseconds, with a value and maybe its deviation.
local function pairs_of(source, body, what, width, binning)
  local x, y = columns.read(source, body, width, what)
  if binning:find "^CONS" then return y, x, CENTIDEGREES, "deg" end
  return y, x, 1, "us"
end

function forms.FXY(source, body, what, binning) return pairs_of(source, body, what, 2, binning) end

function forms.FXYE(source, body, what, binning) return pairs_of(source, body, what, 3, binning) end

-- Angles of a bank with even steps in hundredths of a degree.
local function even(source, bank, count, what)
  if not bank.binning:find "^CONS" then
    source:fail("%s: points spaced as %s in a table %s are not read", what, bank.binning, bank.form)
  end
  local first, step = tonumber(bank.numbers[1]), tonumber(bank.numbers[2])
  if not (first and step) then source:fail("%s: the first angle or the step is missing", what) end
  return Source.even(first / CENTIDEGREES, (first + (count - 1) * step) / CENTIDEGREES, count)
end

local function read_bank(source, bank, i)
  local what = "bank " .. bank.name
  local read = forms[bank.form]
  if not read then source:fail("%s: tables %s are not read", what, bank.form) end
  local y, x, unit_of, unit = read(source, bank.body, what, bank.binning)
  if #y == 0 then source:fail("%s: expected numbers, got none", what) end
  if #y < bank.count then columns.check_count(source, #y, bank.count, what) end
  -- The last line is filled with zeros or blanks behind the last point.
  if #y > bank.count and bank.count > 0 then core.column_keep(y, 1, bank.count) end
  if x then
    core.column_divide(x, unit_of)
    core.column_keep(x, 1, math.min(#x, #y))
  end
  if bank.form == "ALT" and bank.binning ~= "RALF" then
    source:note("%s: times of a table ALT with %s are taken as those with RALF", what, bank.binning)
  end
  local is_time, count = unit == "us", #y
  return { y = columns.values(source, y, what), x = x or even(source, bank, count, what),
    axis = is_time and "time of flight" or "2theta", unit = unit or "deg", quantity = bank.form == "STD" and "counts"
      or "intensity", decided = "a table " .. bank.form .. " of GSAS", metadata = { title = bank.title,
      bank = tonumber(bank.name) }, scan = i, names = bank.title ~= "" and { bank.title } or nil }
end

-- Returns the banks of a file.
local function banks_of(text)
  local banks, title = {}, columns.trim(text:match "^[^\n]*")
  local at, line, behind = text:match "^()BANK([^\n]*)()"
  if not at then at, line, behind = text:match "()\nBANK([^\n]*)()" end
  while at do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    local form = #words > 4 and words[#words]:find "^%a" and words[#words] or "STD"
    if banks[#banks] then banks[#banks].body.last = at - 1 end
    banks[#banks + 1] = { name = words[1] or "?", count = math.tointeger(tonumber(words[2])) or 0,
      binning = words[4] or "?", numbers = table.move(words, 5, #words, 1, {}), form = form:upper(), title = title,
      body = columns.part(text, behind, #text, "l") }
    at, line, behind = text:match("()\nBANK([^\n]*)()", behind)
  end
  return banks
end

function gsas.read(source)
  local banks, blocks = banks_of(source:take_text()), {}
  for b, i in ipairs(scans.chosen(source, #banks)) do blocks[b] = read_bank(source, banks[i], i) end
  return scans.label(source, blocks, { "bank" })
end

return gsas
