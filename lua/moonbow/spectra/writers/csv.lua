--- CSV: a spectrum in each row, labels before the values, the axis as header.
local check = require "moonbow.check"
local texts = require "moonbow.spectra.writers.texts"

local csv = { suffixes = { "csv" }, title = "CSV" }

local NAME = "name" -- column of the spectra's names

local function quoted(text, separator)
  text = texts.one_line(text)
  if not text:find('^%s') and not text:find('%s$') and not text:find('["#]') and not text:find(separator, 1, true) then
    return text
  end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function check_column(name)
  if tonumber(name) then check.fail("write", "labels: a column named '%s' would read as a value of the axis", name) end
  return name
end

-- Returns the columns of labels: { name, list }, first the names of the spectra.
local function columns_of(spectra)
  local columns = {}
  if not spectra.labels[NAME] then columns[1] = { NAME, spectra.names } end
  for _, name in ipairs(spectra.columns) do columns[#columns + 1] = { check_column(name), spectra.labels[name] } end
  return columns
end

--- Puts the lines "# name: value" of what the table does not hold.
function csv.put_comments(spectra, put)
  local axis, quantity = texts.axis(spectra), texts.quantity(spectra)
  if axis then put(("# xunits: %s\n"):format(axis)) end
  if quantity then put(("# yunits: %s\n"):format(quantity)) end
  for _, row in ipairs(texts.shared_metadata(spectra)) do
    local name, value = row[1], row[2]
    if not name:find "[:=,;\t\r\n\"]" and value ~= "" then
      put(("# %s: %s\n"):format(name, math.type(value) and texts.number(value) or texts.one_line(value)))
    end
  end
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
  local columns, separator = columns_of(spectra), options.separator or ","
  csv.put_comments(spectra, put)
  put_header(spectra, columns, separator, put)
  for i = 1, #spectra do
    local cells = {}
    for c, column in ipairs(columns) do cells[c] = quoted(column[2][i], separator) end
    cells[#cells + 1] = texts.values(spectra, i, separator)
    put(table.concat(cells, separator) .. "\n")
  end
end

return csv
