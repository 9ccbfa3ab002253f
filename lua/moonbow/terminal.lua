--- How wide the terminal is.
local term = require "term"

local terminal = {}

--- The width of the terminal in characters; 80 if it cannot be told.
function terminal.width()
  local pipe = io.popen "stty size </dev/tty 2>/dev/null"
  local answer = pipe and pipe:read "a"
  if pipe then pipe:close() end
  return tonumber(answer and answer:match "%d+%s+(%d+)") or tonumber(os.getenv "COLUMNS") or 80
end

--- The width of lines to be printed: that of the terminal from least to most, or the most if output is no terminal.
function terminal.line_width(least, most)
  if not term.isatty(io.stdout) then return most end
  return math.max(least, math.min(most, terminal.width()))
end

return terminal
