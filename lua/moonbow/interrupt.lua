--- How Ctrl-C ends long work, the same everywhere.
--
-- Long work catches Ctrl-C, and checks for it between two pieces:
--
--     local guard <close> = interrupt.catch "forest.fit"
--     for tree = 1, trees do
--       interrupt.check()
--       ...
--     end
--
-- check raises if Ctrl-C was pressed, so variables behind the guard are closed in order. Then the outermost guard ends
-- a script with code 130 and a line on standard error, even inside pcall. At the prompt of the interpreter, and in a
-- program that embeds Lua, the error goes on to the caller; after the guard Ctrl-C has its previous effect. A second
-- Ctrl-C ends the process at once.
local core = require "moonbow.core"
local terminal = require "moonbow.terminal"

local interrupt = {}

local EXIT_CODE = 130 -- the code of shells for a process that Ctrl-C ended

-- Reads lua's options, arg[first] to arg[last]: returns true if they ask for a prompt, false if they give code or only
-- ask for the version; nil for neither.
local function prompt_asked(first, last)
  local found, i = nil, first
  while i <= last do
    local option = arg[i]
    if option == "-i" then return true end
    if option:find "^%-[ev]" then found = false end
    i = i + ((option == "-e" or option == "-l") and 2 or 1) -- the next one is code, or the name of a module
  end
  return found
end

-- Returns "script", "prompt" or "embedded", as found from the table arg, which the interpreter lua makes.
local function find_host()
  if type(arg) ~= "table" or not arg[0] then return "embedded" end
  local first = 0
  while arg[first - 1] do first = first - 1 end
  local has_script = first < 0
  local asked = prompt_asked(first + 1, has_script and -1 or #arg)
  if asked == nil then asked = not has_script and terminal.has "stdin" end
  return asked and "prompt" or "script"
end

local host = find_host()

--- True in a script; false at the prompt, and in a program that embeds Lua.
function interrupt.is_script() return host == "script" end

local Guard = { __name = "guard" }
Guard.__index = Guard

-- The guards of each coroutine, the outermost first.
local stacks = setmetatable({}, { __mode = "k" })

-- Ends a guard unless it has ended; returns true if Ctrl-C was pressed.
local function release(guard)
  if guard.is_over then return false end
  guard.is_over = true
  for i = #guard.stack, 1, -1 do
    if guard.stack[i] == guard then table.remove(guard.stack, i) end
  end
  return core.end_catch()
end

local function message(guard) return ("%s: interrupted; %s"):format(guard.operation, guard.hint()) end

-- Erases the line first: a progress bar may be on it.
local function say(text) return (terminal.can_erase() and "\r\27[K" or "") .. text .. "\n" end

local function end_script(guard)
  io.stderr:write(say(message(guard)))
  os.exit(EXIT_CODE, true)
end

function Guard.__close(guard, err)
  local is_outermost = guard.stack[1] == guard
  if not release(guard) or not is_outermost then return end
  if host == "script" then end_script(guard) end
  if err == nil then core.raise(message(guard)) end
end

Guard.__gc = release -- for a coroutine that is never resumed

local function again() return "the same command starts again" end

--- Catches Ctrl-C until the returned guard, a <close> variable, is closed.
-- @param operation that is interrupted, for the message
-- @param hint a function that returns what was kept and how to resume; optional
function interrupt.catch(operation, hint)
  local thread = coroutine.running()
  local stack = stacks[thread] or {}
  local guard = setmetatable({ operation = operation, hint = hint or again, stack = stack, is_over = true }, Guard)
  stacks[thread], stack[#stack + 1] = stack, guard
  core.catch_interrupt()
  guard.is_over = false -- last, since allocation before it may fail
  return guard
end

--- True if Ctrl-C was pressed.
interrupt.came = core.interrupted

--- Raises if Ctrl-C was pressed.
function interrupt.check()
  if core.interrupted() then core.raise(message(stacks[coroutine.running()][1])) end
end

--- Answers a Ctrl-C that reached only the program for which this one waited (system() ignores it meanwhile): ends a
-- script; raises at the prompt and when embedded.
function interrupt.answer(operation)
  local guard = { operation = operation, hint = again }
  if host == "script" then end_script(guard) end
  core.raise(message(guard))
end

--- Makes Ctrl-C end a script with code 130 from now on, at once unless a guard catches it.
-- @param farewell the last line on standard error
function interrupt.end_script_with(farewell)
  if host == "script" then core.end_at_interrupt(say(farewell)) end
end

return interrupt
