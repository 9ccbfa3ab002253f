--- Makes public functions count their arguments. Lua silently drops arguments that a function does not take, so
-- x:narrow(2, 1, 9) would run as x:narrow(2, 1).
local check = require "moonbow.check"

local counted = { classes = {} } -- tables of methods, by the name of their class

local function weak_keys() return setmetatable({}, { __mode = "k" }) end

local originals = weak_keys() -- counting function -> the function that it calls
local inside = {} -- class -> set of the methods that only moonbow calls
local likes = weak_keys() -- variadic function -> arguments of counted.like

--- Registers that f passes all of its arguments on to another function, except `hidden` ones (0) of its own. Returns f.
function counted.like(f, other, hidden)
  likes[f] = { other = other, hidden = hidden or 0 }
  return f
end

--- Registers that a function wraps another one, which it calls. Returns the wrapper.
function counted.stand_in(stand_in, f)
  originals[stand_in] = originals[f] or f
  return stand_in
end

--- Returns the function that a counting function calls; any other function is returned as it is.
function counted.original(f) return originals[f] or f end

-- Returns the number of arguments of a Lua function; nil if it is variadic or written in C.
local function parameters(f)
  local hidden = 0
  while originals[f] or likes[f] do
    if likes[f] then hidden = hidden + likes[f].hidden end
    f = originals[f] or likes[f].other
  end
  local info = debug.getinfo(f, "u")
  return not info.isvararg and info.nparams - hidden or nil
end

-- Raises unless the first argument has a method of this name: in model.build{ 8, 1 } the object is missing.
local function check_object(name, method, object)
  if type(object) == "table" and type(object[method]) == "function" then return end
  check.fail(name, "expected the object before the arguments, got %s; write object:%s(...), with a colon",
    check.show(object), method)
end

-- Raises for more arguments than f takes; options that are no table, as in nn.Conv1d(32, 3), are the reason given.
local function refuse(name, f, most, own, ...)
  local taken = check.taken(f)
  local options = taken and select(own + taken.position, ...)
  if options ~= nil and type(options) ~= "table" then check.options(name, options, taken.known) end
  if taken and taken.position == 1 and own == 0 then
    check.fail(name, "expected one table, got %d arguments; write %s{ ... }, with braces", select("#", ...), name)
  end
  check.no_more(name, most - own, select(most + 1, ...))
end

-- own: number of arguments that the user does not count, 1 for the object of a method. method: the key under which the
-- object has f; false if f itself, in C, checks its object.
local function wrap(name, f, most, own, method)
  local function counting(...)
    if method then check_object(name, method, (...)) end
    if select("#", ...) > most then refuse(name, f, most, own, ...) end
    return f(...)
  end
  originals[counting] = f
  return counting
end

local function is_countable(key, f)
  return type(f) == "function" and type(key) == "string" and not originals[f] and key:sub(1, 2) ~= "__"
end

local function count_all(functions, prefix, counts, own)
  local is_class = functions.__index == functions
  for key, f in pairs(functions) do
    if is_countable(key, f) then
      local most = counts[key] and counts[key] + own
      if counts[key] == nil then most = parameters(f) end
      functions[key] = most and wrap(prefix .. key, f, most, own, is_class and key) or f
    end
  end
  return functions
end

--- Makes the methods in a table count their arguments; the methods of a class (a table that is its own __index) also
-- check their object. Returns the table. prefix: text before their names in messages. counts: the number of arguments
-- besides the object for methods that are variadic or written in C; false: the method stays as it is, because only
-- moonbow calls it. class: the name of the class in the reference (default: the prefix without its colon).
function counted.methods(methods, prefix, counts, class)
  class = class or prefix:sub(1, -2)
  counted.classes[class], inside[class] = methods, {}
  for name, count in pairs(counts or {}) do inside[class][name] = count == false or nil end
  return count_all(methods, prefix, counts or {}, 1)
end

--- The same for plain functions, and for those in tables without a metatable inside the table, whose key is then a part
-- of the name.
function counted.functions(functions, prefix, counts)
  for key, inner in pairs(functions) do
    if type(inner) == "table" and not getmetatable(inner) then counted.functions(inner, prefix .. key .. ".") end
  end
  return count_all(functions, prefix, counts or {}, 0)
end

--- True if only moonbow calls a method of a class.
function counted.is_inside(class, name) return inside[class][name] or false end

return counted
