--- CSV: a spectrum in each row, labels before the values, the axis as header.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local names = require "moonbow.io.csv.names"
local texts = require "moonbow.spectra.writers.texts"

local csv = { suffixes = { "csv" }, title = "CSV" }

local NAME = "name" -- column of the spectra's names

local function quoted(text, separator)
  text = texts.one_line(text)
  local is_lost = text:find('["#]') or text:find(separator, 1, true) or text == "" and separator == " "
  if not is_lost and not text:find('^%s') and not text:find('%s$') then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function check_column(name)
  if tonumber(name) or header.looks_like_number(name) then
    check.fail("write", "labels: a column named '%s' would read as a value of the axis", name)
  end
  return name
end

-- Returns the columns of labels: { name, list }, first the names of the spectra: another may have the name of an axis.
local function columns_of(spectra)
  local columns = { { NAME, spectra.labels[NAME] or spectra.names } }
  for _, name in ipairs(spectra.columns) do
    if name ~= NAME then columns[#columns + 1] = { check_column(name), spectra.labels[name] } end
  end
  return columns
end

local function check_axis(axis, columns, separator)
  local ok, _, why = header.check_axis(axis)
  if not ok then check.fail("write", "axis: %s; XY takes a few points that are equal", why) end
  if #axis + #columns < 3 then
    check.fail("write", "axis: expected at least 2 points, got 1, which beside the names would read as x and y")
  elseif #axis < 3 and separator == " " then
    check.fail("write", "separator: expected ',', ';' or a tab for %d points: between blanks, a header reads as text",
      #axis)
  end
end

--- Puts the line "# name: value", unless it may read as the header of the table: with several numbers in cells.
function csv.put_comment(name, value, separator, put)
  local numbers = names.numbers_of(core.csv_cells(value, separator) or {}, ".")
  if #numbers < 2 then put(("# %s: %s\n"):format(name, value)) end
end

--- Puts the lines "# name: value" of what the table does not hold.
function csv.put_comments(spectra, separator, put)
  local axis, quantity = texts.axis(spectra), texts.quantity(spectra)
  if axis then put(("# xunits: %s\n"):format(axis)) end
  if quantity then put(("# yunits: %s\n"):format(quantity)) end
  for _, row in ipairs(texts.shared_metadata(spectra)) do
    local name, value = row[1], row[2]
    local is_put = name == "xunits" and axis or name == "yunits" and quantity -- by the lines above
    if not is_put and not name:find "[:=,;\t\r\n\"]" and value ~= "" then
      value = math.type(value) and texts.number(value) or texts.one_line(value)
      csv.put_comment(name, value, separator, put)
    end
  end
end

local function check_row(columns, i)
  for _, column in ipairs(columns) do
    if column[2][i] ~= column[1] then return end
  end
  check.fail("write", "spectrum %d: its labels are the names of their columns, as in a second header", i)
end

local function put_header(spectra, columns, separator, put)
  local cells = {}
  for i, column in ipairs(columns) do cells[i] = quoted(column[1], separator) end
  for _, value in ipairs(spectra.axis) do cells[#cells + 1] = texts.number(value) end
  put(table.concat(cells, separator) .. "\n")
end

--- Puts the content of a file.
-- @param spectra the set
-- @param options of mb.spectra.write
-- @param put function(string)
function csv.write(spectra, options, put)
  texts.check_finite(spectra)
  local columns, separator, with_sign = columns_of(spectra), options.separator or ",", texts.sign_giver()
  check_axis(spectra.axis, columns, separator)
  for i = 1, #spectra do check_row(columns, i) end
  csv.put_comments(spectra, separator, put)
  put_header(spectra, columns, separator, put)
  for i = 1, #spectra do
    local cells = {}
    for c, column in ipairs(columns) do cells[c] = quoted(column[2][i], separator) end
    cells[#cells + 1] = with_sign(texts.values(spectra, i, separator))
    put(table.concat(cells, separator) .. "\n")
  end
end

return csv
