--- Tensors as text: a few lines, or all elements.
local core = require "moonbow.core"
local check = require "moonbow.check"

local EDGE = 3 -- entries shown at either end of a long dimension
local WIDTH = 100 -- characters of a line if rows are shown whole

local text = {}

-- Writes a decimal point in every locale, so that commas only separate the numbers.
local function show_number(value) return core.in_c_locale(string.format, "%.5g", value) end

-- Joins the entries of a row with commas; if it is wrapped, in lines of at most WIDTH characters.
local function join_row(parts, indent, is_wrapped)
  if not is_wrapped then return table.concat(parts, ", ") end
  local lines, line = {}, parts[1]
  for i = 2, #parts do
    if #indent + #line + #parts[i] + 3 > WIDTH then
      lines[#lines + 1] = line .. ","
      line = parts[i]
    else
      line = line .. ", " .. parts[i]
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent .. " ")
end

-- Returns the elements in brackets. edge: number of entries shown at either end of a long dimension (nil: all).
local function show_elements(x, indent, edge)
  local parts, size = {}, core.size(x, 1)
  local is_row = core.rank(x) == 1
  for i = 1, size do
    if not edge or size <= 2 * edge + 1 or i <= edge or i > size - edge then
      local entry = core.row(x, i)
      parts[#parts + 1] = is_row and show_number(entry) or show_elements(entry, indent .. " ", edge)
    elseif i == edge + 1 then
      parts[#parts + 1] = "..."
    end
  end
  local inner = is_row and join_row(parts, indent, not edge) or table.concat(parts, ",\n" .. indent .. " ")
  return "[" .. inner .. "]"
end

-- Returns shape, range and mean, and the number of elements that are not finite.
local function headline(x)
  local stats = core.describe(x)
  local line = "tensor " .. check.show_shape(core.shape(x))
  if core.count(x) == 1 then return line .. ": " .. show_number(core.get(core.reshape(x, 1), 1)) end
  if stats.min == stats.min then
    line = ("%s  min %s  max %s  mean %s"):format(line, show_number(stats.min), show_number(stats.max),
      show_number(stats.mean))
  end
  if stats.nan > 0 then line = line .. ("  %d NaN"):format(stats.nan) end
  if stats.inf > 0 then line = line .. ("  %d infinite"):format(stats.inf) end
  return line
end

--- Returns the headline and the corner values of the last two dimensions: never more than a few lines.
function text.brief(x)
  if core.count(x) == 1 then return headline(x) end
  local shown, rank = core.alias(x), core.rank(x)
  while core.rank(shown) > 2 do shown = core.row(shown, 1) end
  local place = rank > 2 and (" (%s: the first of %d)"):format(("x" .. ("[1]"):rep(rank - 2)),
    core.count(x) // core.count(shown)) or ""
  return headline(x) .. place .. "\n" .. show_elements(shown, "", EDGE)
end

--- Returns the headline and all elements.
function text.whole(x) return headline(x) .. "\n" .. show_elements(core.alias(x), "") end

return text
