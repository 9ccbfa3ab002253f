--- Prints plain tables at the prompt: an entry per line, inner tables in one line each.
local core = require "moonbow.core"
local check = require "moonbow.check"

local MOST, WIDTH = 20, 100 -- entries; characters of a line

local function tells_itself(value)
  local class = debug.getmetatable(value)
  return type(value) ~= "table" or type(class) == "table" and (rawget(class, "__tostring") or rawget(class, "__name"))
end

local function first_line(text)
  local line, rest = text:match "^([^\n]*)\n(.*)$"
  return line and rest ~= "" and line .. " ..." or line or text
end

-- Whole numbers come first.
local function comes_before(a, b)
  local is_whole, is_other_whole = math.type(a) == "integer", math.type(b) == "integer"
  if is_whole ~= is_other_whole then return is_whole end
  if is_whole then return a < b end
  return tostring(a) < tostring(b)
end

-- Entries 1, 2, ... in order, then the other keys.
local function keys_of(t)
  local keys, length = {}, rawlen(t)
  for i = 1, math.min(length, MOST) do keys[i] = i end
  local named = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= length) then named[#named + 1] = key end
  end
  table.sort(named, comes_before)
  local all = length + #named
  for i = 1, math.min(#named, MOST - #keys) do keys[#keys + 1] = named[i] end
  return keys, all - #keys
end

-- "key = ", or "" for the entries 1, 2, ... of a list, whose place says it.
local function prefix(key, t)
  if math.type(key) == "integer" and key >= 1 and key <= rawlen(t) then return "" end
  local is_name = type(key) == "string" and key:find "^[%a_][%w_]*$"
  return (is_name and key or ("[%s]"):format(check.show(key))) .. " = "
end

local show_short

local function is_plain(value) return type(value) ~= "table" or tells_itself(value) end

-- A value in one line; of tables in tables only that they are.
function show_short(value, is_inner)
  if type(value) == "string" then return check.show(value) end
  if type(value) == "function" then return "function" end
  if core.is_tensor(value) then return check.show(value) end
  if is_plain(value) then return first_line(tostring(value)) end
  if next(value) == nil then return "{}" end
  if is_inner then return "{ ... }" end
  local keys, more = keys_of(value)
  local parts, length = {}, 0
  for _, key in ipairs(keys) do
    local entry = value[key]
    local shown = prefix(key, value) .. show_short(entry, not is_plain(entry))
    length = length + #shown + 2
    if length > WIDTH then return "{ " .. table.concat(parts, ", ") .. (#parts > 0 and ", " or "") .. "... }" end
    parts[#parts + 1] = shown
  end
  return "{ " .. table.concat(parts, ", ") .. (more > 0 and ", ..." or "") .. " }"
end

--- The text of a value: its own tostring, or the entries of a plain table.
return function(value)
  if tells_itself(value) then return tostring(value) end
  local short = show_short(value)
  if #short <= WIDTH and not short:find("...", 1, true) then return short end
  local keys, more = keys_of(value)
  local lines = {}
  for i, key in ipairs(keys) do lines[i] = "  " .. prefix(key, value) .. show_short(value[key]) end
  if more > 0 then lines[#lines + 1] = ("  ... %d more"):format(more) end
  return "{\n" .. table.concat(lines, ",\n") .. "\n}"
end
