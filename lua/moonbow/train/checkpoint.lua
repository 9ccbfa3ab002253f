--- A training that survives: everything it is made of in one file per epoch, from which it goes on bit for
-- bit.
local json = require "cjson.safe"
local uv = require "luv"
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.files"
local safetensors = require "moonbow.safetensors"

local checkpoint = {}

local NAME, FORMAT = "checkpoint.safetensors", 1

local known_options = {
  folder = check.required "string", every = check.default(1, "positive integer"),
  seconds = check.default(0, "non-negative"),
}

local function clock() return uv.hrtime() / 1e9 end

-- JSON has no room for all digits of a double: reals travel as hexadecimal strings, integers as they are.
local strange = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0, ["-nan"] = 0 / 0 }

local function pack(value)
  if math.type(value) == "float" then return ("%a"):format(value) end
  if type(value) ~= "table" then return value end
  local packed = {}
  for key, entry in pairs(value) do packed[key] = pack(entry) end
  return packed
end

local function unpack_value(value)
  if type(value) == "number" then return math.tointeger(value) end
  if type(value) == "string" then
    return value:find "^%-?0x" and tonumber(value) or strange[value] or value
  end
  if type(value) ~= "table" then return value end
  local unpacked = {}
  for key, entry in pairs(value) do unpacked[key] = unpack_value(entry) end
  return unpacked
end

-- A value as text, the same for equal values.
local function canonical(value)
  if core.is_tensor(value) then
    return ("tensor %s with the sum of squares %a"):format(check.show_shape(core.shape(value)),
      core.sum_squares(value))
  end
  if type(value) == "function" then return "a function" end
  if type(value) ~= "table" then
    return math.type(value) == "float" and ("%.17g"):format(value) or tostring(value)
  end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do parts[i] = tostring(key) .. " = " .. canonical(value[key]) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- What must be the same for a training to go on, as texts by name.
local aspects = { "model", "data", "validation", "optimizer", "schedule", "epochs", "batch_size", "seed",
  "shuffle", "loss", "l2", "clip_norm", "class_weights", "early_stopping" }

local function identity(job)
  local options, same = job.options, {}
  for _, name in ipairs(aspects) do same[name] = canonical(options[name]) end
  local ok, config = pcall(job.model.config, job.model)
  same.model = ok and canonical(config) or "holds functions"
  same.data = canonical { x = job.x, y = job.y }
  local validation = options.validation
  same.validation = canonical(validation and { x = validation.x, y = validation.y })
  same.optimizer = job.optimizer.name .. canonical(job.optimizer.options)
  if (options.schedule or {})[1] ~= "cosine" then same.epochs = "any" end
  return same
end

local function check_identity(job, path, saved)
  for _, name in ipairs(aspects) do
    local text = job.identity[name]
    if saved[name] ~= text then
      local was, is = tostring(saved[name]), text
      local details = #was + #is < 120 and (" (%s, now %s)"):format(was, is) or ""
      check.fail("fit", "checkpoint: %s is of a training with another %s%s; take another folder or remove it",
        path, name, details)
    end
  end
end

local function prefixed(tensors, prefix, entries)
  for _, entry in ipairs(entries) do tensors[prefix .. entry.name] = entry.value end
end

local function stripped(tensors, prefix)
  local found = {}
  for name, value in pairs(tensors) do
    if name:sub(1, #prefix) == prefix then found[name:sub(#prefix + 1)] = value end
  end
  return next(found) and found or nil
end

local function gather(job)
  local tensors = {}
  prefixed(tensors, "model.", job.parameters)
  prefixed(tensors, "model.", job.model:buffers())
  for name, value in pairs(job.best_state or {}) do tensors["best." .. name] = value end
  local moments, steps = job.optimizer:state(job.parameters)
  for name, value in pairs(moments) do tensors["optimizer." .. name] = value end
  local history = job.history
  return tensors, {
    format = FORMAT, identity = job.identity, rng = core.rng_state(job.rng),
    layer_rng = core.rng_state(job.layer_rng),
    lr = job.optimizer.lr, steps = steps, schedule = job.schedule.state, best = job.best,
    waited = job.waited, records = table.move(history, 1, #history, 1, {}), best_epoch = history.best_epoch,
    stopped = history.stopped,
  }
end

-- Whether the options ask for a checkpoint after the epoch that is over.
local function is_due(job)
  local options, history = job.checkpoint, job.history
  if history.stopped or #history == job.options.epochs then return true end
  return #history % options.every == 0 and clock() - options.saved_at >= options.seconds
end

--- Saves the job, whose last epoch is over, unless the epoch is one of those between.
function checkpoint.save(job)
  local options = job.checkpoint
  if not options or not is_due(job) then return end
  local tensors, state = gather(job)
  local text = json.encode(pack(state))
  local ok, err = safetensors.write(options.path, tensors, { training = text })
  if not ok then check.fail("fit", "checkpoint: %s", err) end
  options.saved_at = clock()
end

local function restore(job, tensors, state)
  job.model:load_state(stripped(tensors, "model."))
  job.best_state = stripped(tensors, "best.")
  job.optimizer:load_state(job.parameters, stripped(tensors, "optimizer.") or {}, state.steps)
  core.rng_set_state(job.rng, state.rng)
  core.rng_set_state(job.layer_rng, state.layer_rng)
  job.optimizer.lr, job.best, job.waited = state.lr, state.best, state.waited
  for key, value in pairs(state.schedule) do job.schedule.state[key] = value end
  for i, record in ipairs(state.records) do job.history[i] = record end
  job.history.best_epoch, job.history.stopped = state.best_epoch, state.stopped
end

--- Reads the option, makes the folder, and brings a job to where its checkpoint left it, if there is one.
function checkpoint.resume(job)
  local given = job.options.checkpoint
  if not given then return end
  local options = check.options("fit checkpoint", type(given) == "string" and { folder = given } or given,
    known_options)
  local made, err = files.make_folders(options.folder)
  if not made then check.fail("fit", "checkpoint: %s", err) end
  options.path, options.saved_at = options.folder .. "/" .. NAME, clock()
  job.checkpoint, job.identity = options, identity(job)
  if not files.exists(options.path) then return end
  local tensors, metadata = safetensors.read(options.path)
  if not tensors then check.fail("fit", "checkpoint: %s", metadata) end
  local state = unpack_value(json.decode(metadata.training or "null"))
  if type(state) ~= "table" or state.format ~= FORMAT then
    check.fail("fit", "checkpoint: %s: holds no training that this version can go on with", options.path)
  end
  check_identity(job, options.path, state.identity)
  restore(job, tensors, state)
end

return checkpoint
