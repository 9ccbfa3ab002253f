--- Runs gnuplot, and quotes texts for it.
local interrupt = require "moonbow.interrupt"

local gnuplot = {}

local function valid_utf8(text)
  local position = 1
  while true do
    local ok, bad = utf8.len(text, position)
    if ok then return text end
    text, position = text:sub(1, bad - 1) .. "?" .. text:sub(bad + 1), bad
  end
end

-- U+FFFE and U+FFFF cannot be in XML, so in no SVG.
local NO_CHARACTERS = "\xEF\xBF[\xBE\xBF]"

--- Returns a string as a gnuplot expression. It is in single quotes, in which gnuplot has no escapes and
-- runs no `command`; characters that cannot be there are concatenated. ('' for ' is misread at the start.)
function gnuplot.quote(text)
  return "'" .. text:gsub("['\n]", { ["'"] = [['."\47".']], ["\n"] = [['."\n".']] }) .. "'"
end

--- Returns a text as valid UTF-8, without control characters except line breaks.
function gnuplot.clean(text)
  return (valid_utf8(tostring(text)):gsub("[\0-\9\11-\31\127]", " "):gsub(NO_CHARACTERS, "?"))
end

--- Returns a label as a gnuplot expression.
function gnuplot.label(text) return gnuplot.quote(gnuplot.clean(text)) end

--- Returns a label on one line.
function gnuplot.line(text)
  return gnuplot.label((tostring(text):gsub("%s*\n%s*", " ")))
end

--- Returns the label of a tic, in which gnuplot would expand % as a number format.
function gnuplot.tic(text)
  return gnuplot.label((tostring(text):gsub("%%", "%%%%")))
end

local function shell_quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local missing = "gnuplot not found (tried '%s'): install the package gnuplot (on Debian also gnuplot-nox), "
  .. "or name the program in the environment variable MOONBOW_GNUPLOT"

local function read_all(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, why = file:read "a"
  file:close()
  return text, why
end

local SIGINT = 2

local function execute(program, flags, script_path, log_path)
  local _, how, code = os.execute(("%s -d %s %s >%s 2>&1 </dev/null"):format(
    shell_quote(program), flags, shell_quote(script_path), shell_quote(log_path)))
  if how == "exit" and code == 0 then return true end
  if how == "signal" and code == SIGINT or how == "exit" and code == 128 + SIGINT then interrupt.answer "plot" end
  if how == "exit" and (code == 127 or code == 126) then return nil, missing:format(program) end
  local log = (read_all(log_path) or ""):gsub("%s+", " ")
  local terminal = log:match "unknown or ambiguous terminal type"
  if terminal then return nil, "this gnuplot cannot write the format: " .. log end
  return nil, ("gnuplot failed (%s %d): %s"):format(how, code, log)
end

--- Runs a script.
-- @param keep_window true leaves a window open after gnuplot has ended
-- @return true, or nil and a message
function gnuplot.run(script, keep_window)
  local script_path, log_path = os.tmpname(), os.tmpname()
  local file, message = io.open(script_path, "wb")
  local ok = file
  if file then
    ok, message = file:write(script)
    local closed, why = file:close()
    if ok and not closed then ok, message = nil, why end
  end
  if ok then
    local program = os.getenv "MOONBOW_GNUPLOT" or "gnuplot"
    ok, message = execute(program, keep_window and "-p" or "", script_path, log_path)
  end
  os.remove(script_path)
  os.remove(log_path)
  return ok and true, message
end

-- gnuplot reports no error if the disk is full; the last bytes show if the output is complete.
local endings = { svg = "</svg>%s*$", png = "IEND....$", pdf = "%%%%EOF%s*$", txt = "%S%s*$" }

--- Runs script_for(path of a temporary file) and returns what it wrote there.
-- @param format "svg", "png", "pdf" or "txt"
-- @return text, or nil and a message
function gnuplot.render(format, script_for)
  local path = os.tmpname()
  local ok, message = gnuplot.run(script_for(path))
  local text
  if ok then text, message = read_all(path) end
  os.remove(path)
  if text and not text:find(endings[format]) then
    return nil, "gnuplot wrote an incomplete picture (is the disk full?)"
  end
  if not text then return nil, message end
  if format ~= "txt" then return text end
  return (text:gsub("\f", ""):gsub("[ \t]+\n", "\n"):gsub("\n\n+", "\n\n"):gsub("^\n+", ""))
end

return gnuplot
