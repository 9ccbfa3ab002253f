--- The architecture of a model as a plain table, and back; and as text.
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local shown = require "moonbow.shown"
local Layer = require "moonbow.nn.layer"

local function config_of(layer, path, places)
  if places[layer] then return { type = layer.type, same_as = places[layer] } end
  places[layer] = path
  local config = { type = layer.type }
  for key, value in pairs(layer.given) do
    if type(value) == "function" then
      check.fail("config", "%s holds a function (%s), which cannot be saved", layer.type, tostring(key))
    end
    if type(key) == "string" then config[key] = value end
  end
  if layer.layers then
    config.layers = {}
    for i, part in ipairs(layer.layers) do
      config.layers[i] = config_of(part, Layer.path_of_part(path, i), places)
    end
  end
  return config
end

-- The names of each tensor that layers share, also of those that are not made yet: a list of lists.
local function ties_of(layer)
  local names, ties = {}, {}
  local function add(name, identity)
    local tie = names[identity]
    if tie and #tie == 1 then ties[#ties + 1] = tie end
    if tie then tie[#tie + 1] = name else names[identity] = { name } end
  end
  for _, field in ipairs { "weights", "kept" } do
    Layer.visit_tensors(layer, field, function(name, value) add(name, Layer.identity(value)) end)
  end
  Layer.visit_marks(layer, "ties", function(name, tie) add(name, tie.value and Layer.identity(tie.value) or tie) end)
  return #ties > 0 and ties or nil
end

--- The architecture as a plain table: { type = "Conv1d", filters = 64, ... }. A layer that stands in several places is
-- described in the first; the others are { type, same_as = path of the first }. Names of tensors that layers share are
-- listed in ties, those that are frozen in frozen. Raises if it holds a function, which no file can keep.
-- @return table for mb.nn.from_config
function Layer.config(layer)
  Layer.visit(layer, function() end) -- raises if a layer contains itself
  local config = config_of(layer, "", {})
  config.ties = ties_of(layer)
  local frozen = Layer.frozen_names(layer)
  config.frozen = #frozen > 0 and frozen or nil
  return config
end

local function fail(path, message, ...)
  check.fail("from_config", (path == "" and "" or "layer " .. path .. ": ") .. message, ...)
end

-- The layers made so far are in made.layers by their path, and the number of places in each in made.places.
local make

local function again(config, path, made)
  local layer = made.layers[config.same_as]
  if not layer then
    fail(path, "same_as: expected the path of a layer before it, got %s", check.show(config.same_as))
  end
  if config.type ~= layer.type then
    fail(path, "same_as: layer %s is a %s, got the type %s", config.same_as, layer.type, check.show(config.type))
  end
  return layer
end

local function make_parts(config, path, made, level, options)
  local places = 1 -- a layer that stands in two places of one that stands in two places runs four times
  check.kind("from_config", "layers", config.layers, "table")
  for i, part in ipairs(config.layers) do
    options[i] = make(part, Layer.path_of_part(path, i), made, level + 1)
    places = places + made.places[options[i]]
    if places > limits.entries then
      fail(path, "it has more than %d layers (mb.limits.entries)", limits.entries)
    end
  end
  return places
end

function make(config, path, made, level)
  if type(config) ~= "table" or Layer.is_layer(config) then
    fail(path, "expected a description, got %s", check.show(config))
  end
  if level > limits.depth then fail(path, "nested more than %d deep (mb.limits.depth)", limits.depth) end
  if config.same_as ~= nil then return again(config, path, made) end
  local construct = Layer.constructors[config.type]
  if not construct then
    fail(path, "unknown layer %s; one of your own has to be defined by nn.class before", check.show(config.type))
  end
  local options, places = {}, 1
  for key, value in pairs(config) do
    if key ~= "type" and key ~= "layers" and key ~= "ties" and key ~= "frozen" then options[key] = value end
  end
  if config.layers ~= nil then places = make_parts(config, path, made, level, options) end
  local layer = construct(options)
  made.layers[path], made.places[layer] = layer, places
  return layer
end

local function paths_in(layers)
  local paths = check.sorted_keys(layers)
  for i, path in ipairs(paths) do paths[i] = check.show(path) end
  return paths
end

-- Sets layer[field][name of the tensor] = value for each name of a list, "2.weight".
local function mark(layers, field, names, value)
  for i, name in ipairs(check.kind("from_config", field, names, "table")) do
    local path, own = check.kind("from_config", ("%s[%d]"):format(field, i), name, "string"):match "^(.*)%.([^.]*)$"
    local layer = layers[path or ""]
    if not layer then
      fail("", "%s: there is no %s; the paths of layers are %s", field, check.show(name), shown.list(paths_in(layers)))
    end
    layer[field] = layer[field] or {}
    layer[field][own or name] = value
  end
end

--- Makes the layer of a config, not yet built. Raises if the description is none, nested deeper than mb.limits.depth,
-- or has more layers than mb.limits.entries, each counted as often as it stands in a place. Names in ties and frozen
-- that no tensor has raise when the layer is built, which makes them.
-- @param config table as layer:config() gives it
-- @return layer
function Layer.from_config(config)
  check.kind("from_config", "config", config, "table")
  local made = { layers = {}, places = {} }
  local layer = make(config, "", made, 1)
  for _, names in ipairs(check.kind("from_config", "ties", config.ties or {}, "table")) do
    mark(made.layers, "ties", names, {})
  end
  mark(made.layers, "frozen", config.frozen or {}, true)
  return layer
end

local function show_option(value)
  if type(value) == "table" and not getmetatable(value) then
    local parts, keys = {}, {}
    for i, entry in ipairs(value) do parts[i] = show_option(entry) end
    for key in pairs(value) do
      if type(key) == "string" then keys[#keys + 1] = key end
    end
    table.sort(keys)
    for _, key in ipairs(keys) do parts[#parts + 1] = key .. " = " .. show_option(value[key]) end
    return "{ " .. table.concat(parts, ", ") .. " }"
  end
  return type(value) == "string" and ('"%s"'):format(check.printable(value)) or tostring(value)
end

local function show(layer, path, places)
  if places[layer] then return ("nn.%s{} --[[layer %s again]]"):format(layer.type, places[layer]) end
  places[layer] = path
  local parts, keys = {}, {}
  for key in pairs(layer.given) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do parts[#parts + 1] = key .. " = " .. show_option(layer.given[key]) end
  for i, part in ipairs(layer.layers or {}) do
    parts[#parts + 1] = "\n  " .. show(part, Layer.path_of_part(path, i), places):gsub("\n", "\n  ")
  end
  return ("nn.%s{%s}"):format(layer.type, (table.concat(parts, ", "):gsub(", \n", ",\n")))
end

--- The layer as it would be written: nn.Conv1d{filters = 64, kernel = 20}.
-- @return string
function Layer.tostring(layer) return show(layer, "", {}) end
