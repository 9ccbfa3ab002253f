--- The metrics of mb.fit and mb.evaluate: of all outputs for a set and its labels, by name or by a function.
local core = require "moonbow.core"
local check = require "moonbow.check"
local inputs = require "moonbow.train.named"
local scores = require "moonbow.pipeline.metrics"

local metrics = {}

--- Returns the rows of a tensor, or of several by name, whose weight is above 0; x itself without weights.
function metrics.counted_rows(x, weights)
  if not weights then return x end
  local rows = {}
  for i, weight in ipairs(core.totable(weights)) do
    if weight > 0 then rows[#rows + 1] = i end
  end
  return inputs.index(x, rows)
end

--- Returns class numbers; of soft labels, the largest share of each row.
function metrics.class_numbers(y) return core.rank(y) == 2 and core.argmax(y, 2) or y end

local class_numbers = metrics.class_numbers

local function integers(x)
  local list = core.totable(x)
  for i, value in ipairs(list) do list[i] = math.tointeger(value) end
  return list
end

-- The log odds of each class of a row of logits: its logit less the logarithm of the sum of the other exponentials.
-- Logits of two spectra cannot be compared, since all of one may be shifted and mean the same; and of probabilities in
-- float, all from 1 - 6e-8 on are 1.
--
-- The others are added up by size, without the class itself: sums in the order of the classes, or less the own term,
-- are rounded differently in spectra of equal odds, which would no longer tie.
local function log_odds(logits)
  local sorted, above, odds_of, odds, n = table.move(logits, 1, #logits, 1, {}), {}, {}, {}, #logits
  table.sort(sorted)
  local best = sorted[n]
  local second = sorted[n - 1] > -math.huge and sorted[n - 1] or best
  above[n] = 0 -- above, below: sums of exponentials by the largest one; and rest, by the second
  for i = n - 1, 1, -1 do above[i] = above[i + 1] + math.exp(sorted[i + 1] - best) end
  local below, rest = 0, 0
  for i = 1, n - 1 do
    local z = sorted[i]
    odds_of[z] = odds_of[z] or z - best - math.log(below + above[i])
    below, rest = below + math.exp(z - best), rest + math.exp(z - second)
  end
  odds_of[best] = odds_of[best] or best - second - math.log(rest)
  for k, z in ipairs(logits) do odds[k] = odds_of[z] end
  return odds
end

local function of_classes(outputs, y)
  local classes, odds = core.size(outputs, 2), core.totable(outputs)
  for i, logits in ipairs(odds) do odds[i] = log_odds(logits) end
  local found = scores.classes(integers(class_numbers(y)), integers(core.argmax(outputs, 2)), odds, classes)
  found.confusion = nil
  return found
end

-- The mean F1 of each label that occurs or is predicted; labels are rows of 0 and 1.
local function mean_f1(predicted, truth)
  local both = core.totable(core.sum(core.mul(predicted, truth), 1))
  local all, sum, count = core.totable(core.sum(core.add(predicted, truth), 1)), 0, 0
  for k, marks in ipairs(all) do
    if marks > 0 then sum, count = sum + 2 * both[k] / marks, count + 1 end
  end
  return count > 0 and sum / count or 0
end

-- Logits are above 0 for probabilities above one half.
local function of_marks(outputs, y)
  local n = core.size(outputs, 1)
  local predicted, truth = core.gt(core.reshape(outputs, n, -1), 0), core.gt(core.reshape(y, n, -1), 0.5)
  local right = core.eq(predicted, truth)
  return { accuracy = core.mean(right):item(), exact = core.mean(core.min(right, 2)):item(),
    macro_f1 = mean_f1(predicted, truth) }
end

local function of_numbers(outputs, y)
  local predicted, truth = core.reshape(outputs, -1), core.reshape(y, -1)
  local found = scores.numbers(core.totable(truth), core.totable(predicted), core.count(y) // core.size(y, 1))
  found.mae = core.mean(core.abs(core.sub(predicted, truth))):item()
  return found
end

local tasks = {
  classes = { measure = of_classes, names = { "accuracy", "balanced_accuracy", "macro_f1", "auc" } },
  marks = { measure = of_marks, names = { "accuracy", "exact", "macro_f1" } },
  numbers = { measure = of_numbers, names = { "rmse", "mae", "bias", "r2" } },
}

local function task_of(chosen)
  if chosen.is_of_classes then return tasks.classes end
  return chosen.kind and chosen.kind.unit and tasks.marks or tasks.numbers
end

-- Names of figures that mb.fit and mb.evaluate find themselves.
local taken = {}
for name in ([[loss accuracy confusion precision recall f1 macro_f1 classes count shows exact rmse mae bias r2 auc
  balanced_accuracy]]):gmatch "[%w_]+" do taken[name] = true end

local function call(operation, name, f, outputs, y)
  local value = f(core.copy(outputs), core.copy(y))
  if core.is_tensor(value) and core.count(value) == 1 then value = value:item() end
  return check.kind(operation, ("metrics.%s: result"):format(name), value, "number")
end

--- Reads the option metrics; returns a function(outputs, y, weights) that returns the metrics by name, or nil. Rows of
-- weight 0 do not count; the other rows count alike.
-- @param chosen the loss, as losses.read gives it
function metrics.read(operation, given, chosen)
  if given == nil then return nil end
  local task, named, own = task_of(chosen), {}, {}
  for key, value in pairs(given) do
    if type(key) == "string" then
      if taken[key] then
        check.fail(operation, "metrics.%s: expected a name of your own, got one that results have already", key)
      end
      own[key] = check.kind(operation, "metrics." .. key, value, "function")
    else
      named[#named + 1] = check.name(operation, ("metrics[%s]"):format(key), value, task.names)
    end
  end
  return function(outputs, y, weights)
    outputs, y = metrics.counted_rows(outputs, weights), metrics.counted_rows(y, weights)
    local found, all = {}, #named > 0 and task.measure(outputs, y) or {}
    for _, name in ipairs(named) do found[name] = all[name] end
    for name, f in pairs(own) do found[name] = call(operation, name, f, outputs, y) end
    return found
  end
end

--- All metrics that have a name, of outputs and labels.
function metrics.all(chosen, outputs, y) return task_of(chosen).measure(outputs, y), task_of(chosen).names end

--- Returns a function(output, y, weights) that counts right rows, or marks, among those of a weight above 0, and
-- returns them and the number of those; nil for a loss without classes.
function metrics.hits(chosen)
  local task = task_of(chosen)
  if task == tasks.numbers then return nil end
  return function(output, y, weights)
    local right = task == tasks.classes and core.eq(core.argmax(output, 2), class_numbers(y))
      or core.eq(core.gt(core.reshape(output, core.size(output, 1), -1), 0),
        core.gt(core.reshape(y, core.size(y, 1), -1), 0.5))
    if not weights then return core.sum(right):item(), core.count(right) end
    local counts = core.gt(weights, 0)
    local per_row = core.count(right) // core.size(right, 1)
    if core.rank(right) == 2 then counts = core.reshape(counts, -1, 1) end
    return core.sum(core.mul(right, counts)):item(), core.sum(counts):item() * per_row
  end
end

return metrics
