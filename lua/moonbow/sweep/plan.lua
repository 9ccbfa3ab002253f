--- The trials of a sweep, in order: each configuration with each of its seeds.
--
-- Configurations of TPE depend on earlier results. Number i is proposed from the values of numbers up to
-- i - lag only, so that the same sweep tries the same configurations with any number of workers, in any process.
local core = require "moonbow.core"
local json = require "moonbow.io.json"
local folders = require "moonbow.sweep.folder"
local strategies = require "moonbow.sweep.strategies"
local space = require "moonbow.sweep.space"

local Plan = { __name = "plan" }
Plan.__index = Plan

local plan = {}

--- Makes the plan of a sweep whose results are in a folder.
function plan.new(sweep, folder)
  return setmetatable({ sweep = sweep, folder = folder, strategy = strategies.new(sweep), items = {}, keys = {},
    lag = sweep.strategy.lag, is_complete = false }, Plan)
end

--- Returns a digest of what trials and their order follow from: equal where a share of the trials is the same.
function plan.digest(sweep)
  local strategy = {}
  for key, value in pairs(sweep.strategy) do strategy[key == 1 and "name" or key] = value end
  return ("%016x"):format(core.digest(assert(json.encode { entries = sweep.space.entries, seeds = sweep.seeds,
    strategy = strategy, objective = sweep.objective })))
end

-- Returns the value of a configuration for the strategy, smaller being better: the mean over the completed seeds; false
-- while a seed has not ended; nil if all have ended without a value.
local function value_of(self, item)
  local sum, count = 0, 0
  for _, trial in ipairs(item.trials) do
    if not self.folder:has(trial.id) then return false end
    local result = self.folder:result(trial.id)
    local value = result and result.status == "done" and result.metrics[self.sweep.objective.name]
    if type(value) == "number" then sum, count = sum + value, count + 1 end
  end
  if count == 0 then return nil end
  return (self.sweep.objective.minimize and 1 or -1) * sum / count
end

-- Returns the history from which the next configuration is proposed; nil while results that it needs are missing.
local function history_of(self)
  local history, decided = {}, #self.items + 1 - self.lag
  for i, item in ipairs(self.items) do
    if i <= decided and not item.is_ended then
      local value = value_of(self, item)
      if value == false then return nil end
      item.value, item.is_ended = value, true
    end
    item.seen = item.seen or { config = item.config }
    item.seen.value = i <= decided and item.value or nil
    history[i] = item.seen
  end
  return history
end

local function add(self, config)
  local key = space.canonical(config)
  local item = { config = config, trials = {}, is_repeat = self.keys[key] }
  self.keys[key] = true
  for i, seed in ipairs(self.sweep.seeds) do
    item.trials[i] = { id = folders.id(key, seed), config = config, seed = seed }
  end
  self.items[#self.items + 1] = item
end

--- Proposes all configurations that can be proposed now. Returns true if these are all.
function Plan.advance(self)
  if self.strategy.configurations and #self.items == 0 then
    for _, config in ipairs(self.strategy.configurations) do add(self, config) end
    self.is_complete = true
  end
  while not self.is_complete do
    local history = history_of(self)
    if not history then return false end
    local config = self.strategy:next(history)
    if config then add(self, config) else self.is_complete = true end
  end
  return true
end

--- Returns the trials proposed so far: { id, config, seed }, each once (TPE may propose a configuration again), in
-- order. With halving, all first seeds come first, since the other seeds run only if these are not stopped.
function Plan.trials(self)
  local list = {}
  if self.sweep.strategy[1] == "asha" then
    for s = 1, #self.sweep.seeds do
      for _, item in ipairs(self.items) do list[#list + 1] = item.trials[s] end
    end
    return list
  end
  for _, item in ipairs(self.items) do
    if not item.is_repeat then table.move(item.trials, 1, #item.trials, #list + 1, list) end
  end
  return list
end

--- Returns those of a list of results whose trials are in the plan.
function Plan.planned(self, results)
  self:advance()
  local ids, found = {}, {}
  for _, trial in ipairs(self:trials()) do ids[trial.id] = true end
  for _, result in ipairs(results) do
    if ids[result.id] then found[#found + 1] = result end
  end
  return found
end

--- True if trials can be divided into shares. Those of TPE cannot: a share would wait for the results of the others.
function Plan.is_divisible(self) return self.strategy.configurations ~= nil end

--- Returns the number by which trial number i is given to a share: with halving all seeds of a configuration belong to
-- one, since the first seed decides about the others.
function Plan.share_number(self, i)
  return self.sweep.strategy[1] == "asha" and (i - 1) % #self.items + 1 or i
end

--- Returns the number of trials of the whole sweep: exact once all have been proposed, else an upper bound.
function Plan.size(self)
  if self.is_complete then return #self:trials() end
  local configurations = self.strategy.configurations and #self.strategy.configurations or self.sweep.strategy.trials
  return configurations * #self.sweep.seeds
end

return plan
