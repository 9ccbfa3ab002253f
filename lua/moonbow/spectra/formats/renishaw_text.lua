--- Renishaw's WiRE as text: "#X #Y #Wave #Intensity" and rows, in which the places stand before each point.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"

local renishaw = { name = "renishaw_text", title = "a Renishaw text file" }

function renishaw.matches(source)
  local line = source.bytes:match "^\239?\187?\191?([^\r\n]*)"
  return line:find "^#" ~= nil and line:find "#Wave" ~= nil and line:find "#Intensity" ~= nil
end

local units_of_places = { X = "um", Y = "um", Z = "um", Time = "s" }

-- Returns the names in the first line, the order of wave and intensity, and the text below.
local function header_of(source, text)
  local line, behind = text:match "^([^\n]*)\n?()"
  local names, wave, intensity = {}, nil, nil
  for name in line:gmatch "#([^#]*)" do
    names[#names + 1] = name:match "^%s*(.-)%s*$"
    if names[#names] == "Wave" then wave = #names end
    if names[#names] == "Intensity" then intensity = #names end
  end
  if not (wave and intensity) or wave == intensity then source:fail "line 1: expected #Wave and #Intensity" end
  return names, wave, intensity, text:sub(behind)
end

-- Returns the points of a spectrum: those before the places change.
local function length_of(read, names, wave, intensity)
  local count = #read[wave]
  for i = 2, count do
    for c = 1, #names do
      if c ~= wave and c ~= intensity and read[c][i] ~= read[c][1] then return i - 1 end
    end
  end
  return count
end

local function check_axis(source, wave, length)
  for i = length + 1, #wave do
    local same = wave[(i - 1) % length + 1]
    if wave[i] ~= same then
      source:fail("row %d: position %.9g, %.9g in the first spectrum; different axes in one file are not read", i,
        wave[i], same)
    end
  end
end

local function labels_of(read, names, wave, intensity, length, count)
  local order, labels = {}, {}
  for c, name in ipairs(names) do
    if c ~= wave and c ~= intensity then
      local column, values = units_of_places[name] and ("%s (%s)"):format(name, units_of_places[name]) or name, {}
      for i = 1, count do values[i] = ("%.9g"):format(read[c][(i - 1) * length + 1]) end
      order[#order + 1], labels[column] = column, values
    end
  end
  return order, labels
end

function renishaw.read(source)
  local names, wave, intensity, body = header_of(source, source:as_text())
  local read = table.pack(columns.read(source, body, #names, "the table"))
  local points = #read[wave]
  local length = length_of(read, names, wave, intensity)
  if points % length ~= 0 then
    source:cut(points // length, points // length + 1, ("spectra of %d points"):format(length))
  end
  local count = points // length
  local values = table.move(read[intensity], 1, count * length, 1, {})
  local x = table.move(read[wave], 1, length, 1, {})
  check_axis(source, table.move(read[wave], 1, count * length, 1, {}), length)
  local order, labels = labels_of(read, names, wave, intensity, length, count)
  return { { x = x, y = core.reshape(columns.values(source, values, "the table"), count, length), columns = order,
    labels = labels, axis = "Raman shift", unit = "cm-1", quantity = "counts",
    decided = "#Intensity of WiRE, which are counts" } }
end

return renishaw
