-- Shared by the specs of mb.plot: reading gnuplot scripts, and long lists.
local scripts = {}
-- Returns the numbers of a data block of a script, row by row; "gap" stands for an empty line.
function scripts.block(script, name)
  local body = assert(script:match("%$" .. name .. " << EOD\n(.-)EOD\n"), "no block " .. name)
  local rows = {}
  for line in body:gmatch "([^\n]*)\n" do
    local row = {}
    for cell in line:gmatch "%S+" do row[#row + 1] = tonumber(cell) or cell end
    rows[#rows + 1] = #row > 0 and row or "gap"
  end
  return rows
end

-- Returns both ends of the range of the axis x, y or cb.
function scripts.axis_range(script, name)
  local low, high = script:match("set " .. name .. "range %[(%S-):(%S-)%]")
  return tonumber(low), tonumber(high)
end

-- Returns { f(1), ..., f(n) }.
function scripts.counted(n, f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return list
end

return scripts
