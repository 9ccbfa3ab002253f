--- Reads numbers that users pass to a plot: Lua tables or tensors.
local core = require "moonbow.core"
local check = require "moonbow.check"
local values_of = require "moonbow.data.values_of"

local values = {}

--- True if v is a tensor: anything with a totable method.
function values.is_tensor(v)
  if type(v) ~= "userdata" and type(v) ~= "table" then return false end
  local ok, method = pcall(function() return v.totable end)
  return ok and type(method) == "function"
end

--- True if v is data rather than a table of options: a tensor or a non-empty list.
function values.is_list(v)
  return values.is_tensor(v) or type(v) == "table" and v[1] ~= nil
end

--- NaN, infinity and numbers too large for gnuplot are gaps; on a log axis, so are numbers that are not positive, or
-- too small for it.
function values.drawable(v, log)
  return v == v and v > -1e300 and v < 1e300 and (not log or v > 1e-300)
end

-- Returns spectra (N, L, 1) as (N, L); raises for any other tensor that is neither vector nor matrix.
local function without_channel(operation, name, x)
  local N, L, C = table.unpack(core.shape(x))
  if C == 1 and core.rank(x) == 3 then return core.reshape(x, N, L) end
  if core.rank(x) <= 2 then return x end
  check.fail(operation, "%s: expected a vector, a matrix or spectra (N, L, 1), got %s%s", name, check.show(x),
    core.rank(x) == 3 and "; x:transpose(2, 3)[n] has the channels of spectrum n as rows" or "")
end

-- Copies a list, so that a figure does not change with the caller's table.
local function plain(operation, name, v)
  v = values_of(v)
  if core.is_tensor(v) then v = without_channel(operation, name, v) end
  if values.is_tensor(v) then v = v:totable() end
  if type(v) == "number" then v = { v } end
  if type(v) ~= "table" then
    check.fail(operation, "%s: expected a table or tensor of numbers, got %s", name, check.show(v))
  end
  if #v == 0 then check.fail(operation, "%s: expected at least one number, got none", name) end
  for key in pairs(v) do
    if type(key) ~= "number" then
      check.fail(operation, "%s: expected a list, got an entry [%s]", name, check.printable(tostring(key)))
    end
  end
  local list = {}
  for i = 1, #v do
    if v[i] == nil then check.fail(operation, "%s[%d]: expected a number, got nil", name, i) end
    list[i] = v[i]
  end
  return list
end

local function check_numbers(operation, name, list)
  for i = 1, #list do
    if type(list[i]) ~= "number" then
      check.fail(operation, "%s[%d]: expected a number, got %s", name, i, check.show(list[i]))
    end
  end
  return list
end

--- Returns the rows of a matrix, or of spectra (N, L, 1), as lists of numbers; rows may differ in length. A vector is
-- one row, and so is a column of shape (n, 1).
function values.rows(operation, name, v)
  local outer = plain(operation, name, v)
  if type(outer[1]) == "number" then return { check_numbers(operation, name, outer) } end
  local rows, widest = {}, 0
  for i = 1, #outer do
    local row_name = ("%s[%d]"):format(name, i)
    rows[i] = check_numbers(operation, row_name, plain(operation, row_name, outer[i]))
    widest = math.max(widest, #rows[i])
  end
  if widest > 1 then return rows end
  local column = {}
  for i, row in ipairs(rows) do column[i] = row[1] end
  return { column }
end

--- Returns a vector as a list of numbers.
function values.list(operation, name, v)
  local rows = values.rows(operation, name, v)
  if #rows > 1 then
    check.fail(operation, "%s: expected a vector, got a matrix of shape {%d, %d}", name, #rows, #rows[1])
  end
  return rows[1]
end

--- Returns a vector of a given length; `what` names the list that it must match.
function values.list_of(operation, name, v, length, what)
  local list = values.list(operation, name, v)
  if #list ~= length then
    check.fail(operation, "%s has %d numbers, but %s has %d", name, #list, what, length)
  end
  return list
end

--- Returns errors as a list: a single number holds for all. NaN and nil stand for no error; numbers below 0 raise.
function values.errors(operation, v, length, what)
  if v == nil then return nil end
  local list = type(v) == "number" and {} or values.list_of(operation, "error", v, length, what)
  for i = 1, length do
    list[i] = list[i] or v
    if list[i] < 0 then check.fail(operation, "error[%d]: expected at least 0, got %g", i, list[i]) end
  end
  return list
end

--- Returns the least and greatest drawable number in lists, or nil if there is none.
function values.span(lists, log)
  local low, high
  for _, list in ipairs(lists) do
    for _, v in ipairs(list) do
      if values.drawable(v, log) then
        low, high = math.min(low or v, v), math.max(high or v, v)
      end
    end
  end
  return low, high
end

--- True if all drawable numbers in lists are integers.
function values.whole(lists)
  for _, list in ipairs(lists) do
    for _, v in ipairs(list) do
      if values.drawable(v) and v % 1 ~= 0 then return false end
    end
  end
  return true
end

--- Returns a number as text for gnuplot, exact to the last bit, since axes may show a narrow range far from 0.
function values.number(v)
  local short = ("%.10g"):format(v)
  return tonumber(short) == v and short or ("%.17g"):format(v)
end

--- The data of a plot element: columns 1 and 2 of a block; NaN if it has no rows but gaps, since gnuplot leaves such a
-- block out of the legend.
function values.source(name, rows)
  for _, row in ipairs(rows) do
    if row then return ("$%s using 1:2"):format(name) end
  end
  return "NaN"
end

--- Returns the lines of a gnuplot data block. A row is a list of numbers, or false for a gap.
function values.block(name, rows)
  local lines, gap = { name .. " << EOD" }, true
  for _, row in ipairs(rows) do
    if row then
      local cells = {}
      for i = 1, #row do cells[i] = values.number(row[i]) end
      lines[#lines + 1] = table.concat(cells, " ")
    elseif not gap then
      lines[#lines + 1] = ""
    end
    gap = not row
  end
  lines[#lines + 1] = "EOD"
  return table.concat(lines, "\n")
end

return values
