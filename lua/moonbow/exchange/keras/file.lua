--- A file of Keras: the description of its model, if it has one, and where its weights are. Three kinds: .keras (a zip
-- with config.json and model.weights.h5), .weights.h5 of Keras 3, and the HDF5 files of Keras 1 and 2.
local core = require "moonbow.core"
local check = require "moonbow.check"
local hdf5 = require "moonbow.io.hdf5"
local kind_of = require "moonbow.exchange.kinds"
local json = require "moonbow.io.json"
local trim = require "moonbow.io.trim"
local zip = require "moonbow.io.zip"

local file = {}

local File = {}
File.__index = File

local function fail(format, ...) error(format:format(...), 0) end

-- A JSON value without null: absent in objects, false in lists.
local function without_null(value)
  if type(value) ~= "table" then return value end
  local is_list = #value > 0
  for key, inner in pairs(value) do
    if inner == json.null then
      value[key] = is_list and false or nil
    else
      without_null(inner)
    end
  end
  return value
end

local function decode(text, what)
  local value, err = json.decode(text)
  if type(value) ~= "table" then fail("%s: %s", what, err or "no object") end
  return without_null(value)
end

-- Returns the entries of a zip by name.
local function unzip(bytes)
  local found = {}
  for _, entry in ipairs(zip.entries(bytes) or fail("it is a damaged zip archive")) do found[entry.name] = entry end
  local function content(name)
    local text, err = zip.content(bytes, found[name] or fail("it is a zip archive without %s: no file of Keras", name))
    return text or fail("%s", err)
  end
  return content
end

-- Lists the objects of an HDF5 file by path.
local function open(self, bytes)
  local objects, err = hdf5.objects(bytes)
  if not objects then fail("%s", err) end
  self.bytes, self.objects = bytes, {}
  for _, object in ipairs(objects) do self.objects[object.path] = object end
  self.base = self.objects["/model_weights"] and "/model_weights" or ""
  local root = self.objects[self.base == "" and "/" or self.base]
  self.layer_names = root and root.attributes.layer_names
  if type(self.layer_names) == "string" then self.layer_names = { self.layer_names } end
end

--- Opens the bytes of a file. Raises a message without position for what is none.
function file.open(bytes)
  local self = setmetatable({ scope = { group = "/layers/", counts = {} } }, File)
  local other = kind_of(bytes) or ""
  if other:find "^a file of torch" or other:find "^a safetensors" then fail("it is no file of Keras, but %s", other) end
  if bytes:sub(1, 4) == "PK\3\4" then
    local content = unzip(bytes)
    self.config = decode(content "config.json", "config.json")
    open(self, content "model.weights.h5")
    self.is_3 = true
    return self
  end
  if not hdf5.matches(bytes) then fail("it is neither a zip archive nor an HDF5 file") end
  open(self, bytes)
  local about = self.objects["/"] and self.objects["/"].attributes or {}
  local text = about.model_config
  self.is_3 = type(about.keras_version) ~= "string" or about.keras_version:match "^%d+" == "3"
  if type(text) == "string" then self.config = decode(text, "model_config") end
  if not (self.layer_names or self.objects["/layers"]) then fail("it is no file of Keras: it has no layers") end
  return self
end

-- ---- weights ----

--- The name of the group that Keras 3 gives a layer of a class: its letters in lower case, words joined by "_".
function file.snake_case(class)
  return (class:gsub("(.)([A-Z][a-z0-9]+)", "%1_%2"):gsub("([a-z])([A-Z])", "%1_%2"):lower())
end

--- The name of the next layer of a class, as Keras 3 counts them: "dense", "dense_1", ...
function file.counted(counts, class)
  local name = file.snake_case(class)
  local count = counts[name] or 0
  counts[name] = count + 1
  return count == 0 and name or ("%s_%d"):format(name, count)
end

-- The paths of the weights in the group of a layer, in the files of Keras 1 and 2.
local function named_paths(self, name)
  local group = self.objects[self.base .. "/" .. name]
  local names = group and group.attributes.weight_names
  if type(names) == "string" then names = { names } end
  local paths = {}
  for i, weight in ipairs(type(names) == "table" and names or {}) do
    paths[i] = ("%s/%s/%s"):format(self.base, name, tostring(weight))
  end
  return paths
end

local function numbered_paths(self, group)
  local paths = {}
  while self.objects[("%s/%d"):format(group, #paths)] do paths[#paths + 1] = ("%s/%d"):format(group, #paths) end
  return paths
end

-- The groups within that of a layer of Keras 3, in the order in which Keras lists their weights.
local within = { "", "cell/", "query_dense/", "key_dense/", "value_dense/", "output_dense/", "forward_layer/cell/",
  "backward_layer/cell/" }

-- The paths of a layer's weights, of those in the group of the outermost model that it is in. Their names have the
-- layer's name between slashes, behind that of the model that it is in or, in Keras 2, mostly without it.
local function paths_within(self, scope, name)
  for _, part in ipairs { ("/%s/%s/"):format(scope.model, name), ("/%s/"):format(name) } do
    local found = {}
    for _, path in ipairs(named_paths(self, scope.name)) do
      local names = path:sub(#self.base + #scope.name + 2) .. "/"
      if names:find(part, 1, true) then found[#found + 1] = path end
    end
    if #found > 0 then return found end
  end
  return {}
end

--- The paths of the weights of the next layer of a class. Call it for each layer of the model, in order.
-- @param name of the layer in the description
-- @param scope of the model that the layer is in (File:inside); that of the whole unless given
function File:paths_of(class, name, scope)
  scope = scope or self.scope
  if self.layer_names then
    return scope.name and paths_within(self, scope, name) or named_paths(self, name)
  end
  local group, all = scope.group .. file.counted(scope.counts, class) .. "/", {}
  for _, inner in ipairs(within) do
    local paths = numbered_paths(self, group .. inner .. "vars")
    table.move(paths, 1, #paths, #all + 1, all)
  end
  return all
end

--- The scope of a model in a model: where the weights of its layers are.
-- @param class, name of the model
function File:inside(class, name, scope)
  scope = scope or self.scope
  return { counts = {}, name = scope.name or name, model = name,
    group = ("%s%s/layers/"):format(scope.group, file.counted(scope.counts, class)) }
end

--- The paths of the weights of all layers that have some, in the order of the file, which Keras 1 and 2 keep: a list of
-- lists. Nil for a file of Keras 3.
function File:paths_in_order()
  if not self.layer_names then return nil end
  local found = {}
  for _, name in ipairs(self.layer_names) do
    local paths = named_paths(self, tostring(name))
    if #paths > 0 then found[#found + 1] = paths end
  end
  return found
end

--- True if moonbow wrote the file, or Keras what it had read of such a file.
function File:is_of_moonbow()
  local config = self.config and self.config.config
  if config then return config.name == "moonbow" end
  local root = self.objects["/vars"] -- which Keras 3 always writes
  return not self.layer_names and (not root or root.attributes.name == "moonbow")
end

--- The number of layers in a file of Keras 3 by the names of their classes in groups, with those without weights; nil
-- and the number of all layers for a file of Keras 1 and 2.
function File:layer_counts()
  if self.layer_names then return nil, #self.layer_names end
  local counts = {}
  for path in pairs(self.objects) do
    local name = path:match "^/layers/([^/]+)$"
    if name then
      name = name:gsub("_%d+$", "")
      counts[name] = (counts[name] or 0) + 1
    end
  end
  return counts
end

--- Raises if a file of Keras 3 has weights of a layer that paths_of was not called for.
function File:check_all_taken()
  for path, object in pairs(self.objects) do
    local group = object.kind == "dataset" and path:match "^/layers/([^/]+)/"
    local stem = trim.right(group or "", "%d") -- without the number, which the first of a class lacks
    local count, number = self.scope.counts[stem:gsub("_$", "")] or 0, tonumber((group or ""):sub(#stem + 1)) or 0
    if group and number >= count then error(("the network has no layer for %s"):format(path), 0) end
  end
end

--- The shape of the dataset at a path.
function File:shape_of(path)
  local object = self.objects[path]
  if not (object and object.kind == "dataset" and object.shape) then
    fail("there are no weights at %s", check.show(path))
  end
  return object.shape
end

--- Reads datasets as tensors: a table by their paths.
function File:read(paths)
  local tensors = {}
  if #paths == 0 then return tensors end
  local values, reasons = hdf5.read(self.bytes, paths)
  if not values then fail("%s", reasons) end
  for _, path in ipairs(paths) do
    local object, bytes = self.objects[path], values[path]
    if object.type == "opaque" then -- as h5py writes numbers that NumPy does not have
      fail("%s holds bfloat16, which is not read; save the model with layers of the dtype float32", path)
    end
    if type(bytes) ~= "string" then fail("%s: %s", path, reasons[path] or "it holds no numbers") end
    local shape = self:shape_of(path)
    if #shape < 1 or #shape > 4 or #bytes == 0 then fail("%s: weights of shape %s", path, check.show_shape(shape)) end
    tensors[path] = core.decode(bytes, 1, object.type, false, shape) or fail("%s: numbers too large for float32", path)
  end
  return tensors
end

return file
