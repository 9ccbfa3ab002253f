--- The axis of a table of lines: from FIRST and LAST, checked with the abscissa of each line.
local Source = require "moonbow.spectra.source"

local axis = {}

local TOLERANCE = 0.25 -- of a step, besides the last decimal of an abscissa: a lost point is off by a whole step

-- Calls f(line, abscissa, expected) for each line whose abscissa deviates.
local function each_deviation(lines, factor, first, step, f)
  for i, x in ipairs(lines.x) do
    local expected = first + (lines.at[i] - 1) * step
    local tolerance = math.abs(lines.unit[i] * factor) + TOLERANCE * math.abs(step)
    if math.abs(x * factor - expected) > tolerance then f(math.tointeger(lines.line[i]), x * factor, expected) end
  end
end

local function deviations(lines, factor, first, step)
  local count = 0
  each_deviation(lines, factor, first, step, function() count = count + 1 end)
  return count
end

-- The step that the abscissas of the first and last line give.
local function step_of_lines(lines, factor)
  local n = #lines.x
  if n < 2 or lines.at[n] == lines.at[1] then return nil end
  return (lines.x[n] - lines.x[1]) * factor / (lines.at[n] - lines.at[1])
end

-- Returns the step. LAST belongs to the last point there, or to point NPOINTS if that fits the lines better.
local function step_of(x, lines, first, count)
  if not x.last then return x.step or step_of_lines(lines, x.factor) end
  local here = count > 1 and (x.last - first) / (count - 1) or x.step or 0.0
  if not x.count or x.count < 2 or x.count == count then return here, x.last end
  local announced = (x.last - first) / (x.count - 1)
  if deviations(lines, x.factor, first, announced) < deviations(lines, x.factor, first, here) then return announced end
  return here, x.last
end

local function check(source, x, lines, first, step, line)
  local count, at, got, want = 0, nil, nil, nil
  each_deviation(lines, x.factor, first, step, function(...)
    count = count + 1
    if not at then at, got, want = ... end
  end)
  if count > 0 then
    source:note("%d of %d lines begin with an abscissa that deviates; the first is line %d: %.9g, expected %.9g", count,
      #lines.x, line + at - 1, got, want)
  end
end

--- Returns the axis of `count` points; deviations become a note.
-- @param x the variable
-- @param lines of core.asdf
-- @param line number of the first line in the file
function axis.of(source, x, lines, count, line)
  local first = x.first or lines.x[1] * x.factor
  local step, last = step_of(x, lines, first, count)
  if count > 1 and not step then source:fail("line %d: neither LASTX nor DELTAX gives the axis", line) end
  check(source, x, lines, first, step or 0.0, line)
  return Source.even(first, last or first + (count - 1) * (step or 0.0), count)
end

return axis
