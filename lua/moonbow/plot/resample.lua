--- Resamples a matrix with uneven or too many cells to a regular grid.
local values = require "moonbow.plot.values"

local resample = {}

-- Returns for each of count equal cells the first and last source cell whose centre lies in it; if there is
-- none, the source cell at its middle. edges may rise or fall.
local function spans_of(edges, count)
  local origin, extent = edges[1], edges[#edges] - edges[1]
  local function place(v) return (v - origin) / extent end
  local spans, next_cell, holder = {}, 1, 1
  for k = 1, count do
    local first = next_cell
    while next_cell < #edges and place((edges[next_cell] + edges[next_cell + 1]) / 2) < k / count do
      next_cell = next_cell + 1
    end
    while holder < #edges - 1 and place(edges[holder + 1]) < (k - 0.5) / count do holder = holder + 1 end
    spans[k] = next_cell > first and { first, next_cell - 1 } or { holder, holder }
  end
  return spans
end

local function mean(z, row_span, column_span)
  local sum, n = 0, 0
  for i = row_span[1], row_span[2] do
    local row = z[i]
    for j = column_span[1], column_span[2] do
      if values.drawable(row[j]) then sum, n = sum + row[j], n + 1 end
    end
  end
  return n > 0 and sum / n or 0 / 0
end

--- Resamples a map {z=, x_edges=, y_edges=} to rows x columns equal cells: means if cells become smaller,
-- repeats if they become larger, NaN if there is no number.
-- @return {z=, x0=, dx=, y0=, dy=}: the centre of z[i][j] is x0 + j dx, y0 + i dy
function resample.map(map, rows, columns)
  local x, y = map.x_edges, map.y_edges
  local row_spans, column_spans, z = spans_of(y, rows), spans_of(x, columns), {}
  for i, row_span in ipairs(row_spans) do
    z[i] = {}
    for j, column_span in ipairs(column_spans) do z[i][j] = mean(map.z, row_span, column_span) end
  end
  local dx, dy = (x[#x] - x[1]) / columns, (y[#y] - y[1]) / rows
  return { z = z, x0 = x[1] - dx / 2, dx = dx, y0 = y[1] - dy / 2, dy = dy }
end

return resample
