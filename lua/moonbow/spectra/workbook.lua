--- Excel workbooks (.xlsx): their sheets, shared texts and the styles of dates and percents. Source: ECMA-376, part 1.
local archive = require "moonbow.spectra.archive"
local xml = require "moonbow.spectra.xml"

local workbook = {}

local FOLDER = "xl/"
local BOOK = FOLDER .. "workbook.xml"
local FIRST_DAY, DAY_1970, DAYS_1904, LAST_DAY = 61, 25569, 1462, 2958465 -- days of Excel; earlier ones are off by one
local LONGEST_FORMAT = 255 -- bytes; Excel writes no longer ones
local date_formats = { [14] = true, [15] = true, [16] = true, [17] = true, [18] = true, [19] = true, [20] = true,
  [21] = true, [22] = true, [45] = true, [46] = true, [47] = true } -- numbers of built-in formats
local percent_formats = { [9] = true, [10] = true }

--- True if the file is a workbook.
function workbook.is(source) return archive.holds(source, "^xl/workbook%.xml$") end

local function tree(source, part)
  local content = archive.pieces(source, part)
  return content and xml.tree(source, content, part)
end

-- Returns an attribute by its name without prefix.
local function attribute(element, name)
  for key, value in pairs(element.attributes) do
    if type(key) == "string" and (key:match "^.*:(.*)" or key) == name then return value end
  end
end

-- Returns the members of worksheets by the ids of relationships.
local function parts_of(source)
  local root, parts = tree(source, FOLDER .. "_rels/workbook.xml.rels"), {}
  for _, relation in ipairs(root or {}) do
    local id, target, kind = attribute(relation, "Id"), attribute(relation, "Target"), attribute(relation, "Type")
    if id and target and kind and kind:find "/worksheet$" then
      parts[id] = target:sub(1, 1) == "/" and target:sub(2) or FOLDER .. target
    end
  end
  return parts
end

--- Returns the worksheets { name, part } in order, and true if dates count from 1904.
function workbook.sheets(source)
  local root, parts, sheets = tree(source, BOOK), parts_of(source), {}
  for _, sheet in ipairs(xml.child(root, "sheets") or {}) do
    local part = parts[attribute(sheet, "id")]
    if part then sheets[#sheets + 1] = { name = attribute(sheet, "name") or "", part = part } end
  end
  local properties = xml.child(root, "workbookPr")
  local since_1904 = properties and properties.attributes.date1904
  return sheets, since_1904 == "1" or since_1904 == "true"
end

--- Returns the texts that cells share, in order.
function workbook.strings(source)
  local part = FOLDER .. "sharedStrings.xml"
  local content, strings, parts, phonetic = archive.pieces(source, part), {}, {}, false
  if not content then return strings end
  xml.events(source, content, part, function(name)
    if name == "si" then parts = {} end
    if name == "rPh" then phonetic = true end
  end, function(name, text)
    if name == "t" and not phonetic then parts[#parts + 1] = text end
    if name == "rPh" then phonetic = false end
    if name == "si" then strings[#strings + 1] = table.concat(parts) end
  end)
  return strings
end

-- A format without what stands in quotes and brackets, and without escaped letters.
local function signs_of(code)
  code = code:sub(1, LONGEST_FORMAT)
  return (code:gsub('"[^"]*"', ""):gsub("%[[^%]]*%]", ""):gsub("\\.", ""):lower())
end

-- True if a format shows a number as a date or time: "dd.mm.yyyy", but not '0.0 "mm"' or "General".
local function shows_date(code) return signs_of(code):find "[dmyhs]" ~= nil end

local function shows_percent(code) return signs_of(code):find("%", 1, true) ~= nil end

--- Returns the styles of cells, from 0, that show dates, and those that show percents, { [style] = true }.
function workbook.styles(source)
  local root, codes, dates, percents = tree(source, FOLDER .. "styles.xml") or {}, {}, {}, {}
  for _, format in ipairs(xml.child(root, "numFmts") or {}) do
    local id, code = tonumber(format.attributes.numFmtId), format.attributes.formatCode
    if id and code then codes[id] = code end
  end
  for i, style in ipairs(xml.child(root, "cellXfs") or {}) do
    local id = tonumber(style.attributes.numFmtId)
    local code = codes[id] or ""
    if date_formats[id] or shows_date(code) then dates[i - 1] = true end
    if percent_formats[id] or shows_percent(code) then percents[i - 1] = true end
  end
  return dates, percents
end

--- Returns the worksheets, and the book { strings, dates, percents, since_1904 } for worksheet.text.
function workbook.open(source)
  local sheets, since_1904 = workbook.sheets(source)
  local dates, percents = workbook.styles(source)
  return sheets, { strings = workbook.strings(source), dates = dates, percents = percents, since_1904 = since_1904 }
end

-- Returns a part of a day as a time, "12:30" or "12:30:15".
local function time(day)
  local seconds = math.floor(day * 86400 + 0.5)
  return os.date(seconds % 60 == 0 and "!%H:%M" or "!%H:%M:%S", seconds)
end

--- Returns a day of Excel as "2024-05-31" or "2024-05-31 12:00:00", a time alone as "12:30"; nil if it is none.
function workbook.date(day, since_1904)
  if day >= 0 and day < 1 - 0.5 / 86400 then return time(day) end
  if since_1904 then day = day + DAYS_1904 end
  if not (day >= FIRST_DAY and day <= LAST_DAY) then return nil end
  local seconds = math.floor((day - DAY_1970) * 86400 + 0.5)
  return os.date(day % 1 == 0 and "!%Y-%m-%d" or "!%Y-%m-%d %H:%M:%S", seconds)
end

return workbook
