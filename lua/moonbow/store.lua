--- Models in files: weights and architecture, and what the model expects.
local json = require "cjson.safe"
local core = require "moonbow.core"
local check = require "moonbow.check"
local nn = require "moonbow.nn"
local safetensors = require "moonbow.safetensors"

local store = {}

local known_info = {
  classes = check.optional "table", axis = check.optional "tensor|table", preprocessing = check.optional "table",
  note = check.optional "string",
}

--- Saves a built model as one safetensors file, whole or not at all.
-- @param info what should come back with it: classes (names in order), axis (of the spectra, tensor or list),
--   preprocessing (fitted steps, from mb.preprocess.fit), note (a string); all optional
-- @return true, or nil and a message. Raises for models that hold functions or are not built.
function store.save(model, path, info)
  if not nn.is_layer(model) then check.fail("save", "model: expected a layer, got %s", check.show(model)) end
  check.kind("save", "path", path, "string")
  info = check.options("save", info, known_info)
  if not model.input_shape then check.fail("save", "the model has no weights yet; build or train it first") end
  if core.is_tensor(info.axis) then info.axis = core.totable(info.axis) end
  local description = { config = model:config(), input_shape = model.input_shape, info = info }
  return safetensors.write(path, model:state(), { moonbow = json.encode(description) })
end

local function rebuild(description, tensors)
  local model = nn.from_config(description.config)
  model:build(description.input_shape, core.rng(0))
  return model:load_state(tensors)
end

--- Loads a model that save wrote, in evaluation mode.
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
  return model:eval(), info
end

return store
