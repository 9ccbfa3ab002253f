--- Trainings by the protocol of Schuetzke et al. 2023, each in a folder of its own, that resume after any end of
-- the process.
local core = require "moonbow.core"
local files = require "moonbow.io.files"
local fit = require "moonbow.train.fit"
local evaluation = require "moonbow.train.evaluate"
local optim = require "moonbow.train.optim"
local store = require "moonbow.io.store"
local errors = require "lib.benchmark.errors"
local journal = require "lib.benchmark.journal"
local networks = require "lib.benchmark.networks"
local output = require "moonbow.experiment.output"

local runs = {}

local PATIENCE, MIN_DELTA = 25, 1e-4

local logged = { "epoch", "loss", "val_loss", "val_accuracy", "lr", "seconds" }

-- The published protocol, with Keras' definitions: Adam(3e-4) with Keras' epsilon, EarlyStopping(patience=25,
-- min_delta=1e-4, restore_best_weights=True), ReduceLROnPlateau(patience=10).
local function protocol(run, set, settings, folder)
  return {
    epochs = settings.epochs, batch_size = settings.batch_size, seed = run.seed, validation = set.validation,
    optimizer = optim.Adam { lr = 3e-4, epsilon = 1e-7, keras_epsilon = true },
    early_stopping = { patience = PATIENCE, min_delta = MIN_DELTA },
    schedule = { "plateau", patience = 10, factor = 0.1, min_delta = 1e-4 },
    checkpoint = { folder = folder, seconds = settings.checkpoint_seconds },
    verbose = settings.verbose,
    callbacks = { function(record)
      local event = { event = "epoch", run = run.name }
      for _, key in ipairs(logged) do event[key] = record[key] end
      journal.append(settings.out, event)
    end },
  }
end

local function test(model, set) return errors.of(core.totable(evaluation.predict(model, set.test.x)), set.test) end

local function mean_seconds(history)
  local sum = 0
  for _, record in ipairs(history) do sum = sum + record.seconds end
  return sum / #history
end

-- Describes the set in a few words, so that results on another set are noticed.
local function data_of(set)
  return ("%d spectra of %d points, sum of squares %.9g"):format(#set.train.y, #set.axis,
    core.sum_squares(set.train.x))
end

local function result_of(run, model, history, set)
  local best = history[history.best_epoch]
  local result = {
    name = run.name, network = run.network, head = run.head, seed = run.seed, momentum = run.momentum,
    epochs = #history, best_epoch = history.best_epoch, stopped = history.stopped, val_loss = best.val_loss,
    val_accuracy = best.val_accuracy, seconds_per_epoch = mean_seconds(history), test = test(model, set),
    data = data_of(set),
  }
  if networks.has_batch_norm(run.network) then
    evaluation.recalibrate(model, set.train.x, { batch_size = 128 })
    result.recalibrated = test(model, set)
  end
  return result
end

local kinds = { data = "string", epochs = "integer", best_epoch = "integer", seconds_per_epoch = "number",
  val_loss = "number", test = "table" }

-- True if a value from a file has what the report takes from a result.
local function is_result(value)
  if type(value) ~= "table" then return false end
  for name, kind in pairs(kinds) do
    if type(value[name]) ~= kind and math.type(value[name]) ~= kind then return false end
  end
  return type(value.test.wrong) == "number" and type(value.test.wrong_ambiguous) == "number"
    and type(value.test.pairs) == "table"
end

-- True if a training of so many epochs at most would have ended as this one did.
local function is_of_epochs(result, epochs)
  return result.epochs == epochs or result.stopped and result.epochs < epochs
end

-- Reads the result of a completed run; nil if there is none. Ends the script if it belongs to another job.
local function read_result(path, set, settings)
  local result = output.read_json(path)
  if result == nil then return nil end
  if not is_result(result) then output.fail(path .. ": is no result of a run; remove it, or take another --out") end
  if result.data ~= data_of(set) then
    output.fail(("%s is of other data (%s, not %s); take another --out"):format(path, result.data,
      data_of(set)))
  end
  if not is_of_epochs(result, settings.epochs) then
    output.fail(("%s ended after %d epochs, not %d; take another --out"):format(path, result.epochs,
      settings.epochs))
  end
  return result
end

--- Estimates the seconds of an epoch on all spectra from the second epoch on a few of them.
local function estimate(run, set, settings)
  local n = #set.train.y
  local few = math.min(n, 5 * settings.batch_size)
  local function part(of, count) return { x = core.narrow(of.x, 1, count), y = core.narrow(of.y, 1, count) } end
  local validation = part(set.validation, math.min(#set.validation.y, few // 5))
  local model = networks.make(run.network, #set.classes, run.head, run.momentum)
  local history = fit(model, part(set.train, few), { epochs = 2, batch_size = settings.batch_size, verbose = false,
    validation = validation, optimizer = optim.Adam { lr = 3e-4 } })
  return history[2].seconds * n / few
end

--- Trains or resumes one run, or only reads its result.
local function train(run, set, settings)
  local folder = ("%s/runs/%s"):format(settings.out, run.name)
  local result_path = folder .. "/result.json"
  local result = read_result(result_path, set, settings)
  if result then return result end
  journal.append(settings.out, { event = "start", run = run.name })
  local model = networks.make(run.network, #set.classes, run.head, run.momentum)
  local history = fit(model, set.train, protocol(run, set, settings, folder))
  local ok, err = store.save(model, folder .. "/model.safetensors", { note = run.name })
  if not ok then output.fail(err) end
  result = result_of(run, model, history, set)
  ok, err = output.write_json(result_path, result)
  if not ok then output.fail(err) end
  os.remove(folder .. "/checkpoint.safetensors")
  return result
end

--- Returns the list of runs { name, network, head, seed, momentum }: for every network and head all seeds.
-- @param choice networks, heads, momenta (lists; 0.99 is the published momentum), first_seed, seeds
function runs.plan(choice)
  local list = {}
  for _, network in ipairs(choice.networks) do
    local heads = networks.has_hidden(network) and choice.heads or { choice.heads[1] }
    local momenta = networks.has_batch_norm(network) and choice.momenta or { 0.99 }
    for _, head in ipairs(heads) do
      for _, momentum in ipairs(momenta) do
        for seed = choice.first_seed, choice.first_seed + choice.seeds - 1 do
          local name = { network, networks.has_hidden(network) and head ~= "published" and head or nil }
          if networks.has_batch_norm(network) then name[#name + 1] = "m" .. momentum end
          name[#name + 1] = "seed" .. seed
          list[#list + 1] = { name = table.concat(name, "-"), network = network, head = head, seed = seed,
            momentum = momentum }
        end
      end
    end
  end
  return list
end

--- Estimates the time of an epoch of each run: a list of { name, network, seconds_per_epoch }.
function runs.estimate(plan, set, settings)
  local results = {}
  for i, run in ipairs(plan) do
    results[i] = { name = run.name, network = run.network, seconds_per_epoch = estimate(run, set, settings) }
    core.release_memory()
  end
  return results
end

--- Trains all runs of a plan one after the other; those that have results are only read.
-- @param settings out (folder), epochs, batch_size, verbose, checkpoint_seconds (between two checkpoints)
-- @return the list of results
function runs.run(plan, set, settings)
  local made, err = files.make_folders(settings.out)
  if not made then output.fail(err) end
  local names, results = {}, {}
  for i, run in ipairs(plan) do names[i] = run.name end
  journal.append(settings.out, { event = "plan", runs = names, epochs = settings.epochs, patience = PATIENCE,
    min_delta = MIN_DELTA })
  for i, run in ipairs(plan) do
    if settings.verbose then io.stderr:write(("run %d of %d: %s\n"):format(i, #plan, run.name)) end
    results[i] = train(run, set, settings)
    journal.append(settings.out, { event = "done", run = run.name, wrong = results[i].test.wrong,
      all = #set.test.y })
    core.release_memory()
  end
  return results
end

return runs
