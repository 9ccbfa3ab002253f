--- Measured spectra from text files.
local core = require "moonbow.core"
local check = require "moonbow.check"

local known_options = {
  separator = check.optional "string", decimal = check.optional "string", comment = check.default("#", "string"),
}

local MISSING = {
  [""] = true, ["na"] = true, ["n/a"] = true, ["nan"] = true, ["null"] = true, ["?"] = true, ["-"] = true,
}

-- The lines with their numbers in the file, without comments and blank ones.
local function read_lines(path, comment)
  local file, err = io.open(path, "rb")
  if not file then return nil, err end
  local text, why = file:read "a"
  file:close()
  if not text then return nil, ("%s: %s"):format(path, why or "cannot be read") end
  text = text:gsub("^\239\187\191", ""):gsub("\r\n?", "\n")
  local lines, number = {}, 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    if line:find "%S" and (comment == "" or line:match("^%s*(.-)$"):sub(1, #comment) ~= comment) then
      lines[#lines + 1] = { text = line, number = number }
    end
  end
  return lines
end

local function find_separator(header)
  local bare = header:gsub('"[^"]*"', "")
  for _, separator in ipairs { "\t", ";", "," } do
    if bare:find(separator, 1, true) then return separator end
  end
  return " "
end

local function find_decimal(separator, lines)
  if separator == "," then return "." end
  for i = 1, math.min(2, #lines) do
    if lines[i].text:find "%d,%d" then return "," end
  end
  return "."
end

-- Which columns hold the spectrum: those whose header is a number, the axis.
local function read_header(line, separator, decimal)
  local cells = core.csv_cells(line.text, separator)
  if not cells then return nil, ("line %d: a quote does not end"):format(line.number) end
  local header = { cells = cells, axis = {}, names = {}, columns = {} }
  local kinds = {}
  for c, cell in ipairs(cells) do
    local value = core.csv_number(cell, decimal)
    kinds[c] = value and "1" or "0"
    table.insert(value and header.axis or header.names, value or cell)
    if value then table.insert(header.columns, c) end
  end
  header.kinds = table.concat(kinds)
  if #header.axis == 0 then
    return nil, ("line %d: expected a header with axis values, but no column's name is a number"):format(line.number)
  end
  return header
end

local function check_axis(header, line)
  local axis = header.axis
  local rises = axis[2] and axis[2] > axis[1]
  for i = 2, #axis do
    if axis[i] == axis[i - 1] or (axis[i] > axis[i - 1]) ~= rises then
      return nil, ("line %d, column %d: the axis goes from %g to %g; expected one axis that only %s"):format(
        line.number, header.columns[i], axis[i - 1], axis[i], rises and "rises" or "falls")
    end
  end
  local seen = {}
  for _, name in ipairs(header.names) do
    if seen[name] then return nil, ("line %d: two columns are named '%s'"):format(line.number, name) end
    seen[name] = true
  end
  return true
end

local function is_header_again(header, labels)
  for i, name in ipairs(header.names) do
    if labels[i] ~= name then return false end
  end
  return #header.names > 0
end

local function describe_cell(header, line, column, text)
  if not text then
    return ("line %d: expected %d cells as in the header, got %s"):format(line.number, #header.cells,
      column > #header.cells and "more, or a quote that does not end" or tostring(column))
  end
  local place = ("line %d, column %d (%s)"):format(line.number, column, header.cells[column])
  if MISSING[text:lower()] then return place .. ": the value is missing" end
  return ("%s: expected a number, got '%s'"):format(place, text)
end

local function read_rows(lines, header, separator, decimal)
  local x = core.full(0, { #lines - 1, #header.axis, 1 })
  local labels = {}
  for _, name in ipairs(header.names) do labels[name] = {} end
  for row = 1, #lines - 1 do
    local line = lines[row + 1]
    local cells, column, text = core.csv_row(line.text, separator, decimal, header.kinds, x, row)
    if not cells then return nil, describe_cell(header, line, column, text) end
    if is_header_again(header, cells) then
      return nil, ("line %d: a second header; expected one axis for the whole file"):format(line.number)
    end
    for i, name in ipairs(header.names) do labels[name][row] = cells[i] end
  end
  return x, labels
end

--- Reads spectra: one per line, below a header with the axis values; columns whose name is no number are
-- labels. Blank lines are left out, and those that start with the comment sign; cells may stand in quotes.
--
-- Options: separator ("," ";" "\t", or " " for any blanks; default: what the header shows), decimal ("." or
-- ","; default: what the numbers show, "." where commas separate), comment ("#"; "" for none).
-- @return { x = (N, L, 1), axis = (L), labels = { [column] = list of N strings }, columns = label columns in
--   order }; or nil and a message that names file, line and column: of a missing value or a text among the
--   numbers, a line of another length, an axis that does not only rise or only fall, no spectra
local function read_csv(path, options)
  check.kind("read_csv", "path", path, "string")
  options = check.options("read_csv", options, known_options)
  local lines, err = read_lines(path, options.comment)
  if not lines then return nil, err end
  local function fail(message) return nil, path .. ": " .. message end
  if #lines == 0 then return fail "the file is empty" end
  local separator = options.separator or find_separator(lines[1].text)
  local decimal = options.decimal or find_decimal(separator, lines)
  local header, ok, x, labels
  header, err = read_header(lines[1], separator, decimal)
  if not header then return fail(err) end
  ok, err = check_axis(header, lines[1])
  if not ok then return fail(err) end
  if #lines == 1 then return fail "expected spectra below the header, found none" end
  x, labels = read_rows(lines, header, separator, decimal)
  if not x then return fail(labels) end
  return { x = x, axis = core.tensor(header.axis), labels = labels, columns = header.names }
end

return read_csv
