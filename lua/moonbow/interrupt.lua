--- The one reaction to Ctrl-C.
--
-- Long work catches Ctrl-C, and looks between two pieces whether it came:
--
--     local guard <close> = interrupt.catch "forest.fit"
--     for tree = 1, trees do
--       interrupt.check()
--       ...
--     end
--
-- check raises where it came, so that what stands behind the guard closes in order. Then the outermost guard ends a
-- script with code 130 and a line on standard error, whatever pcall stands around it. At the prompt of the interpreter,
-- and in a program that embeds Lua, the error goes on to the caller; behind the guard Ctrl-C means again what it meant
-- before. A second Ctrl-C ends the process at once.
local core = require "moonbow.core"
local term = require "term"

local interrupt = {}

local EXIT_CODE = 130 -- as a shell reports a death by Ctrl-C

-- Tells whether lua's options, arg[first] to arg[last], ask for a prompt (true), or for code of their own or only for
-- the version (false); nil where they say nothing of it.
local function prompt_asked(first, last)
  local found, i = nil, first
  while i <= last do
    local option = arg[i]
    if option == "-i" then return true end
    if option:find "^%-[ev]" then found = false end
    i = i + ((option == "-e" or option == "-l") and 2 or 1) -- what follows is code, or the name of a module
  end
  return found
end

-- "script", "prompt", or "embedded": which program runs, by the table that the interpreter lua makes of its arguments.
local function find_host()
  if type(arg) ~= "table" or not arg[0] then return "embedded" end
  local first = 0
  while arg[first - 1] do first = first - 1 end
  local has_script = first < 0
  local asked = prompt_asked(first + 1, has_script and -1 or #arg)
  if asked == nil then asked = not has_script and term.isatty(io.stdin) end
  return asked and "prompt" or "script"
end

local host = find_host()

local Guard = { __name = "guard" }
Guard.__index = Guard

-- The guards of each coroutine, the outermost first.
local stacks = setmetatable({}, { __mode = "k" })

-- Ends a guard, unless that was done, and returns whether Ctrl-C came.
local function release(guard)
  if guard.is_over then return false end
  guard.is_over = true
  for i = #guard.stack, 1, -1 do
    if guard.stack[i] == guard then table.remove(guard.stack, i) end
  end
  return core.end_catch()
end

local function message(guard) return ("%s: interrupted; %s"):format(guard.operation, guard.hint()) end

-- A progress bar may stand on the line.
local function say(text) return (term.isatty(io.stderr) and "\r\27[K" or "") .. text .. "\n" end

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

Guard.__gc = release -- of a coroutine that nobody goes on with

local function again() return "the same command starts again" end

--- Catches Ctrl-C until the guard that it returns, a <close> variable, is closed.
-- @param operation that is interrupted, for the message
-- @param hint a function that says what was kept and how to go on; optional
function interrupt.catch(operation, hint)
  local thread = coroutine.running()
  local stack = stacks[thread] or {}
  local guard = setmetatable({ operation = operation, hint = hint or again, stack = stack, is_over = true }, Guard)
  stacks[thread], stack[#stack + 1] = stack, guard
  core.catch_interrupt()
  guard.is_over = false -- last: memory may have run out on the way here
  return guard
end

--- Tells whether Ctrl-C came.
interrupt.came = core.interrupted

--- Raises if Ctrl-C came.
function interrupt.check()
  if core.interrupted() then core.raise(message(stacks[coroutine.running()][1])) end
end

--- Answers a Ctrl-C that only a program heard which this one waited for (system() hears none meanwhile): ends a script,
-- raises elsewhere.
function interrupt.answer(operation)
  local guard = { operation = operation, hint = again }
  if host == "script" then end_script(guard) end
  core.raise(message(guard))
end

--- From now on Ctrl-C ends a script with code 130 wherever it is, at once where nothing catches it.
-- @param farewell what is said then
function interrupt.end_script_with(farewell)
  if host == "script" then core.end_at_interrupt(say(farewell)) end
end

return interrupt
