--- Models in files: weights and architecture, and what the model expects.
local json = require "cjson.safe"
local core = require "moonbow.core"
local check = require "moonbow.check"
local nn = require "moonbow.nn"
local forest = require "moonbow.forest"
local linear = require "moonbow.linear"
local neighbours = require "moonbow.neighbours"
local safetensors = require "moonbow.safetensors"

local store = {}

-- Models that are no layers, by their kind: from_state(config, tensors) makes one of what its config() and
-- state() gave.
local others = { forest = forest, linear = linear, neighbours = neighbours }

local known_info = {
  classes = check.optional "table", axis = check.optional "tensor|table",
  preprocessing = check.optional "table", note = check.optional "string",
}

local function kind_of(model) return type(model) == "table" and others[model.kind] and model.kind or nil end

--- Saves a built network, or a fitted forest, as one safetensors file, whole or not at all.
-- @param info what should come back with it: classes (names in order), axis (of the spectra, tensor or list),
--   preprocessing (fitted steps, from mb.preprocess.fit), note (a string); all optional
-- @return true, or nil and a message. Raises for models that hold functions or are not built.
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
  if core.is_tensor(info.axis) then info.axis = core.totable(info.axis) end
  local description = json.encode { kind = kind, config = model:config(), input_shape = model.input_shape,
    info = info }
  return safetensors.write(path, model:state(), { moonbow = description })
end

local function rebuild(description, tensors)
  local kind = description.kind
  if kind then
    if not others[kind] then error(("a model of the unknown kind '%s'"):format(kind), 0) end
    return others[kind].from_state(description.config, tensors)
  end
  local model = nn.from_config(description.config)
  model:build(description.input_shape, core.rng(0))
  return model:load_state(tensors):eval()
end

--- Loads a model that save wrote, a network in evaluation mode.
-- @return model, info (classes, axis as a tensor, preprocessing, note); or nil and a message
function store.load(path)
  local tensors, metadata = safetensors.read(path)
  if not tensors then return nil, metadata end
  local description = type(metadata.moonbow) == "string" and json.decode(metadata.moonbow)
  if type(description) ~= "table" or type(description.info) ~= "table" then
    return nil, path .. ": holds tensors, but no description of a moonbow model"
  end
  local ok, model = pcall(rebuild, description, tensors)
  if not ok then return nil, ("%s: %s"):format(path, tostring(model)) end
  local info = description.info
  if info.axis then info.axis = core.tensor(info.axis) end
  return model, info
end

return store
