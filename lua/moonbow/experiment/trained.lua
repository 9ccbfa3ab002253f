--- Trained networks in a folder: a training that was done before, by this process or another, is read instead of done
-- again. The scripts of a review share one folder, since several train the same network on the same data, and a script
-- that was interrupted finds the networks that it had trained.
local lfs = require "lfs"
local canonical = require "moonbow.train.canonical"
local check = require "moonbow.check"
local core = require "moonbow.core"
local files = require "moonbow.io.files"
local fit = require "moonbow.train.fit"
local json = require "moonbow.io.json"
local named = require "moonbow.train.named"
local new_history = require "moonbow.train.history"
local record = require "moonbow.train.record"
local safetensors = require "moonbow.io.safetensors"
local sets = require "moonbow.train.sets"
local streams = require "moonbow.train.streams"

local trained = {}

local SUFFIX = ".safetensors"

local fields = { "best_epoch", "monitor", "stopped" } -- of a history, beside its epochs

local function holds_function(value)
  if type(value) == "function" then return true end
  for _, entry in pairs(type(value) == "table" and value or {}) do
    if holds_function(entry) then return true end
  end
  return false
end

-- Builds the network as mb.fit does, so that its first weights are those of a training, whoever builds it.
local function build(model, set, seed)
  local _ <close> = model:keep_modes()
  model:ensure_built(named.shape(sets.read_x("run:train", "data", set)), streams.rng(seed, "weights"))
end

-- What a training takes from a set; of a validation set also if it is a share.
local function of_set(set) return type(set) == "table" and set.x and { set.x, set.y, set.weights } or set end

-- Returns all that the weights after a training follow from, as text; nil if it holds functions, which have none.
local function identity_of(model, set, options)
  local optimizer, others = options.optimizer, check.copy(options)
  others.optimizer, others.validation, others.verbose = nil, nil, nil
  local has_config, config = pcall(model.config, model)
  if not has_config or holds_function(others) then return nil end
  return table.concat({
    core.version, canonical(config), canonical(model:state()), canonical(others),
    canonical { optimizer.name, optimizer.options, optimizer.lr },
    canonical(of_set(set)), canonical(of_set(options.validation)),
    type(options.class_weights) == "table" and canonical(rawget(set, "classes")) or "", -- which may name them
  }, "\n")
end

-- Sets the network to the weights in a file and returns the history of their training; nil if it is of another one.
local function read(path, model, identity)
  local tensors, metadata = safetensors.read(path)
  if not tensors or metadata.identity ~= identity then return nil end
  model:load_state(tensors)
  model:eval()
  local kept = json.decode(metadata.history)
  local history = new_history(kept.epochs)
  for _, field in ipairs(fields) do history[field] = kept[field] end
  if kept.training then record.remember(model, kept.training) end -- older files have none
  return history
end

local function write(path, model, identity, history)
  local kept = { epochs = table.move(history, 1, #history, 1, {}), training = record.of(model) }
  for _, field in ipairs(fields) do kept[field] = history[field] end
  local text, reason = json.encode(kept)
  local ok, err = text ~= nil, reason
  if text then ok, err = safetensors.write(path, model:state(), { identity = identity, history = text }) end
  if not ok then check.warn("run:train", "the trained network is not kept: %s", err) end
end

--- Trains as mb.fit does, with the same weights and history, which are kept in the folder. They are read from there if
-- this training was done before: of the same network, first weights, data and options, none of which holds a function.
-- What else rounds differently, another processor or mb.convolution_algorithm, is not compared.
-- @param folder string
-- @param model layer
-- @param set table { x, y, weights }
-- @param options table of mb.fit, with optimizer and seed
-- @return history
function trained.fit(folder, model, set, options)
  build(model, set, options.seed)
  local identity = identity_of(model, set, options)
  if not identity then return fit(model, set, options) end
  local path = ("%s/%016x%s"):format(folder, core.digest(identity), SUFFIX)
  local history = files.exists(path) and read(path, model, identity)
  if history then return history end
  history = fit(model, set, options)
  write(path, model, identity, history)
  return history
end

--- Removes the networks that trained.fit kept in a folder, parts of them that a killed process left, and the folder.
-- @param folder string
function trained.clear(folder)
  if not files.exists(folder) then return end
  for name in lfs.dir(folder) do
    if name:find(SUFFIX, 1, true) then os.remove(folder .. "/" .. name) end
  end
  lfs.rmdir(folder)
end

return trained
