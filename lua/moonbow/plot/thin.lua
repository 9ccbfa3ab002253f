--- Removes the points of long lines and clouds that cannot be seen.
local thin = {}

local function keep_run(keep, first, last, lists)
  keep[first], keep[last] = true, true
  for _, list in ipairs(lists) do
    local lowest, highest = first, first
    for i = first + 1, last do
      if list[i] < list[lowest] then lowest = i elseif list[i] > list[highest] then highest = i end
    end
    keep[lowest], keep[highest] = true, true
  end
end

--- Returns the points of a line that draw the same picture as all of them: of each run of points within
-- one pixel column the first, the last, the lowest and the highest (U. Jugel et al., "M4: a
-- visualization-oriented time series data aggregation", PVLDB 7(10), 2014).
-- @param columns pixel column of each point, false at a gap; gaps are kept
-- @param lists heights of the lines that share these points
-- @return indices of the points to keep
function thin.line(columns, lists)
  local keep, first = {}, 1
  for i = 1, #columns do
    if columns[i + 1] ~= columns[i] then
      if columns[i] then keep_run(keep, first, i, lists) else keep[i] = true end
      first = i + 1
    end
  end
  local indices = {}
  for i = 1, #columns do
    if keep[i] then indices[#indices + 1] = i end
  end
  return indices
end

--- Returns the first point of each cell of a grid so fine that further points would be hidden behind it.
-- @param columns, rows cell of each point, false for a gap
-- @return indices of the points to keep
function thin.cloud(columns, rows)
  local taken, indices = {}, {}
  for i = 1, #columns do
    if columns[i] then
      local cell = columns[i] .. "," .. rows[i]
      if not taken[cell] then indices[#indices + 1] = i end
      taken[cell] = true
    end
  end
  return indices
end

return thin
