--- Powder patterns as FullProf reads them: "first step last" and the intensities, and the format of D1A at the ILL, in
-- which that is line 5, and standard deviations follow.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local Source = require "moonbow.spectra.source"

local fullprof = { name = "fullprof", title = "a FullProf or ILL powder file" }

local HEAD = 4096
local LAST_LINE = 5 -- in which the range may stand

local function number_of(word) return tonumber(word and word:match "^[+-]?%d[%d.]*$") end

-- Returns first, step, last and the number of points, if a line is such a range.
local function range_of(line)
  local first, step, last = line:match "^%s*([^%s,]+)[%s,]+([^%s,]+)[%s,]+([^%s,]+)%f[%s\0]"
  first, step, last = number_of(first), number_of(step), number_of(last)
  if not (first and step and last) or step <= 0 or last <= first then return nil end
  local count = (last - first) / step + 1
  if count < 3 or count > 1e7 or math.abs(count - math.floor(count + 0.5)) > 0.02 then return nil end
  return first, step, last, math.floor(count + 0.5)
end

-- True if fewer words than `count` stand behind an offset.
local function has_fewer(text, behind, count)
  for _ in text:gmatch("()[^%s,;]+", behind) do
    count = count - 1
    if count == 0 then return false end
  end
  return true
end

-- True if a line that has the form of a range, and no text behind it, is the first row of a table: the line below holds
-- as many numbers, and these are more than three, or all below are fewer than the range announces.
local function is_row(line, text, behind, count)
  local width = columns.width(columns.part(line))
  return not line:find "[^%s%d.,eE+-]" and columns.width(columns.part(text, behind)) == width
    and (width > 3 or has_fewer(text, behind, count))
end

-- True if line 4 begins with the count and is no row of a table, of which the range in line 5 would be the next.
local function announces(lines, count)
  return math.tointeger(tonumber(lines[4]:match "^%s*(%d+)%s")) == count
    and columns.width(columns.part(lines[4])) ~= columns.width(columns.part(lines[5]))
end

-- Returns the lines of a head, the last of which is the range, and the offset behind it; nil if there is no range, and
-- unless numbers alone follow.
local function head_of(text)
  local lines = {}
  local head = text:sub(1, HEAD):match "^.*\n" or "" -- a search beyond the last line break would be quadratic
  for line, behind in head:gmatch "([^\n]*)\n()" do
    lines[#lines + 1] = line
    local _, _, _, count = range_of(line)
    local below = count and text:match("^[^\n]*", behind) or ""
    local is_range = #lines == 1 and count and not is_row(line, text, behind, count)
      or #lines == 5 and count and announces(lines, count)
    if is_range and below:find "^[%s%d.,eE+-]*$" and below:find "%d" then return lines, behind end
    if #lines == LAST_LINE then return nil end
  end
end

--- Looks at the whole text only if its first line may be a range.
function fullprof.matches(source)
  local head = source.bytes:sub(1, HEAD):gsub("\r\n?", "\n")
  local first = head:match "^[^\n]*"
  return head_of(range_of(first) and source:as_text() or head) ~= nil
end

function fullprof.read(source)
  local text = source:take_text()
  local lines, behind = head_of(text)
  if not lines then source:fail "expected the first angle, the step and the last angle in line 1 or 5" end
  local first, step, last, count = range_of(lines[#lines])
  local values = columns.list(source, columns.part(text, behind), "the pattern")
  local is_d1a = #lines == 5
  if #values < count then columns.check_count(source, #values, count, "the pattern") end
  if is_d1a and #values == 2 * count then
    source:note("%d standard deviations behind the values are left out", count)
  elseif #values > count then
    source:note("%d numbers behind the %d points are left out", #values - count, count)
  end
  local points = math.min(count, #values)
  core.column_keep(values, 1, points)
  local title = columns.trim(is_d1a and lines[1] or lines[1]:match "^%s*[%d.+-]+[%s,]+[%d.+-]+[%s,]+[%d.+-]+(.*)")
  if points < count then last = first + (points - 1) * step end
  return { { y = columns.values(source, values, "the pattern"), x = Source.even(first, last, points),
    axis = "2theta", unit = "deg", metadata = { title = columns.metadata(title) },
    names = title ~= "" and { title } or nil } }
end

return fullprof
