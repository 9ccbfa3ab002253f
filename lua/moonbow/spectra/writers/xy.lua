--- XY: spectra in columns beside the axis.
local core = require "moonbow.core"
local check = require "moonbow.check"
local columns = require "moonbow.io.csv.columns"
local csv = require "moonbow.spectra.writers.csv"
local header = require "moonbow.io.csv.header"
local names = require "moonbow.io.csv.names"
local pairs_of = require "moonbow.io.csv.pairs"
local texts = require "moonbow.spectra.writers.texts"
local trim = require "moonbow.io.trim"
local units = require "moonbow.spectra.units"

local xy = { suffixes = { "xy", "txt", "dat", "tsv" }, title = "XY" }

-- A name of a column, without what would separate or comment it.
local function cell(text, separator)
  text = trim.both((texts.one_line(text):gsub("[\"#\t]", " ")))
  return (text:gsub(separator:gsub("%p", "%%%0"), separator == " " and "_" or " "))
end

-- True if numbers as names read as names: beside this axis they are no header of rows.
local function may_be_numbers(list, axis)
  local cells = table.move(list, 1, #list, 2, { "x" })
  for _, name in ipairs(list) do
    if not name:find "^%d+$" then return false end
  end
  return names.judge({ cells = cells, numbers = names.numbers_of(list, "."), is_axis = true }, axis) == "spectra"
end

-- True if a name of the only spectrum reads as another kind of values than its own.
local function is_other_kind(name, spectra)
  local quantity, percent = units.quantity(name)
  return quantity and (quantity ~= spectra.quantity or (percent ~= nil) ~= (spectra.percent or false))
end

-- True if a reader may take the name of a column for something else: an axis, errors or a kind of values; or the header
-- of a short table for a key and its value.
local function is_taken(name, first, spectra)
  if name == "" or pairs_of.is_axis(name, first) or spectra.length < 3 and name:find "[:=]" then return true end
  if #spectra == 1 then return is_other_kind(name, spectra) end
  return names.is_error(name) or units.tells(name)
end

-- Names of columns that read as such; "spectrum 2" in the place of others.
local function column_names(spectra, first, separator)
  local list = {}
  for i, name in ipairs(spectra.names) do list[i] = cell(name, separator) end
  local takes_numbers = may_be_numbers(list, spectra.axis)
  for i, name in ipairs(list) do
    local is_number = not takes_numbers and header.looks_like_number(name)
    if is_number or is_taken(name, first, spectra) then list[i] = cell("spectrum " .. i, separator) end
  end
  return list
end

local function put_header(spectra, separator, put)
  local first = cell(texts.axis(spectra) or "x", separator)
  if not names.is_axis(first) then first = "x" end -- the comment above it says more
  local cells = column_names(spectra, first, separator)
  table.insert(cells, 1, first)
  put(table.concat(cells, separator) .. "\n")
end

local function check_axis(axis)
  if #axis < 2 then
    check.fail("write", "axis: expected at least 2 points, got 1, beside which spectra in columns would not read back")
  end
  local ok, _, why = columns.check_axis(axis)
  if not ok then check.fail("write", "axis: %s, too often for XY", why) end
end

--- Puts the content of a file, as csv.write does.
function xy.write(spectra, options, put)
  texts.check_finite(spectra)
  check_axis(spectra.axis)
  local separator = options.separator or "\t"
  csv.put_comments(spectra, separator, put)
  if #spectra == 1 then
    for _, name in ipairs(spectra.columns) do
      csv.put_comment(cell(name, separator), texts.one_line(spectra.labels[name][1]), separator, put)
    end
  end
  put_header(spectra, separator, put)
  local rows = core.transpose(core.reshape(spectra.x, #spectra, spectra.length), 1, 2)
  local with_sign = texts.sign_giver()
  for t, value in ipairs(spectra.axis) do
    local numbers = with_sign(core.numbers_text(core.row(rows, t), separator))
    put(("%s%s%s\n"):format(texts.number(value), separator, numbers))
  end
end

return xy
