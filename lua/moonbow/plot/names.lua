--- Names of categories along an axis.
local check = require "moonbow.check"
local gnuplot = require "moonbow.plot.gnuplot"
local style = require "moonbow.plot.style"

local names = {}

local SLANT = 35 -- degrees

-- Cuts a word into pieces of at most this many characters, if possible after a hyphen or the like.
local function cut(word, characters)
  local pieces = {}
  while style.length(word) > characters do
    local next_byte = utf8.offset(word, characters + 1) or characters + 1
    next_byte = word:sub(1, next_byte - 1):match ".*[_%-/.,]()" or next_byte
    pieces[#pieces + 1], word = word:sub(1, next_byte - 1), word:sub(next_byte)
  end
  pieces[#pieces + 1] = word
  return table.concat(pieces, " ")
end

local function wrap(text, characters)
  local lines, line = {}, nil
  for word in text:gmatch "%S+" do
    local longer = line and line .. " " .. word
    if longer and style.length(longer) <= characters then
      line = longer
    else
      lines[#lines + 1], line = line, word
    end
  end
  lines[#lines + 1] = line
  return lines
end

-- Returns the names as lists of lines, the length of the longest line, and the largest number of lines.
local function wrap_all(list, characters, cut_words)
  local wrapped, longest, most = {}, 0, 1
  for i, name in ipairs(list) do
    name = tostring(name)
    if cut_words then name = name:gsub("%S+", function(word) return cut(word, characters) end) end
    wrapped[i] = wrap(name, characters)
    for _, line in ipairs(wrapped[i]) do longest = math.max(longest, style.length(line)) end
    most = math.max(most, #wrapped[i])
  end
  return wrapped, longest, most
end

local function tic_list(wrapped)
  local tics = {}
  for i, lines in ipairs(wrapped) do
    tics[i] = ("%s %d"):format(gnuplot.tic(table.concat(lines, "\n")), i)
  end
  return table.concat(tics, ", ")
end

--- Copies a list of names. Raises if an entry is neither text nor number.
function names.read(operation, name, list)
  local own = {}
  for i, text in ipairs(check.list(operation, name, list)) do
    own[i] = check.kind(operation, ("%s[%d]"):format(name, i), text, "string|number")
  end
  return own
end

--- Returns the room that names need in a figure without overlap: pixels across the axis for each, and along it
-- for the longest line.
function names.room(list)
  local wrapped, longest, most = wrap_all(list, 24, true)
  return style.line_height * (#wrapped > 0 and most or 1), style.character * longest
end

--- Returns the command that puts names at the positions 1, 2, ... of the y axis.
-- @return command, and the length of the longest line
function names.y(list)
  local wrapped, longest = wrap_all(list, 24, true)
  return ("set ytics scale 0 (%s)"):format(tic_list(wrapped)), longest
end

-- Used if even slanted names would overlap. Lines are longer than 24 characters if fewer of them fit side by side.
local function upright(list, room)
  local fitting = math.max(1, (room * style.character + 0.5) // style.line_height)
  local characters, wrapped, _, most = 12, nil, nil, math.huge
  while most > fitting do
    characters = 2 * characters
    wrapped, _, most = wrap_all(list, characters, true)
  end
  return ("set xtics scale 0 rotate by 90 right (%s)"):format(tic_list(wrapped))
end

-- Slanted names end at their tic; the first ones may need more margin than an axis has.
local function slanted(list, room, margin)
  local wrapped, _, most = wrap_all(list, 20, true)
  if room * style.character * math.sin(math.rad(SLANT)) < style.line_height * most then return upright(list, room) end
  for i, lines in ipairs(wrapped) do
    for _, line in ipairs(lines) do
      margin = math.max(margin, math.ceil(0.85 * style.length(line) - (i - 0.5) * room))
    end
  end
  return ("set lmargin %d\nset xtics scale 0 rotate by %d right (%s)"):format(margin, SLANT, tic_list(wrapped))
end

--- Returns the commands that put names at the positions 1, 2, ... of the x axis. Long names are wrapped; if
-- single words are too long, names are slanted, or upright if they are close together (on a text terminal,
-- cut). gnuplot itself leaves no room for them.
-- @param width of the axis, in characters
-- @param has_label true if the axis has a label
-- @param margin left of the axis, in characters; slanted names may enlarge it
function names.x(list, width, has_label, margin, text_only)
  local room = width / #list
  local line_length = math.max(1, math.floor(room - 1))
  local wrapped, longest, lines = wrap_all(list, line_length, text_only)
  if longest > line_length then return slanted(list, room, margin) end
  return table.concat({
    ("set xtics scale 0 (%s)"):format(tic_list(wrapped)),
    ("set bmargin %d"):format(lines + (has_label and 2 or 1)),
    ("set xlabel offset character 0, %d"):format(1 - lines),
  }, "\n")
end

return names
