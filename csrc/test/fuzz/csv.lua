-- Tables of text (csrc/kernel/csv.c, csrc/bind/csv.c, csv_lines.c): a table equals its rows, read one by one. The first
-- three bytes choose separator, signs and kinds of columns.
local core = ...

local MOST_CELLS, LARGE = 64, 2 ^ 17
local FEW = 3 -- rows of a table that is not read whole
local kinds_by_bits = { "1", "0", "x", "1" }

local function kinds_of(count, bits)
  local kinds = { "1" }
  for c = 2, math.min(count, MOST_CELLS) do kinds[c] = kinds_by_bits[(bits >> c % 7 & 3) + 1] end
  return table.concat(kinds)
end

-- Fails unless a line ends that of its number in the text.
local function plain_lines(lines, count, text)
  local list, all = {}, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do all[#all + 1] = line end
  for i = 1, count do
    local number, is_commented, length = core.csv_about(lines, i)
    local line = core.csv_line(lines, i)
    assert(#line == length and all[number]:sub(#all[number] - length + 1) == line, "another line")
    if not is_commented then list[#list + 1] = line end
  end
  return list
end

-- Fails unless row r of x, if the table was read, is what the line holds, or else the first line with a fault is r.
local function compare(text, separator, decimal, kinds, x, r, row)
  local numbers = select(2, kinds:gsub("1", ""))
  local y = core.full(0, { 1, numbers })
  local fits = core.csv_row(text, separator, decimal, kinds, y, 1)
  if not x then return assert((not fits) == (r == row), "the wrong row") end
  assert(fits, "a row that cannot be read")
  for c = 1, numbers do assert(core.get(x, r, c) == core.get(y, 1, c), "another number") end
end

return function(bytes)
  if #bytes < 4 then return end
  local a, b, c = bytes:byte(1, 3)
  local separator = (",;\t |"):sub(a % 5 + 1, a % 5 + 1)
  local decimal, sign = b & 1 == 0 and "." or ",", b & 2 == 0 and "#" or ""
  local text = bytes:sub(4)
  if b & 60 == 60 then text = text:rep(LARGE // #text) end -- long enough for several threads
  local lines, count = core.csv_lines(text, sign, separator, math.maxinteger // 2)
  if count == 0 then return end
  if b & 64 ~= 0 then core.csv_margin(lines, separator) end
  local list = plain_lines(lines, count, text)
  local cells = list[1] and core.csv_cells(list[1], separator)
  if not cells then return end
  local kinds = kinds_of(#cells, c)
  local x, _, _, _, row = core.csv_table(lines, 1, separator, decimal, kinds, count)
  core.csv_labels(lines, 1, separator, kinds)
  for r = 1, x and math.min(#list, 100) or row or 0 do compare(list[r], separator, decimal, kinds, x, r, row) end
  assert(not x or core.size(x, 1) == #list, "rows are missing")
  local most = math.min(FEW, #list)
  local few = core.csv_table(lines, 1, separator, decimal, kinds, math.min(FEW, count))
  assert((few ~= nil) == (x ~= nil or row > most), "the first rows read otherwise than all")
  assert(not few or core.size(few, 1) == most, "another number of first rows")
end
