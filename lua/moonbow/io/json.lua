--- JSON that decodes to what was encoded: equal values give equal texts; a value that JSON cannot hold is refused.
--
-- Integers and floats stay what they are (1 and 1.0), floats keep all their digits, keys are sorted. A table with the
-- elements 1, 2, ..., n is a list; an empty one is {}, unless its metatable says __jsontype = "array".
local check = require "moonbow.check"
local core = require "moonbow.core"
local limits = require "moonbow.io.limits"

local json = {
  --- The metatable of an empty list: setmetatable({}, json.list) is written [].
  list = { __jsontype = "array" },
  --- The value that decode gives for null.
  null = setmetatable({}, { __name = "null", __tostring = function() return "null" end }),
}

local function fail(format, ...) error({ json = format:format(...) }, 0) end

-- Calls f(...); returns nil and a message if it called fail(), and raises other errors again.
local function guarded(f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  if type(result) == "table" and result.json then return nil, result.json end
  if result == "not enough memory" then return nil, result end
  error(result, 0)
end

-- ---- writing ----

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function escape(character) return escapes[character] or ("\\u%04x"):format(character:byte()) end

-- Returns the path of the entry that is being written, such as info.axis[2].
local function place_of(state)
  local place = ""
  for _, key in ipairs(state.path) do
    if type(key) == "number" then
      place = ("%s[%d]"):format(place, key)
    else
      place = place == "" and check.printable(key) or place .. "." .. check.printable(key)
    end
  end
  return place == "" and "the value" or place
end

local function refuse(state, format, ...) fail("%s " .. format, place_of(state), ...) end

local function encode_string(state, value)
  if not utf8.len(value) then refuse(state, "is not valid UTF-8: %s", check.show(value)) end
  return '"' .. value:gsub('[%c"\\]', escape) .. '"'
end

local function encode_number(state, value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value then refuse(state, "is nan, which JSON cannot hold") end
  if value == math.huge or value == -math.huge then refuse(state, "is %s, which JSON cannot hold", value) end
  local text = ("%.15g"):format(value)
  if tonumber(text) ~= value then text = ("%.17g"):format(value) end
  return value % 1 == 0 and not text:find "[.e]" and text .. ".0" or text
end

local encode_value

local function encode_list(state, list)
  local parts, depth = {}, #state.path + 1
  for i = 1, #list do
    state.path[depth] = i
    parts[i] = encode_value(state, list[i])
  end
  state.path[depth] = nil
  return "[" .. table.concat(parts, ",") .. "]"
end

local function sorted_keys(state, object)
  local keys = {}
  for key in pairs(object) do
    if type(key) ~= "string" then
      refuse(state, "has the key %s: expected a list without gaps, or names alone", tostring(key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function encode_object(state, object)
  local keys, parts, depth = sorted_keys(state, object), {}, #state.path + 1
  for i, key in ipairs(keys) do
    state.path[depth] = key
    parts[i] = encode_string(state, key) .. ":" .. encode_value(state, object[key])
  end
  state.path[depth] = nil
  return "{" .. table.concat(parts, ",") .. "}"
end

local function is_list(value)
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  local meta = getmetatable(value)
  if count == 0 then return type(meta) == "table" and meta.__jsontype == "array" end
  return count == #value
end

local writers = {
  string = encode_string, number = encode_number,
  boolean = function(_, value) return tostring(value) end,
  table = function(state, value)
    if value == json.null then return "null" end
    state.depth = state.depth + 1
    if state.depth > limits.depth then refuse(state, "is nested more than limits.depth = %d deep", limits.depth) end
    local text = (is_list(value) and encode_list or encode_object)(state, value)
    state.depth = state.depth - 1
    return text
  end,
}

function encode_value(state, value)
  state.entries = state.entries + 1
  if state.entries > state.most then fail("it has more than limits.entries = %d values", state.most) end
  local write = writers[type(value)] or refuse(state, "is a %s, which JSON cannot hold", type(value))
  return write(state, value)
end

--- Encodes a value as JSON; or returns nil and a message that names the entry: for NaN and infinity, lists with gaps,
-- strings that are not UTF-8, functions and tensors, and values that decode would refuse.
-- @param name of the value, for the message; optional
function json.encode(value, name)
  local state = { entries = 0, depth = 0, most = limits.entries, path = { name } }
  return guarded(core.in_c_locale, encode_value, state, value)
end

-- ---- reading ----

local function fail_at(state, what) fail("not JSON at byte %d: %s", state.at, what) end

local function skip(state)
  if (state.text:byte(state.at) or 0) > 32 then return end
  state.at = state.text:find("[^ \t\r\n]", state.at) or #state.text + 1
end

local plain = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

-- Decodes \uXXXX, or a surrogate pair of two of them. Returns the character and the position after it.
local function decode_unicode(state, at)
  local code = tonumber(state.text:match("^%x%x%x%x", at + 2) or fail_at(state, "a bad escape in a string"), 16)
  if code < 0xD800 or code > 0xDFFF then return utf8.char(code), at + 6 end
  local low = tonumber(state.text:match("^\\u(%x%x%x%x)", at + 6) or "0", 16)
  if code > 0xDBFF or low < 0xDC00 or low > 0xDFFF then fail_at(state, "half of a surrogate pair") end
  return utf8.char(0x10000 + ((code - 0xD800) << 10) + low - 0xDC00), at + 12
end

local function decode_escape(state, at)
  local kind = state.text:sub(at + 1, at + 1)
  if kind == "u" then return decode_unicode(state, at) end
  return plain[kind] or fail_at(state, "a bad escape in a string"), at + 2
end

local function decode_string(state)
  local text, parts, from = state.text, {}, state.at + 1
  while true do
    local stop = text:find('[%z\1-\31"\\]', from) or fail_at(state, "a string without an end")
    parts[#parts + 1] = text:sub(from, stop - 1)
    local mark = text:sub(stop, stop)
    if mark == '"' then
      state.at = stop + 1
      return table.concat(parts)
    end
    if mark ~= "\\" then fail_at(state, "a control character in a string") end
    parts[#parts + 1], from = decode_escape(state, stop)
  end
end

-- Patterns of a JSON number, the most frequent first.
local number_forms = {}
for i, exponent in ipairs { "", "[eE][+-]?%d+" } do
  for j, digits in ipairs { "[1-9]%d*%.%d+", "0%.%d+", "[1-9]%d*", "0" } do
    number_forms[4 * (i - 1) + j] = "^-?" .. digits .. exponent .. "$"
  end
end

local function decode_number(state)
  local text = state.text:match("^[-+.%w]+", state.at) or ""
  for _, form in ipairs(number_forms) do
    if text:find(form) then
      local value = tonumber(text)
      if value == math.huge or value == -math.huge then fail_at(state, "a number that is too large") end
      state.at = state.at + #text
      return value
    end
  end
  fail_at(state, "a value is expected")
end

local words = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

local function decode_word(state)
  local word = words[state.text:sub(state.at, state.at)]
  if state.text:sub(state.at, state.at + #word[1] - 1) ~= word[1] then fail_at(state, "a value is expected") end
  state.at = state.at + #word[1]
  return word[2]
end

local decode_value

-- Reads the elements between an opening mark, which is the next byte, and the closing one, each with read_one(state).
-- Returns true if there are none.
local function decode_between(state, closing, read_one)
  state.at = state.at + 1
  skip(state)
  local is_empty = state.text:sub(state.at, state.at) == closing
  if is_empty then state.at = state.at + 1 end
  local mark = is_empty and closing
  while mark ~= closing do
    read_one(state)
    mark = state.text:sub(state.at, state.at)
    if mark ~= "," and mark ~= closing then fail_at(state, ("',' or '%s' is expected"):format(closing)) end
    state.at = state.at + 1
  end
  return is_empty
end

local function decode_list(state)
  local list = {}
  local is_empty = decode_between(state, "]", function() list[#list + 1] = decode_value(state) end)
  return is_empty and setmetatable(list, json.list) or list
end

local function decode_member(state, object)
  skip(state)
  if state.text:sub(state.at, state.at) ~= '"' then fail_at(state, "a name is expected") end
  local key = decode_string(state)
  if not utf8.len(key) then fail_at(state, "a name that is not UTF-8") end
  if object[key] ~= nil then fail_at(state, ("the name %s comes twice"):format(check.show(key))) end
  skip(state)
  if state.text:sub(state.at, state.at) ~= ":" then fail_at(state, "':' is expected") end
  state.at = state.at + 1
  object[key] = decode_value(state)
end

local function decode_object(state)
  local object = {}
  decode_between(state, "}", function() decode_member(state, object) end)
  return object
end

local containers = { ["["] = decode_list, ["{"] = decode_object }
local scalars = { ['"'] = decode_string, t = decode_word, f = decode_word, n = decode_word }

local function decode_container(state, decode)
  state.depth = state.depth + 1
  if state.depth > limits.depth then
    fail_at(state, ("nested more than limits.depth = %d deep"):format(limits.depth))
  end
  local value = decode(state)
  state.depth = state.depth - 1
  return value
end

function decode_value(state)
  skip(state)
  state.entries = state.entries + 1
  if state.entries > state.most then fail_at(state, ("more than limits.entries = %d values"):format(state.most)) end
  local mark = state.text:sub(state.at, state.at)
  local decode = scalars[mark] or containers[mark] and decode_container or decode_number
  local value = decode(state, containers[mark])
  skip(state)
  return value
end

local function decode_whole(text)
  local state = { text = text, at = 1, entries = 0, depth = 0, most = limits.entries }
  local value = decode_value(state)
  if state.at <= #text then fail_at(state, "something follows the value") end
  return value
end

--- Decodes a JSON text; or returns nil and a message: for invalid JSON, names that occur twice or are not UTF-8, and
-- values beyond mb.limits. Other strings may hold any bytes, since files of older versions have such strings. null
-- gives json.null; an empty list has the metatable json.list.
function json.decode(text) return guarded(decode_whole, text) end

return json
