--- Errors at the prompt whose tracebacks show only the user's own functions.
--
-- lua prints an error with a traceback, most of which would be functions of moonbow; an error object it prints by its
-- __tostring. So at the prompt an uncaught error of moonbow becomes an object: the message, and the functions that the
-- user wrote. pcall and coroutines get the message as always. With MOONBOW_TRACEBACK set in the environment nothing
-- changes.
local core = require "moonbow.core"
local counted = require "moonbow.counted"
local Layer = require "moonbow.nn.layer"

local own = debug.getinfo(1, "S").source:match "^(.-)prompt/guard%.lua$"

local Failure = { __name = "error" }

function Failure.__tostring(failure) return failure.text end

local function frame_text(info)
  local place = ("\n\t%s:%d: in "):format(info.short_src, info.currentline)
  if info.what == "main" then return place .. "main chunk" end
  if info.namewhat ~= "" then return ("%s%s '%s'"):format(place, info.namewhat, info.name) end
  return ("%sfunction <%s:%d>"):format(place, info.short_src, info.linedefined)
end

-- The user's running functions, from a level on, in lua's format; "" if there is only a line at the prompt, which the
-- message names.
local function user_frames(level)
  local frames = {}
  for i = level + 1, math.huge do
    local info = debug.getinfo(i, "Sln")
    if not info then break end
    if info.what ~= "C" and info.source:sub(1, #own) ~= own then frames[#frames + 1] = frame_text(info) end
  end
  local is_line = #frames == 1 and frames[1]:find "main chunk$"
  return (#frames == 0 or is_line) and "" or "\nstack traceback:" .. table.concat(frames)
end

local trace -- of the last error

local function remember(err)
  trace = user_frames(2)
  return err
end

local catchers = { [pcall] = true, [xpcall] = true }

-- True if a function that runs may catch an error.
local function is_caught()
  for level = 2, math.huge do
    local info = debug.getinfo(level, "f")
    if not info then return false end
    if catchers[info.func] then return true end
  end
end

local is_inside = false -- moonbow runs, called from the main coroutine

local function leave(ok, ...)
  is_inside = false
  if ok then return ... end
  local err = ...
  if type(err) ~= "string" or is_caught() then error(err, 0) end
  error(setmetatable({ text = err .. trace }, Failure), 0)
end

local function guarded(f)
  return counted.stand_in(function(...)
    local _, is_main = coroutine.running()
    if is_inside or not is_main then return f(...) end
    is_inside = true
    return leave(xpcall(f, remember, ...))
  end, f)
end

local function guard_all(functions, names)
  for key, f in pairs(functions) do
    local is_named = type(key) == "string" and (not names and key:sub(1, 2) ~= "__" or names and names[key])
    if type(f) == "function" and is_named then functions[key] = guarded(f) end
  end
end

local operators = {}
for name in ("add sub mul div mod pow unm idiv lt le concat call newindex"):gmatch "%a+" do
  operators["__" .. name] = true
end

local function guard_module(module)
  guard_all(module)
  for _, inner in pairs(module) do
    if type(inner) == "table" and not getmetatable(inner) then guard_module(inner) end
  end
end

--- Guards all functions and methods of the module.
return function(mb)
  if os.getenv "MOONBOW_TRACEBACK" then return end
  guard_module(mb)
  for _, class in pairs(counted.classes) do
    guard_all(class)
    guard_all(class, operators)
  end
  for _, class in pairs(Layer.classes) do guard_all(class, operators) end
  guard_all(core.tensor_metatable, operators)
end
