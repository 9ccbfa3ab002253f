--- The lines of a text. They stay parts of the text, and become strings one at a time.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"

local document = {}

local MOST_BYTES = 2 ^ 30 | 0
local MOST_LINES = 10 ^ 7 | 0
local LONGEST_LINE = 2 ^ 24 | 0
local MOST_BROKEN = 100 -- lines of a cell in quotes

local Lines = {}

function Lines.__index(lines, i)
  if math.type(i) ~= "integer" then return Lines[i] end
  return i >= 1 and i <= lines.count and core.csv_line(lines.handle, i) or nil
end

function Lines.__len(lines) return lines.count end

--- The number of line i in the file.
function Lines:number(i) return (core.csv_about(self.handle, i)) end

--- True if line i starts with the comment sign.
function Lines:is_commented(i) return (select(2, core.csv_about(self.handle, i))) end

--- Returns the first line from i on that is not commented, or with commented = true that is; nil if there is none.
function Lines:next(i, commented) return core.csv_next(self.handle, i - 1, commented or false) end

local function check_size(lines, longest)
  if lines.count > MOST_LINES then return nil, ("expected at most %d lines"):format(MOST_LINES) end
  if lines.count == 0 then return nil, "the file is empty" end
  local number, _, length = core.csv_about(lines.handle, longest)
  if length > LONGEST_LINE then return nil, ("line %d: expected at most %d bytes"):format(number, LONGEST_LINE) end
  return true
end

-- Removes empty columns at the start, which tables from Office programs have: the separators with which all lines
-- begin. Below a comment, which may be the header, the first column may hold labels.
local function strip_margin(lines, separators)
  local first = lines[lines.start]:sub(1, 1)
  if lines:is_commented(lines.start) or not separators:find(first, 1, true) then return 0 end
  return core.csv_margin(lines.handle, first)
end

-- Returns what is wrong if a line begins with an error of a spreadsheet, "#REF!", which is no comment; or nil.
local function spreadsheet_fault(lines)
  local i = lines.sign == "#" and not lines.decided and lines:next(lines.start, true)
  while i do
    local cell = lines[i]:match '^[%s"]*([^\t;,"%s]*)'
    if header.stands_for_number(cell) then
      return ("line %d, column 1: expected a number or a label, got %s; comment = \"#\" leaves the line out"):format(
        lines:number(i), check.show(cell))
    end
    i = lines:next(i + 1, true)
  end
end

--- Returns the separator that a first line "sep=;" names, as Excel writes it; or nil.
function document.separator_in(line) return #line < 8 and line:match '^sep=([^%w"+.-])$' or nil end

-- True if a cell in quotes goes on below a line.
local function is_open(line)
  local rest = line:gsub('"[^"]*"', "")
  return rest:find '^%s*"' or rest:find '[\t;, ]%s*"'
end

--- Returns a text whose cells in quotes hold line breaks (RFC 4180) with blanks in their place; empty lines below keep
-- the numbers of the others. nil if there are none.
function document.without_breaks(text)
  local out, cell, changed = {}, nil, false
  for line, line_break in text:gmatch "([^\n]*)(\n?)" do
    cell = cell or {}
    cell[#cell + 1] = line
    local joined = #cell > 1 and line:find '"' and table.concat(cell, " ")
    if #cell == 1 and not is_open(line) or joined and not is_open(joined) then
      out[#out + 1] = (joined or line) .. ("\n"):rep(#cell - 1) .. line_break
      changed, cell = changed or #cell > 1, nil
    elseif #cell > MOST_BROKEN then
      return nil
    end
  end
  return changed and not cell and table.concat(out) or nil
end

--- Finds the lines that hold a cell.
-- @param text string in UTF-8 with line breaks "\n"
-- @param options of mb.spectra.read
-- @return lines: lines[i] is a string, #lines their number; with sign (which starts a comment), decided (true if such
--   a line is always a comment), start (the first line that counts), first (the first from there that is not
--   commented), separator (from a first line "sep=;", as Excel writes it), empty (number of lines of separators
--   alone), margin (number of empty columns at the start, which are left out), ends (true if the last has its line
--   break) and text; or nil and a message
function document.of(text, options)
  if #text > MOST_BYTES then return nil, ("expected at most %d bytes"):format(MOST_BYTES) end
  local sign = options.comment or "#"
  local lines = setmetatable({ text = text, sign = sign, decided = options.comment ~= nil, start = 1,
    ends = text:sub(-1) == "\n" }, Lines)
  local longest
  lines.handle, lines.count, lines.empty, longest = core.csv_lines(text, sign, options.separator or ",", MOST_LINES)
  local ok, why = check_size(lines, longest)
  if not ok then return nil, why end
  lines.separator = document.separator_in(lines[1])
  if lines.separator then lines.start = 2 end
  lines.first = lines:next(lines.start)
  if not lines.first then
    return nil, lines.count < lines.start and "the file is empty"
      or ("all lines start with %s; comment = \"\" reads them"):format(check.show(sign))
  end
  local fault = spreadsheet_fault(lines)
  if fault then return nil, fault end
  lines.margin = strip_margin(lines, options.separator or ",;\t")
  return lines
end

return document
