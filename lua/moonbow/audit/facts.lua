--- What the rules of an audit know: each fact is computed when a rule asks for it first.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local labels = require "moonbow.data.labels"
local random = require "moonbow.random"
local record = require "moonbow.train.record"
local Layer = require "moonbow.nn.layer"
local network = require "moonbow.audit.network"
local parts = require "moonbow.audit.parts"
local peaks = require "moonbow.audit.peaks"
local predictions = require "moonbow.audit.predictions"
local words = require "moonbow.audit.words"

local MOST_WORK = 2e11 -- multiply-adds of a pass over spectra: a few seconds on one core
local ALL, MEASURED, BATCH = 1 << 31, 200, 64 -- spectra
local FRESH, FRESH_SPECTRA, MOST_FRESH = 3, 32, 2e7
local GAIN, LEVEL = 0.02, 0.05 -- of accuracy by recomputed statistics
local CONSTANT = 1e-12 -- a variance up to this share of the squared mean is rounding

local makers = {}

function makers.reach(a) return a.model:reach(a.shape) end

function makers.parameters(a)
  local sum = 0
  for _, part in ipairs(a.flow) do sum = sum + part.parameters end
  return sum
end

function makers.macs(a)
  local sum = 1
  for _, part in ipairs(a.flow) do sum = sum + part.macs end
  return sum
end

-- ---- the plan of the training ----

function makers.steps(a) return a.train and math.ceil(a.train.n / a.options.batch_size) end -- of an epoch

-- True if a bias, a shift or a running mean is what it was made as: 0, 1 (the forget gates of an LSTM), or a number
-- that was given.
local function is_initial(tensor, given)
  local off = core.mul(tensor, core.sub(tensor, 1))
  if type(given) == "number" then off = core.mul(off, core.sub(tensor, given)) end
  return core.sum_squares(off) == 0
end

--- True if mb.fit trained the network, or a bias, a shift or a running mean has moved: training moves all of them.
function makers.is_trained(a)
  if not a.model.input_shape then return false end -- it has no weights
  if a.options.trained ~= nil then return a.options.trained end
  if record.of(a.model) then return true end
  local has_any = false
  for _, part in ipairs(a.flow) do
    for name, tensor in pairs(part.layer.layers and {} or part.layer) do
      local moves = type(name) == "string" and (name:find "bias$" or name == "beta" or name == "running_mean")
      if moves and core.is_tensor(tensor) then
        has_any = true
        if not is_initial(tensor, part.options.bias_initializer) then return true end
      end
    end
  end
  return not has_any
end

-- ---- data ----

-- A part with as few rows as a pass over the network may have, drawn at random.
local function affordable(a, part, most)
  return parts.draw(part, math.max(16, math.min(most, MOST_WORK / a.macs // 1 | 0)), a.options.seed)
end

function makers.classes(a)
  local most = a.parts.names and #a.parts.names or 0
  for _, name in ipairs { "train", "validation", "test" } do
    if a.parts[name] then most = math.max(most, core.describe(a.parts[name].labels).max // 1 | 0) end
  end
  return most
end

function makers.most_frequent(a) -- class of the training spectra
  local counts, most = {}, 1
  for _, class in ipairs(core.totable(a.train.labels)) do counts[class] = (counts[class] or 0) + 1 end
  for class, count in pairs(counts) do
    if count > (counts[most] or 0) or count == counts[most] and class < most then most = class end
  end
  return most // 1 | 0
end

function makers.train_classes(a) return labels.count_different(core.totable(a.train.labels)) end
function makers.varies(a)
  local first = core.narrow(a.train.x, 1, 1)
  return core.sum_squares(core.sub(a.train.x, first)) > 0
end

function makers.train(a) return a.parts.train end
--- The spectra that training has not seen: the test set, or the validation set.
function makers.other(a) return a.parts.test or a.parts.validation end
function makers.unseen(a) return a.parts.test and "test spectra" or "validation spectra" end

-- A function that gives a number of spectra of a part in words.
local function counter(name)
  return function(n) return check.show_count(n, name .. " spectrum", name .. " spectra") end
end

function makers.count_unseen(a) return counter(a.parts.test and "test" or "validation") end
--- All spectra beside those of the training, which must not be copies of them: a list of { part, count (a
-- function that gives a number of them in words) }.
function makers.others(a)
  local list = {}
  for _, name in ipairs { "validation", "test" } do
    if a.parts[name] then list[#list + 1] = { part = a.parts[name], count = counter(name) } end
  end
  return list
end
function makers.width(a) return peaks.width(parts.draw(a.train, MEASURED, a.options.seed).x) end -- of peaks, in points
function makers.raw_width(a) return peaks.width(parts.draw(a.probe_part, MEASURED, a.options.seed).raw) end
function makers.means(a) return peaks.class_means(a.train.x, a.train.y, a.classes) end
function makers.spacing(a)
  local least, one, other = peaks.spacing(a.train.x, a.train.y, a.means)
  return least and { points = least, one = one, other = other }
end

-- A function that gives a number of points in words, with the unit of the axis, if it is known.
local function in_points(axis, unit)
  local step = axis and #axis > 1 and math.abs(axis[#axis] - axis[1]) / (#axis - 1)
  return function(count)
    local text = count == 1 and "1 point" or ("%g points"):format(count)
    if not step or step == 1 and not unit then return text end
    return ("%s (%s%s)"):format(text, words.number(count * step), unit and " " .. unit or " of the axis")
  end
end

function makers.points(a) return in_points(a.parts.axis, a.parts.unit) end
function makers.raw_points(a) -- of spectra before their preprocessing
  local axis, part = a.parts.axis, a.probe_part
  return in_points(part.raw_axis or axis and #axis == core.size(part.raw, 2) and axis or nil, a.parts.unit)
end

--- A class by its name, in quotes.
function makers.class_name(a)
  return function(class)
    local name = a.parts.names and a.parts.names[class]
    return name and not tonumber(name) and ('"%s"'):format(name) or ("class %s"):format(name or class)
  end
end

-- ---- predictions ----

function makers.judged_part(a) return affordable(a, a.other, ALL) end
function makers.judged(a)
  return predictions.judge(predictions.network(a.model, a.judged_part.x), a.judged_part.y)
end
function makers.train_part(a) return affordable(a, a.train, 1000) end
function makers.train_judged(a)
  return predictions.judge(predictions.network(a.model, a.train_part.x), a.train_part.y)
end
--- The part and judgement of the sensitivity to changes.
function makers.probe_part(a) return affordable(a, a.other, 500) end

--- The simple models' judgements of the same rows as the network's, by name.
function makers.simple(a)
  return setmetatable({}, { __index = function(found, name)
    found[name] = predictions.of_simple(name, a.train, a.judged_part, a.classes)
    return found[name]
  end })
end

-- ---- filters ----

-- The least and the greatest output of each channel of each layer for a batch: { low, high } by layer.
local function ranges(model, x)
  local found = {}
  local function watch(part, _, y)
    if part.layers or core.rank(y) < 2 or found[part] then return end
    local rows = core.reshape(y, -1, core.size(y, core.rank(y)))
    found[part] = { low = core.min(rows, 1), high = core.max(rows, 1) }
  end
  Layer.traced_as_run(watch, autograd.no_grad, model, x)
  return found
end

-- How many channels of each layer have the same output for all spectra, by path: { path, dead, channels }.
local function dead_channels(model, x)
  local all, by_path, n = {}, {}, core.size(x, 1)
  for first = 1, n, BATCH do
    for part, range in pairs(ranges(model, core.narrow(x, first, math.min(BATCH, n - first + 1)))) do
      local before = all[part] or range
      all[part] = { low = core.minimum(before.low, range.low), high = core.maximum(before.high, range.high) }
    end
  end
  model:visit(function(part, path)
    local range = all[part]
    if range then
      by_path[path] = { path = path, dead = core.sum(core.eq(range.low, range.high))[1] // 1 | 0,
        channels = core.count(range.low) }
    end
  end)
  return by_path
end

function makers.dead(a)
  local _ <close> = a.model:keep_modes()
  a.model:eval()
  return dead_channels(a.model, a.train_part.x)
end

-- The layers before the first that makes rows of maps, as a fresh network; nil if the description holds functions.
local function body_of(model)
  local ok, config = pcall(model.config, model)
  if not ok or config.ties then return nil end
  for i, part in ipairs(config.type == "Sequential" and config.layers or {}) do
    if part.type == "Flatten" or part.type:find "^Global" then
      config.layers = table.move(config.layers, 1, i - 1, 1, {})
      break
    end
  end
  if config.layers and #config.layers == 0 then return nil end
  return config
end

function makers.fresh_part(a) return affordable(a, a.train, FRESH_SPECTRA) end

--- The dead filters of fresh copies of the body, by path: sums over the copies; false if there can be no copy.
function makers.fresh_dead(a)
  local config = body_of(a.model)
  if not config or a.parameters > MOST_FRESH and config.type ~= "Sequential" then return false end
  local sums, x = {}, a.fresh_part.x
  for draw = 1, FRESH do
    local copy = Layer.from_config(config)
    copy:build(a.shape, random.rng { a.options.seed, draw })
    for path, entry in pairs(dead_channels(copy:eval(), x)) do
      local sum = sums[path] or { path = path, dead = 0, channels = 0, whole = 0 }
      sum.dead, sum.channels = sum.dead + entry.dead, sum.channels + entry.channels
      sum.whole = sum.whole + (entry.dead == entry.channels and 1 or 0)
      sums[path] = sum
    end
  end
  return sums
end

-- ---- running statistics ----

local function norms_of(a)
  local list = {}
  for _, part in ipairs(network.of(a.flow, { norm = true })) do list[#list + 1] = part end
  return list
end

--- Of a network with batch norm: the accuracy with statistics of the training spectra, and, of each layer whose input
-- varies, how many times its running variance, with epsilon, is the recomputed one. The network stays as it is.
function makers.recalibrated(a)
  local evaluate, kept, running = require "moonbow.train.evaluate", {}, {}
  for i, buffer in ipairs(a.model:buffers()) do kept[i] = { buffer.value, core.copy(buffer.value) } end
  local _ <close> = setmetatable({}, { __close = function()
    for _, pair in ipairs(kept) do core.copy_from(pair[1], pair[2]) end
  end })
  local norms = norms_of(a)
  for i, part in ipairs(norms) do running[i] = core.describe(part.layer.running_var).mean end
  evaluate.recalibrate(a.model, a.train_part.x, { batch_size = 32 })
  local ratios = {}
  for i, part in ipairs(norms) do
    local layer, epsilon = part.layer, part.options.epsilon
    local variance, mean_square = core.describe(layer.running_var).mean, core.describe(core.mul(layer.running_mean,
      layer.running_mean)).mean
    if variance > CONSTANT * mean_square then -- else nothing varies there, as behind dead filters
      ratios[#ratios + 1] = { part = part, ratio = (running[i] + epsilon) / (variance + epsilon) }
    end
  end
  return { judged = a.other and a.parts.is_of_classes
    and predictions.judge(predictions.network(a.model, a.judged_part.x), a.judged_part.y), ratios = ratios }
end

--- True if the network predicts better once its running statistics are recomputed: what else it does then says little.
function makers.is_stale(a)
  if #norms_of(a) == 0 or not (a.other and a.fits and a.train.n > 1) then return false end
  local again = a.recalibrated.judged
  local _, _, p = predictions.compare(again, a.judged)
  return again.accuracy - a.judged.accuracy >= GAIN and p <= LEVEL
end

--- What the network predicts; with recomputed statistics where its own are stale.
function makers.fresh_judged(a) return a.is_stale and a.recalibrated.judged or a.judged end

--- The facts of an audit: a table whose fields are computed when they are asked for.
-- @param given { model, options, parts }; shape and flow (network.flow) are set before rules ask
return function(given)
  return setmetatable(given, { __index = function(a, key)
    local make = makers[key]
    if not make then return nil end
    local value = make(a)
    if value == nil then value = false end
    a[key] = value
    return value
  end })
end
