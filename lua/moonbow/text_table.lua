--- Tables as text: for the terminal, and in Markdown.
local check = require "moonbow.check"

local text_table = {}

local known = { left = check.default(1, "non-negative integer"), markdown = false }

-- Returns the cells as text without control characters, and the greatest width of each column; the heading determines
-- the number of columns.
local function shown_cells(rows, least)
  local shown, widths = {}, {}
  for r, row in ipairs(rows) do
    shown[r] = {}
    for c = 1, #rows[1] do
      local cell = row[c] == nil and "" or check.printable(tostring(row[c]))
      shown[r][c], widths[c] = cell, math.max(widths[c] or least, utf8.len(cell))
    end
  end
  return shown, widths
end

-- Returns the line between heading and rows; a colon marks the side to which a column is aligned.
local function rule(widths, left)
  local cells = {}
  for c, width in ipairs(widths) do cells[c] = ("-"):rep(width - 1) .. (c <= left and "-" or ":") end
  return cells
end

--- Formats rows of cells as lines, in columns as wide as their widest cell; control characters are escaped, nil is
-- empty.
-- @param rows a list of lists, the first of which is the heading
-- @param options left (1: number of columns, from the first, that are left-aligned; the others are right-aligned);
--   markdown (false; true: with bars, and a line below the heading)
-- @return a string without a line feed at its end
function text_table.format(rows, options)
  options = check.options("text_table", options, known)
  local shown, widths = shown_cells(rows, options.markdown and 3 or 0)
  if options.markdown then table.insert(shown, 2, rule(widths, options.left)) end
  local lines = {}
  for r, cells in ipairs(shown) do
    for c, cell in ipairs(cells) do
      local blanks = (" "):rep(widths[c] - utf8.len(cell))
      cells[c] = c <= options.left and cell .. blanks or blanks .. cell
    end
    lines[r] = options.markdown and "| " .. table.concat(cells, " | ") .. " |"
      or table.concat(cells, "  "):gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end

return text_table
