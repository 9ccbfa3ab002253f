--- Tables of lines of JCAMP-DX, (X++(Y..Y)): an abscissa and ordinates, which core.asdf decodes.
local core = require "moonbow.core"
local axis = require "moonbow.spectra.formats.jcamp.axis"

local lines = {}

--- Points of one file beyond its bytes, which counts of repeats may announce.
lines.MOST_REPEATED = 1 << 24

--- True if numbers have decimal commas: "400,5 0,12 0,13".
-- @param part { text, first, last } the lines of the table
function lines.has_commas(part)
  local with, first = 0, part.text:find("%S", part.first) or part.last
  local last = (part.text:find("\n", first, true) or #part.text + 1) - 1
  for word in part.text:sub(first, math.min(last, part.last)):gmatch "[^%s;]+" do
    if word:find "^[+-]?%d+,%d+$" then with = with + 1 elseif not word:find "^[+-]?%d+$" then return false end
  end
  return with > 1
end

local function note_deviations(source, found, line)
  if found.unknown > 0 then source:note("%d values are unknown, '?': NaN", math.tointeger(found.unknown)) end
  if found.deviations == 0 then return end
  source:note("%d values that repeat the last point of the line above differ from it; the first is in line %d: %.9g, "
    .. "expected %.9g", math.tointeger(found.deviations), line + math.tointeger(found.deviation_line) - 1, found.got,
    found.expected)
end

--- Returns the axis and the values of a table; deviations of what lines repeat become notes.
-- @param x, y the variables
-- @param part { text, first, last } the lines of the table
-- @param line number of the first line in the file
-- @param is_last true: the file ends with this table
-- @param budget { left = points that the file may still hold }
function lines.read(source, x, y, part, line, is_last, budget)
  local values, found, reason = core.asdf(part.text, part.first, part.last, y.factor, math.max(budget.left, 1))
  if not values then source:fail("line %d: %s", line + found - 1, reason) end
  local count = core.size(values, 1)
  budget.left = budget.left - count
  note_deviations(source, found, line)
  return axis.of(source, x, found, count, line, is_last), values
end

return lines
