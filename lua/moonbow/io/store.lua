--- Saves and loads models: weights, architecture and what the model expects of its input.
local core = require "moonbow.core"
local check = require "moonbow.check"
local json = require "moonbow.io.json"
local nn = require "moonbow.nn"
local baselines = require "moonbow.baselines"
local expected = require "moonbow.data.expected"
local preprocess = require "moonbow.data.preprocess"
local record = require "moonbow.train.record"
local safetensors = require "moonbow.io.safetensors"

local store = {}

-- Models that are not layers, by kind: from_state(config, tensors) rebuilds one from its config() and state().
local others = {}
for _, kind in ipairs { "forest", "linear", "logistic", "neighbours", "pca", "pls", "plsda", "ridge" } do
  others[kind] = baselines[kind]
end

local known_info = {
  classes = check.optional "table", axis = check.optional "tensor|table",
  preprocessing = check.optional "table", note = check.optional "string",
  unit = check.optional "string", quantity = check.optional "string",
  training = check.optional "table", validation = check.optional "table",
}

local function kind_of(model) return type(model) == "table" and others[model.kind] and model.kind or nil end

-- ---- what comes with a model ----

local function check_list(name, list, kinds)
  local count = 0
  for _ in pairs(list) do count = count + 1 end
  if count ~= #list then check.fail("info", "%s: expected a list without gaps", name) end
  check.each("info", name, list, kinds)
end

-- The figures of a result of mb.cross_validate, or of what mb.load gave, as plain values; checked.
local function read_validation(given)
  local function kept(name, kinds) return check.kind("info", "validation." .. name, given[name], kinds) end
  local validation = { title = kept("title", "string"), pipeline = kept("pipeline", "string"),
    n = kept("n", "positive integer"), folds = kept("folds", "positive integer"),
    repeats = kept("repeats", "positive integer"), mean = {}, interval = {} }
  for name, value in pairs(kept("mean", "table")) do
    validation.mean[check.kind("info", "validation.mean", name, "string")] = check.kind("info",
      "validation.mean." .. check.printable(name), value, "finite")
    local interval = kept("interval", "table")[name]
    validation.interval[name] = interval and check.numbers("info", "validation.interval", interval) or nil
  end
  for _, interval in pairs(validation.interval) do
    if #interval ~= 2 then check.fail("info", "validation.interval: expected two numbers, got %d", #interval) end
  end
  return validation
end

--- Raises unless info, which came from a file, could be given to save.
function store.check_info(info)
  check.options("info", info, known_info)
  check_list("classes", info.classes or {}, "string|number|boolean")
  check_list("axis", info.axis or {}, "finite")
  preprocess.check("info", info.preprocessing or {})
  record.check("info", "training", info.training or {})
  info.validation = info.validation and read_validation(info.validation)
  if info.axis and #info.axis == 0 then check.fail("info", "axis: expected numbers, got an empty list") end
end

-- Returns the number of classes that a model distinguishes.
local function classes_of(model)
  if not nn.is_layer(model) then return model.classes end
  local output = model:build(model.input_shape)
  if #output == 0 then check.fail("save", "classes: the model has several outputs, so none has these classes alone") end
  return output[#output]
end

local function check_classes(operation, model, info)
  if info.classes and #info.classes ~= classes_of(model) then
    check.fail(operation, "classes: expected %d, one per output of the model, got %d", classes_of(model),
      #info.classes)
  end
end

-- ---- saving ----

local function description_of(model, kind, info)
  local is_tensor = core.is_tensor(info.axis)
  if is_tensor then info.axis = core.totable(info.axis) end
  if info.validation then
    local ok, validation = check.refusal(read_validation, info.validation)
    if not ok then check.rethrow("save: ", validation) end
    info.validation = validation
  end
  local text, err = json.encode({ kind = kind, config = model:config(), input_shape = model.input_shape, info = info,
    axis_is_list = info.axis and not is_tensor or nil })
  if not text then check.fail("save", "%s", err) end
  local ok, reason = check.refusal(store.check_info, info)
  if not ok then check.rethrow("save: ", reason) end
  return text
end

--- Saves a built network, or a fitted model of mb.forest, mb.linear, mb.logistic, mb.neighbours, mb.pca, mb.pls,
-- mb.plsda or mb.ridge, as one safetensors file, which appears whole or not at all. Equal models and info give equal
-- bytes. Raises for models that hold functions or are not built, and for what could not be loaded again: NaN and
-- infinity, text that is not UTF-8, lists with gaps; the message names the entry. What mb.fit or mb.load gave as
-- training and validation is left out if the weights of the network are no longer the same: load_state, an import or a
-- step of one's own has replaced them.
-- @param model layer|forest|linear|logistic|neighbours|pca|pls|plsda|ridge the model to save
-- @param path string of the file
-- @option classes names in order, as many as the model has outputs, all different
-- @option axis of the spectra, a tensor or list
-- @option unit of the axis, as spectra have it
-- @option quantity what the values are, as spectra have it
-- @option preprocessing fitted steps, from mb.preprocess.fit
-- @option note a text
-- @option training how the model was trained, for mb.card: plain values by name; what mb.fit knows unless given
-- @option validation of mb.cross_validate: its figures, for mb.card
-- @return boolean true; or nil and a message
-- @usage assert(mb.save(model, "model.safetensors", { classes = set.classes }))
function store.save(model, path, info)
  local kind = kind_of(model)
  if not kind and not nn.is_layer(model) then
    check.fail("save", "model: expected a layer or a fitted model, got %s", check.show(model))
  end
  check.kind("save", "path", path, "string")
  info = check.options("save", info, known_info)
  if not kind and not model.input_shape then
    check.fail("save", "the model has no weights yet; build or train it first")
  end
  check_classes("save", model, info)
  check.distinct("save", "classes", info.classes or {})
  info.training = record.valid(model, info.training) or record.of(model)
  info.validation = record.valid(model, info.validation)
  return safetensors.write(path, model:state(), { moonbow = description_of(model, kind, info) })
end

check.takes(store.save, 3, known_info)

-- ---- loading ----

local function rebuild(description, tensors)
  local kind, config = description.kind, check.kind("load", "config", description.config, "table")
  store.check_info(description.info)
  if kind and not others[kind] then check.fail("load", "a model of the unknown kind %s", check.show(kind)) end
  local model = kind and others[kind].from_state(config, tensors)
    or nn.from_config(config):restore(description.input_shape, tensors):eval()
  check_classes("load", model, description.info)
  return model
end

-- Says that another version wrote the file, since this may be why it cannot be read; "" if the version is the same.
local function about_version(metadata)
  local version = metadata["moonbow.version"]
  if not version or version == core.version then return "" end
  return (" (moonbow %s wrote it, this is %s)"):format(check.printable(version), core.version)
end

--- Loads a model that save wrote; a network is in evaluation mode. Everything in the file is checked: see mb.limits.
-- @param path string of the file
-- @return layer|forest|linear|logistic|neighbours|pca|pls|plsda|ridge the model; or nil and a message
-- @return table classes, axis, unit, quantity, preprocessing, note, training, validation, as given to save
-- @return string the version of moonbow that wrote the file
function store.load(path)
  check.kind("load", "path", path, "string")
  local tensors, metadata = safetensors.read(path)
  if not tensors then return nil, metadata end
  local description, err = json.decode(metadata.moonbow or "null")
  if type(description) ~= "table" or type(description.info) ~= "table" then
    return nil, ("%s: holds tensors, but no description of a moonbow model%s"):format(path, err and " (" .. err .. ")"
      or "")
  end
  local ok, model = check.refusal(rebuild, description, tensors)
  if not ok then return nil, ("%s: %s%s"):format(path, check.reason(model), about_version(metadata)) end
  local info = description.info
  if info.axis and not description.axis_is_list then info.axis = core.tensor(info.axis) end
  record.remember(model, info.training, info.validation)
  return expected.remember(model, info), info, metadata["moonbow.version"]
end

return store
