--- Checks of arguments and option tables, and the one way to raise an error.
-- Errors carry the position of the nearest caller outside moonbow.
local core = require "moonbow.core"

local check = {}

--- Raises "operation: message", blaming the user's line.
-- @param operation name for the message, as the user called it
-- @param format and the rest: as for string.format
function check.fail(operation, format, ...)
  core.raise(operation .. ": " .. format:format(...))
end

--- Raises err again with the path of a layer before the message, its position kept once.
function check.rethrow(path, err)
  if type(err) ~= "string" then error(err, 0) end
  local where = core.call_site()
  if where ~= "" and err:sub(1, #where) == where then err = err:sub(#where + 1) end
  core.raise(path .. err)
end

--- Returns a message without the position that check.fail put before it.
function check.reason(err)
  local where = core.call_site()
  return type(err) == "string" and err:sub(1, #where) == where and err:sub(#where + 1) or tostring(err)
end

local OWN = debug.getinfo(1, "S").source:match "^(.-)check%.lua$" or "@moonbow/"
local FAULT = "fault of moonbow: "

-- Marks an error of Lua itself in moonbow's code, which carries the position of the line where it arose. What is raised
-- on purpose has the user's position, or none.
local function mark_fault(err)
  if type(err) ~= "string" then return err end
  for level = 2, math.huge do
    local info = debug.getinfo(level, "Sl")
    if not info then return err end
    if info.currentline > 0 then
      local where = ("%s:%d:"):format(info.short_src, info.currentline)
      local is_fault = info.source:sub(1, #OWN) == OWN and err:sub(1, #where) == where
      return is_fault and debug.traceback(FAULT .. err, 2) or err
    end
  end
end

local function pass_faults(ok, ...)
  local err = ...
  if not ok and type(err) == "string" and err:sub(1, #FAULT) == FAULT then error(err, 0) end
  return ok, ...
end

--- Calls f(...) as pcall does, for code that refuses bad input by raising; but a programming error in moonbow, such as
-- an index of nil, is raised again, with a traceback, rather than taken for a refusal.
function check.refusal(f, ...) return pass_faults(xpcall(f, mark_fault, ...)) end

local warned = {}

--- Writes "warning: FILE:LINE: operation: message" to standard error, once for each text: for input that is allowed but
-- probably a mistake. The line is in the user's code; arguments as for check.fail.
function check.warn(operation, format, ...)
  local text = ("%s%s: %s"):format(core.call_site(), operation, check.printable(format:format(...)))
  if warned[text] then return end
  warned[text] = true
  io.stderr:write("warning: ", text, "\n")
end

-- Letters to change, add, leave out or swap with their neighbours until a is b.
local function edit_distance(a, b)
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local next_row = { [0] = i }
    for j = 1, #b do
      local is_same = a:byte(i) == b:byte(j)
      next_row[j] = math.min(row[j - 1] + (is_same and 0 or 1), row[j] + 1, next_row[j - 1] + 1)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        next_row[j] = math.min(next_row[j], before[j - 2] + 1)
      end
    end
    before, row = row, next_row
  end
  return row[#b]
end

local LONGEST_NAME = 64 -- longer texts are not compared with names, which would cost their length each time

--- Returns the name in the list nearest to the text, or nil if none is near.
function check.nearest(typed, names)
  if #typed > LONGEST_NAME then return nil end
  local best, best_distance
  for _, name in ipairs(names) do
    local distance = edit_distance(typed:lower(), name:lower())
    if not best or distance < best_distance then best, best_distance = name, distance end
  end
  if best and best_distance <= math.max(2, #typed // 2) then return best end
end

local function escape(bytes)
  return (bytes:gsub(".", function(byte) return ("\\x%02X"):format(byte:byte()) end))
end

--- Escapes a text from outside for printing: control characters, marks that change the direction of writing, and bytes
-- that are not UTF-8 become \xNN.
function check.printable(text)
  text = text:gsub("[\0-\31\127]", escape):gsub("\194[\128-\159]", escape)
  text = text:gsub("\226\128[\142\143\168-\174]", escape):gsub("\226\129[\166-\169]", escape)
  if utf8.len(text) then return text end
  return (text:gsub("[\128-\255]+", function(run) return utf8.len(run) and run or escape(run) end))
end

--- Returns a short text of a value for messages, with the shape of tensors and the name of a class.
function check.show(value)
  if core.is_tensor(value) then return "tensor " .. check.show_shape(core.shape(value)) end
  if type(value) == "string" then
    local short = #value > 40 and value:sub(1, 40):gsub("[\192-\255][\128-\191]*$", "") .. "..." or value
    return "'" .. check.printable(short) .. "'"
  end
  if value ~= value then return "NaN" end
  if type(value) == "number" or value == nil or type(value) == "boolean" then return tostring(value) end
  local class = type(value) == "table" and getmetatable(value)
  return "a " .. (type(class) == "table" and rawget(class, "__name") or type(value))
end

--- Returns {2, 3} as "{2, 3}".
function check.show_shape(shape)
  return "{" .. table.concat(shape, ", ") .. "}"
end

--- Returns a text that begins with a capital letter.
function check.capital(text) return (text:gsub("^%l", string.upper)) end

--- Returns a number of things as a text: "1 spectrum", "3 spectra".
-- @param many the plural; one .. "s" unless given
function check.show_count(count, one, many)
  return ("%d %s"):format(count, count == 1 and one or many or one .. "s")
end

-- As luaL_testudata.
local function is_generator(value)
  local class = type(value) == "userdata" and getmetatable(value)
  return type(class) == "table" and class.__index == core.rng_methods
end

local LARGEST_REAL = 0x1.fffffep127 -- of float32: larger numbers would be infinite in a tensor

local function is_finite(value) return type(value) == "number" and math.abs(value) < math.huge end

local function is_real(value) return type(value) == "number" and math.abs(value) <= LARGEST_REAL end

local function is_from_0(value) return type(value) == "number" and (math.tointeger(value) or -1) >= 0 end

-- A list of at least one, and nothing beside its entries.
local function is_list_from_0(value)
  local count = 0
  for key, entry in pairs(type(value) == "table" and value or {}) do
    if math.type(key) ~= "integer" or not is_from_0(entry) then return false end
    count = count + 1
  end
  return count > 0 and count == #value
end

local tests = {
  generator = is_generator,
  any = function(value) return value ~= nil end,
  tensor = core.is_tensor,
  integer = function(value) return type(value) == "number" and math.tointeger(value) ~= nil end,
  number = function(value) return type(value) == "number" and value == value end,
  finite = is_finite,
  positive = function(value) return is_finite(value) and value > 0 end,
  ["non-negative"] = function(value) return is_finite(value) and value >= 0 end,
  real = is_real,
  ["positive real"] = function(value) return is_real(value) and value > 0 end,
  ["non-negative real"] = function(value) return is_real(value) and value >= 0 end,
  ["positive integer"] = function(value) return type(value) == "number" and (math.tointeger(value) or 0) >= 1 end,
  ["non-negative integer"] = is_from_0, ["list of non-negative integers"] = is_list_from_0,
  fraction = function(value) return type(value) == "number" and value >= 0 and value <= 1 end,
  ["fraction below 1"] = function(value) return type(value) == "number" and value >= 0 and value < 1 end,
}

local articles = {
  any = "a value", generator = "a generator, as mb.rng(seed) makes it",
  integer = "an integer", finite = "a finite number", positive = "a positive number",
  ["non-negative"] = "a non-negative number", real = "a finite float32",
  ["positive real"] = "a positive float32",
  ["non-negative real"] = "a non-negative float32", fraction = "a number from 0 to 1",
  ["fraction below 1"] = "a number of at least 0 and below 1",
}

local function is_a(value, kinds)
  local whole = tests[kinds]
  if whole then return whole(value) end
  for kind in kinds:gmatch "[^|]+" do
    local test = tests[kind]
    if test then
      if test(value) then return true end
    elseif type(value) == kind then
      return true
    end
  end
  return false
end

local function describe_kinds(kinds)
  return (kinds:gsub("[^|]+", function(kind) return articles[kind] or "a " .. kind end):gsub("|", " or "))
end

--- Raises unless value is of one of the kinds, joined by "|": Lua type names, or "integer", "finite", "positive",
-- "non-negative", "positive integer", "non-negative integer", "list of non-negative integers", "fraction", "fraction
-- below 1", "tensor", "generator", "any". NaN is of no kind but "any". "real", "positive real" and "non-negative real"
-- are finite in float32, too: for numbers that go into the arithmetic of tensors.
-- Returns value, as an integer if the kind is an integer.
-- @param hint text at the end of the message, without its "; "
function check.kind(operation, name, value, kinds, hint)
  if not is_a(value, kinds) then
    check.fail(operation, "%s: expected %s, got %s%s", name, describe_kinds(kinds), check.show(value),
      hint and "; " .. hint or "")
  end
  if type(value) == "number" and kinds:find("integer", 1, true) then return math.tointeger(value) or value end
  return value
end

--- Raises unless each value of a list is of one of some kinds; the message names the entry.
function check.each(operation, name, list, kinds)
  for i, value in ipairs(list) do
    if not is_a(value, kinds) then check.kind(operation, ("%s[%d]"):format(name, i), value, kinds) end
  end
end

--- Raises if a function or method got more arguments than it takes: check.no_more("train", 0, ...). nil counts as
-- absent.
-- @param taken number of arguments that it takes, without self; the others follow
function check.no_more(operation, taken, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value ~= nil then
      local expected = taken == 0 and "no arguments" or taken == 1 and "one argument"
        or ("at most %d arguments"):format(taken)
      check.fail(operation, "expected %s, got %s as argument %d", expected, check.show(value), taken + i)
    end
  end
end

local Rule = {}

--- Raises unless a table has entries 1, 2, ..., and no other: entries behind a gap would be ignored.
function check.list(operation, name, list)
  check.kind(operation, name, list, "table")
  for i = 1, #list do
    if list[i] == nil then check.fail(operation, "%s: entry %d of %d is nil", name, i, #list) end
  end
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      check.fail(operation, "%s: expected a list, got an entry [%s]", name, check.printable(tostring(key)))
    end
  end
  return list
end

--- Copies a list of numbers, or a tensor, so that later changes of it have no effect. Raises for an empty list, and for
-- entries that are not finite numbers.
function check.numbers(operation, name, values)
  local is_tensor = core.is_tensor(values)
  local list = is_tensor and core.totable(core.reshape(values, -1)) or check.copy(check.list(operation, name, values))
  if #list == 0 then check.fail(operation, "%s: expected at least one number, got none", name) end
  check.each(operation, name, list, "finite")
  return list
end

--- Marks an option in a table of defaults that may be absent: check.optional "number".
-- @param inner if the option is itself a table of options: their defaults, for check.described
-- @param example a value, as code, for the message if it is of another kind
function check.optional(kinds, inner, example)
  return setmetatable({ kinds = kinds, inner = inner, example = example }, Rule)
end

--- Marks an option in a table of defaults that must be given.
function check.required(kinds) return setmetatable({ kinds = kinds, required = true }, Rule) end

--- Marks an option in a table of defaults that has a default value and may be of other kinds; inner as for
-- check.optional.
function check.default(value, kinds, inner)
  return setmetatable({ kinds = kinds, value = value, inner = inner }, Rule)
end

--- Marks an option in a table of defaults that is a seed, as mb.rng takes it.
function check.seed(value) return check.default(value, "non-negative integer|list of non-negative integers") end

--- Marks an option in a table of defaults that is one of a few names: check.one_of("valid", {"valid", "same"}).
-- The first argument is the default.
function check.one_of(value, names) return setmetatable({ names = names, value = value }, Rule) end

--- The keys of a table in their order; all strings, or all numbers.
function check.sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The keys of a table that may be of several types, as text.
local function shown_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

--- Raises unless value is one of names; the message gives the nearest.
function check.name(operation, name, value, names)
  for _, known in ipairs(names) do
    if value == known then return value end
  end
  local nearest = type(value) == "string" and check.nearest(value, names)
  check.fail(operation, "%s: expected one of '%s', got %s%s", name, table.concat(names, "', '"),
    check.show(value),
    nearest and (" (did you mean '%s'?)"):format(nearest) or "")
end

--- Raises if two entries of a list are the same as text: in a table by name, one would take the place of the other.
function check.distinct(operation, name, list)
  local at = {}
  for i, entry in ipairs(list) do
    local text = tostring(entry)
    if at[text] then
      check.fail(operation, "%s: expected names that differ, got %s at %d and %d", name, check.show(entry), at[text], i)
    end
    at[text] = i
  end
end

--- Reads a name, or a table with it at 1 and options beside it.
-- @param where of the name, for messages
-- @return the name, one of names, and a table of the options
function check.named(operation, where, given, names)
  local options = {}
  for key, value in pairs(type(given) == "table" and given or {}) do
    if key ~= 1 then options[key] = value end
  end
  return check.name(operation, where, type(given) == "table" and given[1] or given, names), options
end

--- Copies plain tables, to any depth; other values, such as tensors and layers, are not copied. Then stored options do
-- not change with the caller's table, nor defaults with a returned one.
function check.copy(value)
  if type(value) ~= "table" or getmetatable(value) then return value end
  local copy = {}
  for key, entry in pairs(value) do copy[key] = check.copy(entry) end
  return copy
end

local function checked_option(operation, key, value, rule)
  if getmetatable(rule) ~= Rule then
    return check.kind(operation, key, value, math.type(rule) and "number" or type(rule))
  end
  if value == nil and rule.value == nil and not rule.required then return nil end
  if value == nil then value = check.copy(rule.value) end
  if rule.names then return check.name(operation, key, value, rule.names) end
  return check.kind(operation, key, value, rule.kinds, rule.example and ("write %s = %s"):format(key, rule.example))
end

local calls = setmetatable({}, { __mode = "k" }) -- defaults -> the call as in check.takes, or true for a constructor

-- Returns "; write Conv1d{ filters = ..., kernel = ... }", or "" if no call was registered for these defaults.
local function how_to_call(operation, defaults)
  local call, parts = calls[defaults], {}
  if not call then return "" end
  if call ~= true then return "; write " .. call end
  for _, key in ipairs(shown_keys(defaults)) do
    local rule = defaults[key]
    if getmetatable(rule) == Rule and rule.required then parts[#parts + 1] = key .. " = ..." end
  end
  return ("; write %s{ %s }"):format(operation, #parts > 0 and table.concat(parts, ", ") or "name = value")
end

local function refuse_key(operation, key, defaults)
  local known = shown_keys(defaults)
  local nearest = type(key) == "string" and check.nearest(key, known)
  local shown = type(key) == "string" and check.show(key) or "[" .. tostring(key) .. "]"
  check.fail(operation, "unknown option %s; %s%s", shown,
    nearest and ("did you mean '%s'?"):format(nearest)
      or #known == 0 and "it takes none" or "known are: " .. table.concat(known, ", "),
    math.type(key) == "integer" and #known > 0 and how_to_call(operation, defaults) or "")
end

--- Fills an option table: given overrides defaults; unknown keys raise, and the message gives the nearest known one;
-- values of the wrong kind raise. A default is a plain value (an option of its type) or one
-- of check.optional, check.required, check.default, check.one_of.
-- @return a new table
function check.options(operation, given, defaults)
  given = given == nil and {} or given
  if type(given) ~= "table" then
    check.fail(operation, "expected a table of options, got %s%s", check.show(given), how_to_call(operation, defaults))
  end
  for key in pairs(given) do
    if defaults[key] == nil then refuse_key(operation, key, defaults) end
  end
  local filled = {}
  for key, rule in pairs(defaults) do
    local value = given[key]
    if value == nil and getmetatable(rule) ~= Rule then value = check.copy(rule) end
    filled[key] = checked_option(operation, key, value, rule)
  end
  return filled
end

local takers = setmetatable({}, { __mode = "k" }) -- function -> arguments of check.takes

--- Registers the options of a function for the prompt and the reference, which look them up without a call.
-- @param position of the argument that holds the options, without the object of a method
-- @param known the defaults that the function passes to check.options
-- @param call how a call looks, for the message if the options are no table; a function whose first argument they are
--   needs none
-- @return the function
function check.takes(f, position, known, call)
  takers[f], calls[known] = { position = position, known = known }, call or position == 1
  return f
end

--- Returns what check.takes registered for a function, { position, known }, or nil.
function check.taken(f) return takers[f] end

--- Returns the options in a table of defaults, by name: each { kinds, default, names (from which it is chosen), inner
-- (defaults of the options in it), required }, all of which may be nil. Entries at 1, 2, ... are not options.
function check.described(known)
  local options = {}
  for name, rule in pairs(known) do
    if type(name) == "string" and getmetatable(rule) == Rule then
      options[name] = { kinds = rule.kinds, default = rule.value, names = rule.names, inner = rule.inner,
        required = rule.required }
    elseif type(name) == "string" then
      options[name] = { kinds = math.type(rule) and "number" or type(rule), default = rule }
    end
  end
  return options
end

return check
