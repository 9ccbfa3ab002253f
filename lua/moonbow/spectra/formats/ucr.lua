--- The layout of the UCR archive of time series: rows of numbers alone, of which the first is the class.
--
-- Nothing in such a file says so. It is taken for one if nothing else can be meant: rows of equal length without names,
-- of which the first numbers alone are small, whole and repeated. format = "ucr" reads other rows like this, too, and
-- format = "text" none.
local core = require "moonbow.core"
local check = require "moonbow.check"
local body = require "moonbow.io.csv.body"
local document = require "moonbow.io.csv.document"
local header = require "moonbow.io.csv.header"
local text_format = require "moonbow.spectra.formats.text"

local ucr = { name = "ucr", title = "a table in the layout of the UCR archive" }

local FEWEST_ROWS, FEWEST_VALUES = 6, 20
local EACH = 2 -- rows of a class, on average
local LOOKED_AT = 32 -- rows
local HEAD = 1024 -- bytes that show that the first line holds no name
local MANY = 12 -- lines that begin with an axis if their first numbers only rise or only fall

-- The separator of a line of numbers; nil if it has none.
local function separator_of(line)
  for _, separator in ipairs { ",", "\t", " " } do
    if line:find(separator, 1, true) and not (separator == " " and not line:find "%S +%S") then return separator end
  end
end

-- Returns the rows of a text as { classes, x (rows, values), lines }; or nil and a failure.
local function parse(text, options)
  local lines, err = document.of(text, options)
  if not lines then return nil, { message = err } end
  local line = lines[lines.first]
  local separator = options.separator or separator_of(line)
  local cells = separator and header.cells(line, separator)
  if not cells or #cells < 2 then
    return nil, { message = "expected numbers with commas, tabs or blanks between them" }
  end
  local rows, failure = body.read(lines, lines.first, cells, "x" .. ("1"):rep(#cells - 1),
    { separator = separator, decimal = options.decimal or ".", decided = true })
  if not rows then return nil, failure end
  return { classes = rows.axes[1], x = rows.x, lines = lines, plain = rows.commented == 0 }
end

-- True if numbers count from 0 or 1 to the number of classes, or are -1 and 1, and each stands EACH times on average.
local function are_classes(list)
  local seen, count, low, high = {}, 0, math.huge, -math.huge
  for _, class in ipairs(list) do
    if class % 1 ~= 0 then return false end
    if not seen[class] then seen[class], count = true, count + 1 end
    low, high = math.min(low, class), math.max(high, class)
  end
  local counts_up = (low == 0 or low == 1) and high - low + 1 == count
  return count >= 2 and EACH * count <= #list and (counts_up or count == 2 and low == -1 and high == 1)
end

-- True if the rows hold values in which the first number can be no value itself: most are not whole, also in the second
-- column; the first row is no axis; and the rows, with their first number, do not all have the same least and greatest
-- value, as those that were normalised to a range would.
local function are_values(x, classes)
  local whole, of_second, all, ranges = 0, 0, 0, {}
  for r = 1, math.min(LOOKED_AT, #classes) do
    local values = core.totable(core.reshape(core.row(x, r), -1))
    local low, high = classes[r], classes[r]
    if r == 1 and header.check_axis(values) then return false end
    for i, value in ipairs(values) do
      all, low, high = all + 1, math.min(low, value), math.max(high, value)
      if value % 1 == 0 then whole, of_second = whole + 1, of_second + (i == 1 and 1 or 0) end
    end
    ranges[low .. " " .. high] = true
  end
  return 2 * whole < all and 2 * of_second < math.min(LOOKED_AT, #classes) and next(ranges, next(ranges)) ~= nil
end

local function is_certain(found)
  local lines = found.lines
  local is_bare = found.plain and not lines:next(1, true) and lines.empty == 0 and lines.margin == 0
  return is_bare and #found.classes >= FEWEST_ROWS and core.size(found.x, 2) >= FEWEST_VALUES
    and are_classes(found.classes) and are_values(found.x, found.classes)
end

-- Reads the rows, without the last if the file ends within it; keeps them for read.
local function rows_of(source)
  if source.ucr then return source.ucr end
  text_format.check_options(source.options)
  local text = source:take_text()
  local found, failure = parse(text, source.options)
  if not found then
    found = parse(text:match "^(.*\n)[^\n]*%S" or "", source.options)
    if not found then return nil, failure end
    found.failure = failure
  end
  source.ucr = found
  return found
end

-- True if the numbers with which the first lines begin are no classes: one is not whole, or all are an axis. Then the
-- file need not be read twice.
local function has_no_classes(bytes)
  local numbers, at = {}, 1
  for _ = 1, LOOKED_AT do
    local number = tonumber(bytes:match("^%s*([+-]?%d[%d.eE+-]*)", at))
    if number and number % 1 ~= 0 then return true end
    numbers[#numbers + 1] = number
    local stop = bytes:find("\n", at, true)
    if not stop then break end
    at = stop + 1
  end
  return #numbers >= MANY and header.check_axis(numbers)
end

--- Looks at the whole file only if its first line holds many numbers and nothing else, the first of them whole.
function ucr.matches(source)
  local head = source.bytes:sub(1, HEAD):gsub("^\239\187\191", ""):match "^[^\r\n]*"
  local behind = head:match "^%s*[+-]?%d+%f[%D]%.?0*()"
  local is_bare = behind and head:find("^[eE]?[+-]?0*[%s,]", behind) and not head:find "[^%d%s,.eE+-]"
  if not is_bare or has_no_classes(source.bytes) then return false end
  local found = rows_of(source)
  return found and is_certain(found) or false
end

-- The classes as texts, and the number of different ones.
local function names_of(classes)
  local names, seen, count = {}, {}, 0
  for i, class in ipairs(classes) do
    local name = ("%.14g"):format(class)
    names[i] = name
    if not seen[name] then seen[name], count = true, count + 1 end
  end
  return names, count
end

function ucr.read(source)
  local found, failure = rows_of(source)
  if not found then source:fail("%s", failure.message) end
  local names, count = names_of(found.classes)
  if found.failure then source:cut(#names, #names + 1, ("rows (%s)"):format(found.failure.message)) end
  local points = {}
  for i = 1, core.size(found.x, 2) do points[i] = i + 0.0 end
  source:note_encoding()
  source:note('%s: the first number is the label "class" (%s), and the values are counted, for want of an axis%s',
    source.options.format and "rows in the layout of the UCR archive"
      or "taken for the layout of the UCR archive (rows of numbers alone; only the first are whole, and repeat)",
    check.show_count(count, "class", "classes"),
    source.options.format and "" or '; format = "text" overrules this')
  return { { y = found.x, x = points, axis = "index", labels = { class = names }, columns = { "class" } } }
end

return ucr
