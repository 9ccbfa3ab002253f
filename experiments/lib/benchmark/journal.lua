--- The log of a benchmark: one JSON line per event, which a second process can follow.
--
-- Events: { event = "plan", runs = names, epochs, patience, min_delta }, { event = "start", run }, { event =
-- "epoch", run, epoch, loss, val_loss, val_accuracy, lr, seconds }, { event = "done", run, wrong, all };
-- each with time, seconds since 1970. After a resume the epochs since the last checkpoint are logged again; the
-- last entry of an epoch counts.
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local output = require "moonbow.experiment.output"
local show_time = require("moonbow.progress").show_time

local journal = {}

local NAME = "log.jsonl"

--- Appends an event to the log in a folder.
function journal.append(folder, event)
  event.time = os.time()
  local line = json.encode(event)
  if line then files.append(folder .. "/" .. NAME, line) end -- the log only informs: training can do without it
end

local known_fields = { event = "string", time = "number", run = "string", runs = "table", epoch = "integer",
  seconds = "number", loss = "number", val_loss = "number", epochs = "integer", patience = "number",
  min_delta = "number", wrong = "number", all = "number" }

-- True if the fields of an event have the right types, and no field of its kind of event is missing.
local required = { plan = { "runs", "epochs", "patience", "min_delta" }, start = { "run" },
  epoch = { "run", "epoch", "seconds" }, done = { "run", "wrong", "all" } }

local function is_event(event)
  for name, kind in pairs(known_fields) do
    local value = event[name]
    if value ~= nil and type(value) ~= kind and math.type(value) ~= kind then return false end
  end
  if not event.time then return false end
  for _, name in ipairs(required[event.event] or { "unknown" }) do
    if event[name] == nil then return false end
  end
  return true
end

local function read_events(folder)
  local text, err = files.read(folder .. "/" .. NAME)
  if not text then return nil, err end
  local events = {}
  for line in text:gmatch "[^\n]+" do
    local event = json.decode(line) -- a line may be incomplete
    if type(event) == "table" and is_event(event) then events[#events + 1] = event end
  end
  return events
end

-- Returns the states of the runs of all plans, in order of their first plan: several processes may share a folder.
local function states_of(events)
  local states = {}
  for _, event in ipairs(events) do
    for _, name in ipairs(event.event == "plan" and event.runs or {}) do
      if not states[name] then
        states[name] = { name = name, epochs = {} }
        states[#states + 1] = states[name]
      end
      states[name].plan = event
    end
    local state = event.run and states[event.run]
    if state then
      if event.event == "epoch" then
        state.epochs[event.epoch] = event
        for later = event.epoch + 1, #state.epochs do state.epochs[later] = nil end
      elseif event.event == "done" then
        state.done = event
      end
      state.last = event.time
    end
  end
  return states
end

local function count_done(states)
  local done = 0
  for _, state in ipairs(states) do done = done + (state.done and 1 or 0) end
  return done
end

-- Returns best validation loss and its epoch, as early stopping finds them; mean seconds per epoch.
local function summary(epochs, min_delta)
  local best, best_epoch, seconds = math.huge, 0, 0
  for epoch, event in ipairs(epochs) do
    seconds = seconds + event.seconds
    if event.val_loss and event.val_loss < best - min_delta then best, best_epoch = event.val_loss, epoch end
  end
  return best, best_epoch, #epochs > 0 and seconds / #epochs or 0
end

local function row_of(state)
  local plan = state.plan
  local wrong = state.done and ("%d of %d"):format(state.done.wrong, state.done.all) or ""
  if #state.epochs == 0 then
    local label = state.done and "done" or state.last and "first epoch" or "waiting"
    return { state.name, label, "", "", "", "", wrong }
  end
  local best, best_epoch, each = summary(state.epochs, plan.min_delta)
  local done, last = #state.epochs, state.epochs[#state.epochs]
  local left = ""
  if not state.done then
    local until_stop = math.max(0, math.min(plan.epochs, best_epoch + plan.patience) - done)
    left = ("%s to %s"):format(show_time(until_stop * each), show_time((plan.epochs - done) * each))
  end
  return {
    state.name, state.done and "done" or ("epoch %d/%d"):format(done + 1, plan.epochs),
    ("%.4f in %d"):format(best, best_epoch), ("%.4f"):format(last.val_loss or 0 / 0), show_time(each), left,
    wrong,
  }
end

--- True if every run in the log of a folder has ended.
function journal.is_over(folder)
  local states = states_of(read_events(folder) or {})
  return count_done(states) == #states
end

--- Prints the state of the runs in a folder: for each the best validation loss so far and its epoch, the last
-- one, the time per epoch, the time left (until early stopping if there is no further progress, and until the
-- last epoch), and the errors on the test set. Returns true, or nil and a message.
function journal.show(folder)
  local events, err = read_events(folder)
  if not events then return nil, err end
  local states = states_of(events)
  if #states == 0 then return nil, folder .. "/" .. NAME .. ": holds no plan of a benchmark" end
  local rows = { { "run", "state", "best val loss", "last", "per epoch", "left", "wrong" } }
  for i, state in ipairs(states) do rows[i + 1] = row_of(state) end
  output.table(rows)
  print(("\n%d of %d runs done, last news %s ago"):format(count_done(states), #states,
    show_time(os.time() - events[#events].time)))
  return true
end

return journal
