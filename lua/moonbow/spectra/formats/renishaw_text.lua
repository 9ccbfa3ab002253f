--- Renishaw's WiRE as text: rows in which the places stand before each point of a spectrum, below the names
-- "#X #Y #Wave #Intensity" or without names.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"

local renishaw = { name = "renishaw_text", title = "a Renishaw text file" }

local HEAD = 4096
local FEWEST_ROWS = 8 -- in which places are the same and positions rise or fall

local function words_of(line)
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = word end
  return words
end

local function is_number(word) return word:find "^[+-]?%d[%d.]*%f[^%d.][eE]?[+-]?%d*$" ~= nil end

-- True if the words of a row follow those of the row above: 3 or 4 numbers, of which the first ones, the places, are
-- the same; rises: whether the position does.
local function follows(row, above, rises)
  if #row ~= #above then return false end
  for c = 1, #row do
    if not is_number(row[c]) or c < #row - 1 and row[c] ~= above[c] then return false end
  end
  local here, before = tonumber(row[#row - 1]), tonumber(above[#row - 1])
  return here ~= nil and before ~= nil and (rises and here > before or not rises and here < before)
end

-- True for rows of 3 or 4 numbers, of which the last but one rises or falls and those before it stay the same.
local function is_without_names(head)
  local rows, whole_lines = {}, head:match "^(.*)\n" or ""
  for line in whole_lines:gmatch "[^\r\n]+" do
    rows[#rows + 1] = words_of(line)
    if #rows == FEWEST_ROWS then break end
  end
  local first, second = rows[1], rows[2]
  if #rows < FEWEST_ROWS or #first < 3 or #first > 4 or #second ~= #first then return false end
  local rises = (tonumber(second[#first - 1]) or 0) > (tonumber(first[#first - 1]) or 0)
  for i = 2, #rows do
    if not follows(rows[i], rows[i - 1], rises) then return false end
  end
  return is_number(first[#first]) and is_number(first[1])
end

function renishaw.matches(source)
  local head = source.bytes:sub(1, HEAD):gsub("^\239\187\191", "")
  local line = head:match "^[^\r\n]*"
  if line:find "^#" then return line:find "#Wave" ~= nil and line:find "#Intensity" ~= nil end
  return line:find "^%s*[+-]?%d" ~= nil and is_without_names(head)
end

local units_of_places = { X = "um", Y = "um", Z = "um", Time = "s" }

-- Returns the names of columns, the places of wave and intensity in them, and the part below the names.
local function header_of(source, text)
  if not text:find "^#" then
    local body = columns.part(text)
    local width = columns.width(body)
    return width == 4 and { "X", "Y", "Wave", "Intensity" } or { "place", "Wave", "Intensity" }, width - 1, width, body
  end
  local line, behind = text:match "^([^\n]*)\n?()"
  local names, wave, intensity = {}, nil, nil
  for name in line:gmatch "#([^#]*)" do
    names[#names + 1] = columns.trim(name)
    if names[#names] == "Wave" then wave = #names end
    if names[#names] == "Intensity" then intensity = #names end
  end
  if not (wave and intensity) or wave == intensity then source:fail "line 1: expected #Wave and #Intensity" end
  return names, wave, intensity, columns.part(text, behind)
end

local function are_same(words, places, ...)
  for i, c in ipairs(places) do
    if words[c] ~= select(i, ...) then return false end
  end
  return true
end

-- Returns a function(words, at): true if the line that begins at an offset has the places of a line of these words.
local function comparison(text, names, wave, intensity)
  local places, parts = {}, {}
  for c = 1, #names do
    local is_place = c ~= wave and c ~= intensity
    parts[c] = is_place and "(%S+)" or "%S+"
    if is_place then places[#places + 1] = c end
  end
  local pattern = "^()[^%S\n]*" .. table.concat(parts, "[^%S\n]+") -- makes no strings but those of new places
  return function(words, at)
    if text:find(pattern, at) then return are_same(words, places, select(2, text:match(pattern, at))) end
    local others = words_of(text:match("[^\n]*", at))
    for _, c in ipairs(places) do
      if words[c] ~= others[c] then return false end
    end
    return true
  end
end

-- Returns the words of the line with which each spectrum begins: the first, and every `length` lines further. length is
-- nil until the places change.
local function starts_of(body, names, wave, intensity)
  local text, starts, row, length = body.text, {}, 0, nil
  local have_same_places = comparison(text, names, wave, intensity)
  local at = text:find("[^\n]", body.first)
  while at do
    if starts[1] and not length and not have_same_places(starts[1], at) then length = row end
    if not starts[1] or length and row % length == 0 then
      starts[#starts + 1] = words_of(text:match("[^\n]*", at))
    end
    row = row + 1
    local line_end = text:find("\n", at, true)
    at = line_end and text:find("[^\n]", line_end)
  end
  return starts, length or row
end

-- Ends the reading unless all spectra have the positions of the first.
local function check_axis(source, waves)
  local low, high = core.totable(core.min(waves, 1)), core.totable(core.max(waves, 1))
  for t, value in ipairs(low) do
    if high[t] ~= value then
      source:fail("point %d is at %.9g in one spectrum and at %.9g in another; different axes in one file are not read",
        t, value, high[t])
    end
  end
end

local function labels_of(starts, names, wave, intensity, count)
  local order, labels = {}, {}
  for c, name in ipairs(names) do
    if c ~= wave and c ~= intensity then
      local column, values = units_of_places[name] and ("%s (%s)"):format(name, units_of_places[name]) or name, {}
      for i = 1, count do values[i] = starts[i][c] end
      order[#order + 1], labels[column] = column, values
    end
  end
  return order, labels
end

-- Returns the positions and the values of all rows, as columns.
local function points_of(source, body, names, wave, intensity)
  local kept = {}
  for c = 1, #names do kept[c] = c == wave or c == intensity end
  local rows = columns.whole_rows(source, body, kept, "the table")
  return rows[wave], rows[intensity]
end

function renishaw.read(source)
  local text = source:take_text()
  local names, wave, intensity, body = header_of(source, text)
  local waves, values = points_of(source, body, names, wave, intensity)
  local starts, length = starts_of(body, names, wave, intensity)
  if not starts[1][wave] then source:fail "the axis: expected numbers, got none" end
  local points = #waves
  local count = points // length
  if points % length ~= 0 then source:cut(count, count + 1, ("spectra of %d points"):format(length)) end
  if count == 0 then source:fail "it holds no whole spectrum" end
  local function spectra(column)
    core.column_keep(column, 1, count * length)
    return core.reshape(core.column_tensor(column), count, length)
  end
  local y, x = spectra(values), waves
  if count > 1 then
    x = core.column_copy(waves, 1, length)
    check_axis(source, spectra(waves))
  end
  core.column_keep(x, 1, length)
  local order, labels = labels_of(starts, names, wave, intensity, count)
  local block = { x = x, y = y, columns = order, labels = labels }
  if text:find "^#" then
    block.axis, block.unit, block.quantity = "Raman shift", "cm-1", "counts"
    block.decided = "#Intensity of WiRE, which are counts"
  else
    source:note "columns without names: places, position and value, as WiRE writes maps and series"
  end
  return { block }
end

return renishaw
