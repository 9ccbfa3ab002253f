--- The reference as LuaCATS annotations, for lua-language-server and editors that use it.
local counted = require "moonbow.counted"

local luacats = {}

-- Types of LuaCATS for kinds of check.kind, if the names differ.
local types = {
  any = "any", generator = "moonbow.rng", finite = "number", positive = "number", ["non-negative"] = "number",
  real = "number", ["positive real"] = "number", ["non-negative real"] = "number", fraction = "number",
  ["fraction below 1"] = "number", ["positive integer"] = "integer", ["non-negative integer"] = "integer",
  ["list of non-negative integers"] = "integer[]",
}
for class in pairs(counted.classes) do types[class] = "moonbow." .. class end

local function each_type(kinds)
  return (kinds:gsub("[^|]+", function(kind) return types[kind] end))
end

local function in_line(text) return (text or ""):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "") end

local function say(lines, format, ...) lines[#lines + 1] = (format:format(...):gsub("[ #]+$", "")) end

local function say_text(lines, text)
  for line in (text .. "\n"):gmatch "(.-)\n" do say(lines, "--- %s", line) end
end

-- ---- option tables ----

-- Types of LuaCATS for kinds, with the class of the options in the place of table.
local function with_class(kinds, class) return (each_type(kinds):gsub("%f[%w_.]table%f[^%w_.]", class)) end

local function type_of_option(option)
  if option.class then
    local is_list = (option.text or ""):find "^a list of"
    return with_class(option.kinds, option.class .. (is_list and "[]" or ""))
  end
  if option.names then return '"' .. table.concat(option.names, '"|"') .. '"' end
  return each_type(option.kinds)
end

local function default_of(option)
  local value = option.default
  if value == nil or type(value) == "table" then return "" end
  return (" (%s)"):format(type(value) == "string" and ("%q"):format(value) or tostring(value))
end

-- Adds a class for the options of an entry below a prefix ("" or "early_stopping."), after the classes inside it.
local function say_options(lines, class, options, prefix)
  local own = {}
  for _, option in ipairs(options) do
    local name = option.name:sub(1, #prefix) == prefix and option.name:sub(#prefix + 1) or "."
    if not name:find(".", 1, true) then own[#own + 1] = { option, name } end
  end
  for _, pair in ipairs(own) do
    local option, name = pair[1], pair[2]
    if option.inner then
      option.class = class .. "." .. name
      say_options(lines, option.class, options, option.name .. ".")
    end
  end
  say(lines, "---@class %s", class)
  for _, pair in ipairs(own) do
    local option, name = pair[1], pair[2]
    say(lines, "---@field %s%s %s %s%s", name, option.required and "" or "?", type_of_option(option),
      in_line(option.text), default_of(option))
  end
  say(lines, "---@field [integer] any\n")
end

-- ---- functions ----

-- Functions whose table of options may be a list: a language server takes no list for a class.
local lists = {
  ["nn.Sequential"] = "moonbow.layer[]", ["nn.Concat"] = "moonbow.layer[]", ["nn.Residual"] = "moonbow.layer[]",
  ["plot.lines"] = "any[]", ["plot.scatter"] = "any[]", ["plot.histogram"] = "any[]", ["plot.bars"] = "any[]",
  ["plot.heatmap"] = "any[]", ["plot.grid"] = "moonbow.figure|moonbow.figure[]",
}

local function type_of_parameter(entry, i, class)
  local kind = entry.parameters[i].type
  if #entry.options == 0 or entry.taken.position ~= i then return each_type(kind) end
  return with_class(kind, class) .. (lists[entry.path] and "|" .. lists[entry.path] or "")
end

-- A result of several classes would not be accepted as any one of them, so it is any, as is the model of mb.load.
local function type_of_result(result)
  local kind = each_type(result.type)
  local _, classes = kind:gsub("moonbow%.", "")
  if classes > 1 then return "any" end
  return kind .. ((result.text:find "; or nil" or result.text:find "or nil and") and "|nil" or "")
end

local function say_function(lines, entry)
  local class = "moonbow." .. entry.path:gsub("[:]", ".") .. ".options"
  if #entry.options > 0 then say_options(lines, class, entry.options, "") end
  say_text(lines, entry.text)
  if entry.usage then say_text(lines, "\n```lua\n" .. entry.usage .. "\n```") end
  local names = {}
  for i, parameter in ipairs(entry.parameters) do
    local kind = type_of_parameter(entry, i, class)
    names[i] = parameter.name
    local mark = parameter.optional and parameter.name ~= "..." and "?" or ""
    say(lines, "---@param %s%s %s %s", parameter.name, mark, kind, in_line(parameter.text))
  end
  for _, result in ipairs(entry.returns) do
    say(lines, "---@return %s # %s", type_of_result(result), in_line(result.text))
  end
  local name = entry.kind == "method" and entry.path or "mb." .. entry.path
  say(lines, "function %s(%s) end\n", name, table.concat(names, ", "))
end

-- ---- classes and modules ----

local operators = {
  tensor = [[
---@field [integer] moonbow.tensor|number
---@operator add(moonbow.tensor|number): moonbow.tensor
---@operator sub(moonbow.tensor|number): moonbow.tensor
---@operator mul(moonbow.tensor|number): moonbow.tensor
---@operator div(moonbow.tensor|number): moonbow.tensor
---@operator pow(moonbow.tensor|number): moonbow.tensor
---@operator unm: moonbow.tensor
---@operator len: integer]],
  layer = "---@operator call(moonbow.tensor): moonbow.tensor",
  history = "---@field [integer] table",
}

local function say_fields(lines, fields)
  for _, field in ipairs(fields or {}) do
    say(lines, "---@field %s %s %s", field.name, each_type(field.type), in_line(field.text))
  end
end

local function say_class(lines, entry)
  say_text(lines, entry.text)
  say(lines, "---@class moonbow.%s", entry.name)
  say_fields(lines, entry.fields)
  if operators[entry.name] then say(lines, "%s", operators[entry.name]) end
  say(lines, "local %s = {}\n", entry.name)
end

local function say_value(lines, entry)
  say_text(lines, entry.text)
  if entry.fields then
    say(lines, "---@class moonbow.%s", entry.path)
    say_fields(lines, entry.fields)
  end
  if entry.fields or entry.kind == "module" then
    say(lines, "mb.%s = {}\n", entry.path)
  else
    say(lines, "---@type %s", type(entry.value) == "table" and "string[]" or type(entry.value))
    say(lines, "mb.%s = nil\n", entry.path)
  end
end

-- Adds an alias for each kind of names: moonbow.step.
local function say_names(lines, entries)
  local kinds, order = {}, {}
  for _, entry in ipairs(entries) do
    if entry.path:find '"$' then
      if not kinds[entry.kind] then order[#order + 1], kinds[entry.kind] = entry.kind, {} end
      table.insert(kinds[entry.kind], ('---| "%s" # %s'):format(entry.name, in_line(entry.summary)))
    end
  end
  for _, kind in ipairs(order) do
    say(lines, "---@alias moonbow.%s\n%s\n", kind, table.concat(kinds[kind], "\n"))
  end
end

--- Returns the text of the file for all entries of moonbow.help.entries.
function luacats.text(entries)
  local lines = { "---@meta moonbow\n", "---moonbow: 1-D neural networks on spectra.", "---@class moonbow",
    "local mb = {}\n" }
  say_names(lines, entries)
  for _, kinds in ipairs { { class = say_class }, { module = say_value, value = say_value },
    { ["function"] = say_function, method = say_function } } do
    for _, entry in ipairs(entries) do
      if kinds[entry.kind] then kinds[entry.kind](lines, entry) end
    end
  end
  lines[#lines + 1] = "return mb\n"
  return table.concat(lines, "\n")
end

luacats.types = types
return luacats
