--- Checkpoints: the whole state of a training in one file, rewritten after epochs. Training resumes from it bit for
-- bit.
local clock = require "moonbow.clock"
local core = require "moonbow.core"
local check = require "moonbow.check"
local canonical = require "moonbow.train.canonical"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local origin = require "moonbow.train.origin"
local parameters = require "moonbow.train.parameters"
local safetensors = require "moonbow.io.safetensors"

local checkpoint = {}

local NAME, LOCK, FORMAT = "checkpoint.safetensors", "checkpoint.lock", 2

checkpoint.options = {
  folder = check.required "string", every = check.default(1, "positive integer"),
  seconds = check.default(0, "non-negative"),
}

-- JSON has no NaN or infinity: they are written as { float = "inf" }.
local not_finite = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

local function pack(value)
  if value ~= value then return { float = "nan" } end
  if value == math.huge or value == -math.huge then return { float = tostring(value) } end
  if type(value) ~= "table" then return value end
  local packed = {}
  for key, entry in pairs(value) do packed[key] = pack(entry) end
  return packed
end

local function unpack_value(value)
  if type(value) ~= "table" then return value end
  if value.float then return not_finite[value.float] end
  local unpacked = {}
  for key, entry in pairs(value) do unpacked[key] = unpack_value(entry) end
  return unpacked
end

-- ---- what must be equal for a training to resume ----

local compared_options = { "batch_size", "seed", "shuffle", "loss", "l2", "clip_norm", "clip_value", "class_weights",
  "early_stopping", "schedule", "metrics", "monitor", "augment", "accumulate", "ema", "lr_factors" }

local plain = { number = true, string = true, boolean = true, ["function"] = true, table = true }

-- A layer that may hold functions, without its parts.
local function plain_options(part)
  local options = { type = part.type }
  for key, value in pairs(part.given) do
    if type(key) == "string" and plain[type(value)] then options[key] = value end
  end
  return options
end

-- The architecture as text, with what is frozen; of functions only that they are there.
local function described(model)
  local ok, config = pcall(model.config, model)
  if ok then return canonical(config) end
  local layers = { frozen = model:frozen_names() }
  model:visit(function(part, path) layers["layer " .. path] = plain_options(part) end)
  return "holds functions: " .. canonical(layers)
end

-- True if the rates of a schedule depend on how many epochs there are: a function may get the number of all steps.
local function counts_epochs(schedule)
  if type(schedule) == "table" then return schedule[1] == "cosine" end
  local takes = type(schedule) == "function" and debug.getinfo(schedule, "u")
  return takes and (takes.nparams > 1 or takes.isvararg)
end

-- Returns the texts of all that must be equal, by name.
local function identity(job)
  local options, optimizer, same = job.options, job.optimizer, {}
  for _, name in ipairs(compared_options) do same[name] = canonical(options[name]) end
  if type(options.class_weights) == "table" and type(next(options.class_weights)) == "string" then
    same.class_weights = ("%s of %s"):format(same.class_weights, canonical(job.class_names))
  end
  if counts_epochs(options.schedule) then
    same.schedule = ("%s over %d epochs"):format(same.schedule, options.epochs)
  end
  same.model = described(job.model)
  for set, values in pairs { data = job, validation = job.validation or {} } do
    for _, part in ipairs { "x", "y", "weights" } do same[set .. "." .. part] = canonical(values[part]) end
  end
  same.optimizer = optimizer.name
  for name, value in pairs(optimizer.options) do same["optimizer." .. name] = canonical(value) end
  same["optimizer.lr"] = canonical(optimizer.lr)
  return same
end

-- Of these, older checkpoints said only how the texts begin now.
local said_less = { schedule = true, model = true, class_weights = true }

-- The text that tells one training from others.
local function training_of(began, same) return canonical { began or "unknown", same } end

-- Raises unless the job is the training that a checkpoint was written in. What is frozen may also be as it was then, or
-- as the training left it.
local function check_identity(job, path, state)
  local names, saved, left = {}, state.identity, origin.left(job.model, training_of(state.began, state.identity))
  for name in pairs(job.identity) do names[#names + 1] = name end
  for name in pairs(saved) do
    if job.identity[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local was, is = tostring(saved[name]), tostring(job.identity[name])
    local is_equal = was == is or name == "model" and (is == state.model or is == left)
      or said_less[name] and not state.began and is:sub(1, #was) == was
    if not is_equal then
      local details = #was + #is < 120 and (" (%s, now %s)"):format(check.printable(was), is) or ""
      check.fail("fit", "checkpoint: %s is of a training with another %s%s; take another folder or remove it",
        path, check.printable(name), details)
    end
  end
end

-- Raises unless the model has the weights that the training began with, or those that it has made.
local function check_weights(job, path, tensors, state)
  if not state.began or state.began == job.began then return end -- older checkpoints do not say it
  if origin.left(job.model, training_of(state.began, state.identity)) then return end
  for _, prefix in ipairs { "model.", "best.", "average." } do
    if origin.is_among(job.model, tensors, prefix) then return end
  end
  check.fail("fit", "checkpoint: %s is of a training that began with other weights than those of the model; take "
    .. "another folder or remove it", path)
end

-- Raises if a training of the job's epochs could not have come so far.
local function check_epochs(job, path, state)
  if #state.records <= job.options.epochs then return end
  check.fail("fit", "checkpoint: %s: expected at most %s, those that were asked for, got %d; ask for more, take "
    .. "another folder or remove it", path, check.show_count(job.options.epochs, "epoch"), #state.records)
end

-- ---- saving ----

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
  for i, value in ipairs(job.average and job.average.values or {}) do
    tensors["average." .. job.parameters[i].name] = value
  end
  local history = job.history
  return tensors, {
    format = FORMAT, identity = job.identity, rng = core.rng_state(job.rng),
    layer_rng = core.rng_state(job.layer_rng),
    lr = job.optimizer.lr, steps = steps, schedule = job.schedule.state, best = job.best,
    waited = job.waited, records = table.move(history, 1, #history, 1, {}), best_epoch = history.best_epoch,
    stopped = history.stopped, average_steps = job.average and job.average.steps,
    model = core.in_c_locale(described, job.model), frozen = job.model:frozen_names(), began = job.began,
  }
end

-- True if a checkpoint is due after the epoch that has ended.
local function is_due(job)
  local options, history = job.checkpoint, job.history
  if history.stopped or #history == job.options.epochs then return true end
  return #history % options.every == 0 and clock() - options.saved_at >= options.seconds
end

--- Saves the job after an epoch, if a checkpoint is due.
function checkpoint.save(job)
  local options = job.checkpoint
  if not options or not is_due(job) then return end
  local tensors, state = gather(job)
  local text, reason = json.encode(pack(state))
  if not text then check.fail("fit", "checkpoint: %s", reason) end
  local ok, err = safetensors.write(options.path, tensors, { training = text })
  if not ok then check.fail("fit", "checkpoint: %s", err) end
  options.saved_at = clock()
end

-- ---- resuming ----

local state_kinds = {
  format = { "integer" }, identity = { "table" }, rng = { "string" }, layer_rng = { "string" }, lr = { "number" },
  steps = { "table" }, schedule = { "table" }, best = { "number", optional = true }, waited = { "integer" },
  records = { "table" }, best_epoch = { "integer", optional = true }, stopped = { "string", optional = true },
  average_steps = { "integer", optional = true },
  -- Older checkpoints do not have these.
  model = { "string", optional = true }, frozen = { "table", optional = true }, began = { "string", optional = true },
}

local kinds_shown = { integer = "an integer", number = "a number", string = "a string", table = "a table" }

local function check_type(path, name, value, kind)
  if type(value) ~= kind and math.type(value) ~= kind then
    check.fail("fit", "checkpoint: %s: %s: expected %s, got %s", path, name, kinds_shown[kind], check.show(value))
  end
end

-- Raises unless the state has every field of a checkpoint, each of its type.
local function check_state(job, path, state)
  for name, kinds in pairs(state_kinds) do
    if not kinds.optional or state[name] ~= nil then check_type(path, name, state[name], kinds[1]) end
  end
  for _, name in ipairs { "rng", "layer_rng" } do
    if not pcall(core.rng_set_state, core.rng(0), state[name]) then
      check.fail("fit", "checkpoint: %s: %s: expected the state of a generator, got %s", path, name,
        check.show(state[name]))
    end
  end
  for _, text in pairs(state.identity) do check_type(path, "identity", text, "string") end
  for _, count in pairs(state.steps) do check_type(path, "steps", count, "integer") end
  for name in pairs(job.schedule.state) do check_type(path, "schedule." .. name, state.schedule[name], "number") end
  for i, record in ipairs(state.records) do
    check_type(path, "records", record, "table")
    check_type(path, ("records[%d].loss"):format(i), record.loss, "number")
    if record.epoch ~= i then check.fail("fit", "checkpoint: %s: records: epoch %d is missing", path, i) end
  end
end

-- Raises unless the tensors have the names and shapes of the job's.
local function check_tensors(job, path, tensors)
  local shapes, has_best, entries = {}, stripped(tensors, "best.") ~= nil, job.model:parameters()
  table.move(job.model:buffers(), 1, #job.model:buffers(), #entries + 1, entries)
  for _, entry in ipairs(entries) do
    local shape = check.show_shape(core.shape(entry.value))
    for _, prefix in ipairs { "model.", "best.", "optimizer.1.", "optimizer.2.", "average." } do
      shapes[prefix .. entry.name] = shape
    end
    for _, prefix in ipairs { "model.", has_best and "best." } do
      if not tensors[prefix .. entry.name] then
        check.fail("fit", "checkpoint: %s: holds no %s%s", path, prefix, entry.name)
      end
    end
  end
  for name, tensor in pairs(tensors) do
    local got = check.show_shape(core.shape(tensor))
    if shapes[name] ~= got then
      check.fail("fit", "checkpoint: %s: %s: expected shape %s, got %s", path, check.printable(name),
        shapes[name] or "none", got)
    end
  end
end

local function restore_average(job, averages, state)
  if not job.average then return end
  job.average.steps = state.average_steps or 0
  for i, parameter in ipairs(job.parameters) do
    if not averages[parameter.name] then error("holds no average." .. parameter.name, 0) end
    core.copy_from(job.average.values[i], averages[parameter.name])
  end
end

local function read_state(job, path)
  local tensors, metadata = safetensors.read(path)
  if not tensors then check.fail("fit", "checkpoint: %s", metadata) end
  local state = unpack_value(json.decode(metadata.training or "null"))
  if type(state) ~= "table" or state.format ~= FORMAT then
    check.fail("fit", "checkpoint: %s: holds no training that this version can resume", path)
  end
  check_state(job, path, state)
  check_identity(job, path, state)
  check_epochs(job, path, state)
  check_tensors(job, path, tensors)
  check_weights(job, path, tensors, state)
  return tensors, state
end

-- Callbacks may have frozen or unfrozen weights since the training began.
local function restore_frozen(job, names)
  local model, now = job.model, job.model:frozen_names()
  if not names or canonical(names) == canonical(now) then return end
  if #now > 0 then model:unfreeze(table.unpack(now)) end
  if #names > 0 then model:freeze(table.unpack(names)) end
  parameters.follow(job)
end

local function restore(job, tensors, state)
  job.identity, job.began = state.identity, state.began -- those of the beginning
  restore_frozen(job, state.frozen)
  core.rng_set_state(job.rng, state.rng)
  core.rng_set_state(job.layer_rng, state.layer_rng)
  job.model:load_state(stripped(tensors, "model.") or {})
  job.best_state = stripped(tensors, "best.")
  job.optimizer:load_state(job.parameters, stripped(tensors, "optimizer.") or {}, state.steps)
  job.optimizer.lr, job.best, job.waited = state.lr, state.best, state.waited
  restore_average(job, stripped(tensors, "average.") or {}, state)
  for key, value in pairs(state.schedule) do job.schedule.state[key] = value end
  for i, record in ipairs(state.records) do job.history[i] = record end
  job.history.best_epoch, job.history.stopped = state.best_epoch, state.stopped
end

--- Reads the option, makes the folder and locks it. Returns the lock, for a <close> variable; nil if no checkpoints are
-- asked for. Without the lock, two trainings in one folder would overwrite each other's checkpoint.
function checkpoint.open(job)
  local given = job.options.checkpoint
  if not given then return nil end
  local options = check.options("fit checkpoint", type(given) == "string" and { folder = given } or given,
    checkpoint.options)
  local made, err = files.make_folders(options.folder)
  if not made then check.fail("fit", "checkpoint: %s", err) end
  options.path, options.saved_at = options.folder .. "/" .. NAME, clock()
  job.checkpoint, job.identity, job.began = options, core.in_c_locale(identity, job), origin.of(job.model)
  local lock, reason = files.lock(options.folder .. "/" .. LOCK) -- last, so that an error before it leaves no lock
  if lock then return lock end
  check.fail("fit", "checkpoint: %s", reason or options.folder .. ": another training is at work in this folder")
end

-- Sets a job to the state in its checkpoint, if there is one.
local function resume(job)
  if not files.exists(job.checkpoint.path) then return end
  local tensors, state = read_state(job, job.checkpoint.path)
  local ok, err = check.refusal(restore, job, tensors, state)
  if ok then return end
  check.fail("fit", "checkpoint: %s: %s", job.checkpoint.path, (tostring(err):gsub("^[^:]+:%d+: ", "")))
end

--- Resumes a job from its checkpoint, if it has one.
function checkpoint.resume(job)
  if not job.checkpoint then return end
  resume(job)
  job.training = training_of(job.began, job.identity)
end

--- Remembers the model of a job that ends, however it does: its weights may be newer than the checkpoint.
function checkpoint.leave(job)
  if job.training then origin.leave(job.model, job.training, core.in_c_locale(described, job.model)) end
end

return checkpoint
