--- The lines typed at the prompt, kept in a file from one session to the next.
local files = require "moonbow.io.files"

local MOST = 1000 -- lines in the file

local history = {}

--- The path of the file: moonbow/history in $XDG_STATE_HOME, or in ~/.local/state; nil without a home folder.
function history.path()
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if not state or state:sub(1, 1) ~= "/" then state = home and home ~= "" and home .. "/.local/state" end
  return state and state .. "/moonbow/history"
end

local function lines_of(text)
  local lines = {}
  for line in (text or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

-- The last count lines that readline remembers. It tells them to a file only.
local function remembered(readline, count)
  local path = os.tmpname()
  readline.append_history(count, path)
  local lines = lines_of(files.read(path))
  os.remove(path)
  return lines
end

-- True if lua would ask for another line.
local function is_unfinished(text)
  if load("return " .. text) then return false end
  local _, message = load(text)
  return message ~= nil and message:find "<eof>$" ~= nil
end

-- Appends lines, but a statement of one line only if it is not the line before. Inside longer statements all lines
-- count: blocks within blocks end with equal lines.
local function append(lines, typed)
  local statement = ""
  for _, line in ipairs(typed) do
    local is_first = statement == ""
    statement = statement .. line .. "\n"
    local goes_on = is_unfinished(statement)
    if goes_on or not is_first or line ~= lines[#lines] then lines[#lines + 1] = line end
    if not goes_on then statement = "" end
  end
end

local function write(path, lines)
  files.make_folders(path:match "^(.*)/")
  return files.write(path, function(put)
    for i = math.max(1, #lines - MOST + 1), #lines do put(lines[i] .. "\n") end
  end)
end

--- Gives readline the lines of the file.
-- @param readline the functions of lua-readline
-- @return a function that appends the lines typed since then to the file, behind those of other sessions; calls after
--   the first do nothing. It returns true, or nil and a message
function history.open(readline, path)
  for _, line in ipairs(lines_of(files.read(path))) do readline.add_history(line) end
  local before, is_saved = readline.history_length(), false
  return function()
    local count = readline.history_length() - before
    if is_saved or count == 0 then return true end
    is_saved = true
    local lines = lines_of(files.read(path))
    append(lines, remembered(readline, count))
    return write(path, lines)
  end
end

return history
