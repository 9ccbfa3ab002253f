--- Counts of true (rows) and predicted classes (columns) as a table for the terminal.
local confusion = {}

local MOST_COLUMNS = 12

local function sum_of(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return sum
end

--- Returns the share of spectra that are predicted right.
function confusion.accuracy(counts)
  local right, all = 0, 0
  for i, row in ipairs(counts) do right, all = right + row[i], all + sum_of(row) end
  return right / all
end

-- Names the class for which spectra of class i are most often mistaken, and how often.
local function show_rival(row, i, classes)
  local rival
  for j, count in ipairs(row) do
    if j ~= i and count > 0 and (not rival or count > row[rival]) then rival = j end
  end
  return rival and ("%s (%d)"):format(classes[rival], row[rival]) or ""
end

--- Returns the rows of a table: the matrix and the recall of each class. More than 12 classes do not fit on a line:
-- then the number of spectra and the most frequent mistake of each.
function confusion.rows(counts, classes)
  local is_matrix = #classes <= MOST_COLUMNS
  local rows = { { "class", "spectra", "mistaken for" } }
  if is_matrix then rows[1] = { "true \\ predicted", table.unpack(classes) } end
  table.insert(rows[1], "recall")
  for i, row in ipairs(counts) do
    local cells = is_matrix and row or { sum_of(row), show_rival(row, i, classes) }
    rows[i + 1] = { classes[i], table.unpack(cells) }
    table.insert(rows[i + 1], ("%.3f"):format(row[i] / sum_of(row)))
  end
  return rows
end

return confusion
