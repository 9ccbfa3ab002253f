-- A training with everything that a checkpoint must keep, which kills itself (SIGKILL) at a named moment:
-- lua spec/support/killed_training.lua FOLDER [PLACE NUMBER]. PLACE is "batch" (before the optimiser's step in
-- the NUMBERth batch), "checkpoint" (half way through the NUMBERth write of a checkpoint's file), "rename"
-- (before its NUMBERth rename), "renamed" (after it), or "save" (the NUMBERth write of the model's file at
-- the end). Without a place it completes, and writes FOLDER/model.safetensors and history.json.
local uv = require "luv"
local json = require "cjson"
local core = require "moonbow.core"
local mb = require "moonbow"

local folder, place, number = arg[1], arg[2], math.tointeger(tonumber(arg[3]))
local counts = {}

local function at(name)
  counts[name] = (counts[name] or 0) + 1
  if name == place and counts[name] == number then
    uv.kill(uv.os_getpid(), "sigkill")
    uv.sleep(10000)
  end
end

local saving = "checkpoint"
local put, commit = core.file_put, core.file_commit
function core.file_put(writer, bytes)
  if place == saving and (counts[saving] or 0) + 1 == number then put(writer, bytes:sub(1, #bytes // 2)) end
  at(saving)
  return put(writer, bytes)
end
function core.file_commit(writer)
  if saving == "checkpoint" then at "rename" end
  local ok, err = commit(writer)
  if saving == "checkpoint" then at "renamed" end
  return ok, err
end

local optimizer = mb.optim.Adam { lr = 0.02 }
local step = optimizer.step
function optimizer:step(parameters)
  at "batch"
  step(self, parameters)
end

local nn = mb.nn
local model = nn.Sequential {
  nn.Conv1d { filters = 4, kernel = 9, padding = "same" }, nn.BatchNorm1d {}, nn.ReLU {},
  nn.MaxPool1d { size = 4 }, nn.Flatten {}, nn.Dropout { rate = 0.2 }, nn.Dense { units = 2 },
}
local set = mb.data.border_peaks { n = 100, validation = 50, test = 1, crop = 160, seed = 3 }
local history = mb.fit(model, set.train, {
  epochs = 30, batch_size = 16, optimizer = optimizer, seed = 4, validation = set.validation,
  early_stopping = { patience = 4, min_delta = 0.01 },
  schedule = { "plateau", patience = 1, factor = 0.5, min_delta = 0.01 },
  checkpoint = folder, verbose = false,
})
saving = "save"
assert(mb.save(model, folder .. "/model.safetensors"))
local file = assert(io.open(folder .. "/history.json", "w"))
for _, record in ipairs(history) do
  for key, value in pairs(record) do record[key] = ("%a"):format(value) end
  record.seconds = nil
end
file:write(json.encode { records = table.move(history, 1, #history, 1, {}),
  best_epoch = history.best_epoch, stopped = history.stopped })
file:close()
