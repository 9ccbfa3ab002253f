--- Tab completion at the prompt: a function of the text before the cursor and of the global variables. It calls
-- nothing of the user's: no function, no metamethod.
local core = require "moonbow.core"
local counted = require "moonbow.counted"
local Layer = require "moonbow.nn.layer"
local members = require "moonbow.prompt.members"
local options = require "moonbow.prompt.options"
local scan = require "moonbow.prompt.scan"
local strings = require "moonbow.prompt.strings"

local MOST = 1000 -- bytes before the cursor that are searched for a name and its object

local function begins(text, prefix) return text:sub(1, #prefix) == prefix end

-- Functions of classes of layers that only moonbow calls (see mb.nn.class).
local hooks = { forward = true, make = true, output_shape = true, macs = true, convolve = true, normalise = true }

local function is_inner(class, name) return counted.is_inside(class, name) or class == "layer" and hooks[name] end

-- The name of the class whose methods a value has, or nil.
local function class_of(value, methods)
  if Layer.is_layer(value) then return "layer" end
  methods = methods or type(value) == "table" and debug.getmetatable(value)
  for name, class in pairs(counted.classes) do
    if class == methods then return name end
  end
end

-- Fields behind a dot, methods behind a colon. An unknown value is taken for a tensor, the most frequent result.
local function of_object(before, separator, prefix)
  local chain, is_method = scan.chain(before), separator == ":"
  if not chain then return {} end
  if chain.unknown then
    return is_method and members.names(core.tensor_methods, prefix, true) or {}
  end
  local value, methods = members.resolve(chain)
  if methods and not is_method then return {} end
  local names, class = {}, is_method and class_of(value, methods)
  for _, name in ipairs(members.names(methods or value, prefix, is_method)) do
    if not (class and is_inner(class, name)) then names[#names + 1] = name end
  end
  return names
end

local function of_option_names(known, given, prefix)
  local found = {}
  for name in pairs(known) do
    if not given[name] and begins(name, prefix) then found[#found + 1] = name .. " = " end
  end
  return found
end

local function of_globals(prefix)
  local found = members.names(_G, prefix, false)
  for word in pairs(scan.keywords) do
    if prefix ~= "" and begins(word, prefix) then found[#found + 1] = word end
  end
  return found
end

-- Names of variables, options or values that can stand at the cursor.
local function of_names(text, open, prefix)
  local bracket, before = open[#open], text:sub(1, #text - #prefix)
  local last = before:sub(-MOST):match "(%S)%s*$"
  local name, option = options.of_value(before, open)
  local values = name and last == "=" and prefix == "" and options.values(name, option)
    or prefix == "" and options.entries(before, open)
  local is_table = option and (option.kinds == "table" or option.kinds == "table|function")
  if name and last == "=" and prefix == "" and option.inner and is_table then return { "{ " } end
  if values then
    local quoted = {}
    for i, value in ipairs(values) do quoted[i] = '"' .. value .. '"' end
    return quoted
  end
  if prefix == "" and (last == "(" or last == ",") and options.expected(open) then return { "{ " } end
  local known = (last == "{" or last == "," or last == ";") and options.at(open)
  local found = known and of_option_names(known, bracket.keys, prefix) or {}
  if known and (prefix == "" or #found > 0) then return found end
  return of_globals(prefix)
end

local function in_string(text, unfinished, open, mb)
  local prefix = text:sub(unfinished.from)
  local found, are_paths = strings.candidates(text:sub(1, unfinished.from - 2), prefix, open, mb)
  local is_folder = are_paths and #found == 1 and found[1]:sub(-1) == "/"
  return prefix, found, is_folder and "" or unfinished.quote
end

local function in_code(text, open)
  local tail = text:sub(-MOST)
  local prefix = tail:match "[%a_][%w_]*$" or ""
  local before = tail:sub(1, #tail - #prefix)
  local head, separator = before:match "^(.-)%s*([.:])%s*$"
  local is_joined = head and head:find "[.:]$" -- a .. b
  local is_number = before:find "%d$" or head and not is_joined and head:find "%f[%w_]%d+$"
  if is_number then return prefix, {}, "" end
  if head and not is_joined then return prefix, of_object(head, separator, prefix), "" end
  return prefix, of_names(text, open, prefix), ""
end

local unquoted = { ["--"] = true, ["["] = true } -- comments and long strings

--- The completions of the text at the cursor.
-- @param text the statement from its first line up to the cursor
-- @param mb the module
-- @return prefix = the end of the text that is being completed; sorted list of completions, each beginning with the
--   prefix; the text to append if there is only one
return function(text, mb)
  local open, unfinished = scan.open(text)
  if unfinished and unquoted[unfinished.quote] then return "", {}, "" end
  local prefix, found, append
  if unfinished then
    prefix, found, append = in_string(text, unfinished, open, mb)
  else
    prefix, found, append = in_code(text, open)
  end
  table.sort(found)
  return prefix, found, append
end
