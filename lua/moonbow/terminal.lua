--- What the terminal is, and its width.
local uv = require "luv"

local terminal = {}

local DESCRIPTORS = { stdin = 0, stdout = 1, stderr = 2 }

--- Returns true if "stdin", "stdout" or "stderr" is a terminal.
function terminal.has(stream) return uv.guess_handle(DESCRIPTORS[stream]) == "tty" end

--- Returns true if standard error is a terminal on which a line can be erased: a dumb one shows the escapes for it.
function terminal.can_erase() return terminal.has "stderr" and os.getenv "TERM" ~= "dumb" end

--- Returns the width of the terminal in characters; 80 if it is unknown.
function terminal.width()
  local pipe = io.popen "stty size </dev/tty 2>/dev/null"
  local answer = pipe and pipe:read "a"
  if pipe then pipe:close() end
  return tonumber(answer and answer:match "%d+%s+(%d+)") or tonumber(os.getenv "COLUMNS") or 80
end

--- Returns the width for printed lines: the terminal's, but from least to most; the most if output is not a terminal.
function terminal.line_width(least, most)
  if not terminal.has "stdout" then return most end
  return math.max(least, math.min(most, terminal.width()))
end

return terminal
