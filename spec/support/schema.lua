-- Checks a value against a JSON schema: the keywords that docs/results.schema.json uses. An empty table may be either
-- array or object.
local json = require "cjson"

local function type_of(value)
  if value == json.null then return "null" end
  if type(value) ~= "table" then return math.type(value) == "integer" and "integer" or type(value) end
  return #value > 0 and "array" or "object"
end

local function is_of(value, name)
  local is = type_of(value)
  return is == name or name == "number" and is == "integer" or name == "integer" and is == "number" and value % 1 == 0
    or name == "array" and is == "object" and next(value) == nil
end

local check

local keywords = {
  type = function(value, names)
    for _, name in ipairs(type(names) == "table" and names or { names }) do
      if is_of(value, name) then return end
    end
    return "expected " .. (type(names) == "table" and table.concat(names, " or ") or names)
  end,
  enum = function(value, allowed)
    for _, one in ipairs(allowed) do
      if one == value then return end
    end
    return "not one of those allowed: " .. tostring(value)
  end,
  required = function(value, names)
    for _, name in ipairs(names) do
      if value[name] == nil then return "lacks " .. name end
    end
  end,
  minItems = function(value, least) return #value < least and "too short" or nil end,
  items = function(value, schema, path)
    for i, item in ipairs(value) do
      local problem = check(item, schema, ("%s[%d]"):format(path, i))
      if problem then return nil, problem end
    end
  end,
  properties = function(value, schemas, path)
    for name, schema in pairs(schemas) do
      local problem = value[name] ~= nil and check(value[name], schema, path .. "." .. name)
      if problem then return nil, problem end
    end
  end,
}

function check(value, schema, path)
  for keyword, argument in pairs(schema) do
    local problem, inner
    if keywords[keyword] then problem, inner = keywords[keyword](value, argument, path) end
    if keyword == "additionalProperties" and argument == false then
      for name in pairs(value) do
        if not schema.properties[name] then problem = "unknown " .. tostring(name) end
      end
    end
    if problem or inner then return inner or ("%s: %s"):format(path, problem) end
  end
end

--- Returns nil if the value is valid, else the error and its position.
return function(value, schema) return check(value, schema, "results") end
