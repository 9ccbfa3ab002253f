--- Ends a script whose input a function refused with one line instead of a traceback.
local interrupt = require "moonbow.interrupt"
local output = require "moonbow.experiment.output"

local refusal = {}

-- Returns the lines "FILE:LINE:" of the Lua functions in a traceback, the innermost first.
local function places_in(trace)
  local places = {}
  for line in trace:gmatch "[^\n]+" do
    local place = line:match "^%s*(.-:%d+:) in "
    if place and place:sub(1, 4) ~= "[C]:" then places[#places + 1] = place end
  end
  return places
end

--- Returns the message of an error to which lua has added a traceback, without its position; nil for a programming
-- error. An error of Lua itself names the line where it arose, which is that of the innermost function in Lua; a
-- refusal names the line of the caller outside moonbow, or none.
-- @param err any as a variable that is closed gets it
-- @return string
function refusal.message(err)
  local text, trace = tostring(err):match "^(.-)\nstack traceback:\n(.*)$"
  if not text then return nil end
  for i, place in ipairs(places_in(trace)) do
    if text:sub(1, #place) == place then return i > 1 and text:sub(#place + 2) or nil end
  end
  return not text:find "^attempt to " and text or nil -- which Lua says without a line in functions of C
end

--- Ends the script, if it is one, with "NAME: message" and code 2 because of a refusal; for the __close of a variable
-- of the script. Does nothing without an error, and for other errors, which lua then reports.
-- @param name string of the script
-- @param err any
function refusal.end_script(name, err)
  local message = interrupt.is_script() and refusal.message(err)
  if message then output.fail(("%s: %s"):format(name, message), 2) end
end

return refusal
