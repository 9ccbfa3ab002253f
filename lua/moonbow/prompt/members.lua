--- Fields and methods of a value, found without running code: raw fields, and fields of classes that are tables.
local core = require "moonbow.core"
local counted = require "moonbow.counted"
local returned = require "moonbow.prompt.returned"
local scan = require "moonbow.prompt.scan"

local members = {}

local MOST = 1000 -- fields that are looked at, so that a large table takes no time

-- The table in which missing fields of a value are looked up: __index of its metatable. If __index is a function: the
-- class for classes of moonbow, whose methods are in it; otherwise nil.
local function behind(value)
  if core.is_tensor(value) then return core.tensor_methods end
  local class = debug.getmetatable(value)
  local index = type(class) == "table" and rawget(class, "__index")
  if type(index) == "function" and counted.classes[rawget(class, "__name")] == class then return class end
  return type(index) == "table" and index ~= value and index or nil
end

-- Calls f(table) for the tables in which fields of a value are looked up, in order, until it returns something.
local function each_table(value, f)
  for _ = 1, 10 do
    if type(value) == "table" then
      local found = f(value)
      if found ~= nil then return found end
    end
    value = behind(value)
    if value == nil then return nil end
  end
end

--- The field of a value, or nil: as value[key], but no function is called.
function members.get(value, key)
  if core.is_tensor(value) and math.type(key) == "integer" then
    return core.rank(value) > 1 and value or nil -- a row is a tensor, too
  end
  return each_table(value, function(t) return rawget(t, key) end)
end

--- The value that scan.chain names, or nil. Of the result of a call only the class is known: a tensor, unless
-- moonbow.prompt.returned says otherwise.
-- @return value; nil and the methods of its class
function members.resolve(chain)
  if not chain or chain.unknown then return nil end
  local value, methods = rawget(_G, chain[1]), nil
  for i = 2, #chain do
    local step = chain[i]
    if step == scan.CALL then
      local class = type(value) == "function" and returned.class(value) or "tensor"
      value, methods = nil, counted.classes[class]
    elseif methods and type(step) == "string" then
      value, methods = rawget(methods, step), nil
    elseif not methods then
      value = members.get(value, step)
    end
  end
  return value, methods
end

--- Calls f(key, entry) for the entries of a table; if there are very many, for the first ones.
function members.each(t, f)
  local key, entry = next(t)
  for _ = 1, MOST do
    if key == nil then return end
    f(key, entry)
    key, entry = next(t, key)
  end
end

local function is_name(key) return type(key) == "string" and key:find "^[%a_][%w_]*$" end

--- The names of a value that begin so.
-- @param methods true: only functions, which may be of its classes, for those behind a colon; else only its own fields
-- @return list, not sorted
function members.names(value, prefix, methods)
  local names, seen = {}, {}
  local function add(key, entry)
    local is_shown = is_name(key) and key:sub(1, #prefix) == prefix and (prefix ~= "" or key:sub(1, 1) ~= "_")
    if not is_shown or seen[key] or methods and type(entry) ~= "function" then return end
    names[#names + 1], seen[key] = key, true
  end
  each_table(value, function(t)
    if t ~= value and not methods then return true end
    members.each(t, add)
  end)
  return names
end

return members
