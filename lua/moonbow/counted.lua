--- Public functions count their arguments: Lua drops those that a function does not take without a word, so that
-- x:narrow(2, 1, 9) would be x:narrow(2, 1).
local check = require "moonbow.check"

local counted = { classes = {} } -- tables of methods, by the name of their class

local function weak_keys() return setmetatable({}, { __mode = "k" }) end

local originals = weak_keys() -- functions that count, to those they call
local inside = {} -- sets of the methods that only moonbow calls, by class
local likes = weak_keys() -- functions of any arguments, to what counted.like was told of them

--- Says that f hands all of its arguments to another function, behind hidden ones (0) of its own. Returns f.
function counted.like(f, other, hidden)
  likes[f] = { other = other, hidden = hidden or 0 }
  return f
end

--- Says that a function stands for another one, which it calls. Returns it.
function counted.stand_in(stand_in, f)
  originals[stand_in] = originals[f] or f
  return stand_in
end

--- The function that is called by one which counts; any other is returned as it is.
function counted.original(f) return originals[f] or f end

-- How many arguments a Lua function takes; nil where it takes any number, or is written in C.
local function parameters(f)
  local hidden = 0
  while originals[f] or likes[f] do
    if likes[f] then hidden = hidden + likes[f].hidden end
    f = originals[f] or likes[f].other
  end
  local info = debug.getinfo(f, "u")
  return not info.isvararg and info.nparams - hidden or nil
end

-- Raises unless what comes first has a method of the name: model.build{ 8, 1 } has no object.
local function check_object(name, method, object)
  if type(object) == "table" and type(object[method]) == "function" then return end
  check.fail(name, "expected the object before the arguments, got %s; write object:%s(...), with a colon",
    check.show(object), method)
end

-- own: how many of the arguments the user does not see as such, 1 for the object of a method. method: the key under
-- which the object has f; false where f itself, in C, looks at its object.
local function wrap(name, f, most, own, method)
  local function counting(...)
    if method then check_object(name, method, (...)) end
    if select("#", ...) > most then check.no_more(name, most - own, select(most + 1, ...)) end
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

--- Makes the methods in a table count their arguments, and those of a class, a table that is its own __index, ask for
-- their object; returns the table. prefix: what stands before their names in
-- messages. counts: how many arguments besides the object those take that are written in C or take any number; false:
-- the method stays as it is, because nobody but moonbow calls it. class: the name of the class in the reference
-- (default: the prefix without its colon).
function counted.methods(methods, prefix, counts, class)
  class = class or prefix:sub(1, -2)
  counted.classes[class], inside[class] = methods, {}
  for name, count in pairs(counts or {}) do inside[class][name] = count == false or nil end
  return count_all(methods, prefix, counts or {}, 1)
end

--- The same for plain functions, also those in tables without a metatable inside the table, whose names then stand
-- before those of the functions.
function counted.functions(functions, prefix, counts)
  for key, inner in pairs(functions) do
    if type(inner) == "table" and not getmetatable(inner) then counted.functions(inner, prefix .. key .. ".") end
  end
  return count_all(functions, prefix, counts or {}, 0)
end

--- Tells whether nobody but moonbow calls a method of a class.
function counted.is_inside(class, name) return inside[class][name] or false end

return counted
