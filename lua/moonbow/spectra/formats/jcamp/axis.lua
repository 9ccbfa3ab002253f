--- The axis of a table of lines: from FIRST and LAST, checked with the abscissa of each line.
local Source = require "moonbow.spectra.source"

local axis = {}

-- An abscissa may be rounded or truncated, and the axis a little uneven; a lost point is off by a whole step.
local function tolerance_of(unit, step) return math.max(0.25 * step, 0.9 * unit + 0.09 * step) end

-- Returns by how much the axis misses the abscissas of all lines.
local function misfit(lines, factor, first, step)
  local sum = 0.0
  for i, x in ipairs(lines.x) do sum = sum + math.abs(x * factor - first - (lines.at[i] - 1) * step) end
  return sum
end

-- The step that the abscissas of the first and last line give.
local function step_of_lines(lines, factor)
  local n = #lines.x
  if n < 2 or lines.at[n] == lines.at[1] then return nil end
  return (lines.x[n] - lines.x[1]) * factor / (lines.at[n] - lines.at[1])
end

-- Returns the step, and LAST if it belongs to the last point there. It belongs to point NPOINTS if the file is cut off,
-- or if that fits the lines better.
local function step_of(x, lines, first, count, is_cut)
  if not x.last then return x.step or step_of_lines(lines, x.factor) end
  local here = count > 1 and (x.last - first) / (count - 1) or x.step or 0.0
  if not x.count or x.count < 2 or x.count == count then return here, x.last end
  local announced = (x.last - first) / (x.count - 1)
  if is_cut then return announced end
  if misfit(lines, x.factor, first, announced) < misfit(lines, x.factor, first, here) then return announced end
  return here, x.last
end

-- Notes lines whose abscissa deviates.
local function check(source, x, lines, first, step, line)
  local count, text = 0, nil
  for i, value in ipairs(lines.x) do
    local got, expected = value * x.factor, first + (lines.at[i] - 1) * step
    if math.abs(got - expected) > tolerance_of(math.abs(lines.unit[i] * x.factor), math.abs(step)) then
      count = count + 1
      text = text or ("line %d: %.9g, expected %.9g"):format(line + math.tointeger(lines.line[i]) - 1, got, expected)
    end
  end
  if count > 0 then
    source:note("%d of %d lines begin with an abscissa that deviates; the first is %s", count, #lines.x, text)
  end
end

--- Returns the axis of `count` points; deviations become a note.
-- @param x the variable
-- @param lines of core.asdf
-- @param line number of the first line in the file
-- @param is_last true: the file ends with this table, maybe before all its points
function axis.of(source, x, lines, count, line, is_last)
  local first = x.first or lines.x[1] * x.factor
  local step, last = step_of(x, lines, first, count, is_last and x.count and count < x.count)
  if count > 1 and not step then source:fail("line %d: neither LASTX nor DELTAX gives the axis", line) end
  check(source, x, lines, first, step or 0.0, line)
  return Source.even(first, last or first + (count - 1) * (step or 0.0), count)
end

return axis
