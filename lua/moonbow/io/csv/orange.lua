--- Tables of Orange: types and roles of columns in two lines below the names, or in front of the names ("mS#name").
local core = require "moonbow.core"

local orange = {}

local types, roles = {}, { [""] = true }
for _, word in ipairs { "c", "continuous", "numeric", "n", "d", "discrete", "categorical", "s", "string", "text", "t",
  "time" } do types[word] = true end
for _, word in ipairs { "class", "c", "meta", "m", "ignore", "i", "weight", "w" } do roles[word] = true end

local function are_all(cells, is_one, count)
  local some = false
  for c = 1, count do
    local cell = cells[c] or ""
    if not is_one(cell) then return false end
    some = some or cell ~= ""
  end
  return some
end

-- A discrete column may list its values in place of its type.
local function is_type(cell) return types[cell:lower()] or cell:find "^%a[%w_-]* [%w_ -]+$" end

-- True for a line of types. Beside columns with a type, listed values may have any characters.
local function are_types(cells, count)
  local some = false
  for c = 1, count do some = some or types[(cells[c] or ""):lower()] end
  return are_all(cells, function(cell) return is_type(cell) or some and cell:find "^%S+ %S" end, count)
end

local function is_role(cell)
  for word in cell:lower():gmatch "%S+" do
    if not roles[word] and not word:find "^[%a_]+=" then return false end
  end
  return true
end

-- Returns the names without their types and roles in front, or nil if none has them.
local function strip(cells)
  local bare, count = {}, 0
  for c, cell in ipairs(cells) do
    local name, n = cell:gsub("^[mcwi]?[CDSTNcdst]?#", "")
    bare[c], count = name, count + n
  end
  return count > 0 and count >= #cells - 1 and bare or nil
end

-- Returns the columns that have a role, { [column] = true }: they are labels, whatever their names.
local function with_role(cells)
  local found = {}
  for c, cell in ipairs(cells) do
    for word in cell:lower():gmatch "%S+" do found[c] = found[c] or roles[word] end
  end
  return found
end

-- The number of lines with types and roles below the names, and the columns with a role; a line of roles that are all
-- empty is no line.
local function count_lines(lines, cells, separator)
  local function cells_of(i) return lines[i] and core.csv_cells(lines[i], separator) or {} end
  local start = lines[lines.first + 1] or ""
  local word = start:sub(1, 64):match '^["%s]*([^\t;,"]*)' -- a glance at the first cell: lines may be long
  if separator ~= " " and word ~= "" and not is_type(word) then return 0 end
  local below, last = cells_of(lines.first + 1), cells_of(lines.first + 2)
  if #below < #cells or not are_types(below, #cells) then return 0 end
  if not are_all(last, is_role, #cells) then return 1 end
  return 2, with_role(last)
end

--- Finds types and roles of columns.
-- @return the first line of the table; and { cells (the names), note, labels (columns with a role) } if there are such
--   lines or signs
function orange.read(lines, cells, separator)
  local first, count, labels = lines:number(lines.first), count_lines(lines, cells, separator)
  local below = lines.first + 1 + count
  local what = "types and roles of columns, as Orange writes them, left out"
  if count > 0 then
    local last = lines:number(below - 1)
    return below, { cells = cells, labels = labels, note = count == 1 and ("line %d: %s"):format(last, what)
      or ("lines %d and %d: %s"):format(first + 1, last, what) }
  end
  local bare = strip(cells)
  return below, bare and { cells = bare, note = ("line %d: %s"):format(first, what) }
end

return orange
