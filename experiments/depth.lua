-- Claim 8 of the review: deeper and more elaborate networks are not better for spectra.
--
-- One to six convolutions (kernels 20, 15, 10, 10, 10, 10, max-pooling 2) are compared with residual networks of one to
-- three stages: once with numbers of filters that give all networks the same number of parameters, once with the same
-- filters and numbers of epochs that cost the same multiply-adds in training (seconds would depend on the machine).
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "depth", claim = "Deeper networks are not better for spectra",
  trains = true, seeds = { full = 3, quick = 1 },
  settings = { n = { 1000, 600 }, test = { 2000, 500 }, parameters = { 60000, 20000 }, epochs = { 20, 3 },
    filters = { 32, 8 }, epochs_of_depth = { 3, 3 } },
  about = { n = "training spectra", test = "test spectra", parameters = "weights of each network at equal parameters",
    epochs = "epochs at equal parameters", filters = "filters of each convolution at equal cost",
    epochs_of_depth = "convolutions of the network whose training for --epochs is the cost of all" },
}
local s = run.settings
local kernels = { 20, 15, 10, 10, 10, 10 }

local makers, names = {}, {}
for depth = 1, 6 do
  names[depth] = depth .. " conv"
  makers[names[depth]] = function(filters)
    return mb.models.cnn { classes = 2, filters = filters, kernel = { table.unpack(kernels, 1, depth) } }
  end
end
for stages = 1, 3 do
  names[6 + stages] = ("ResNet, %d stage%s"):format(stages, stages > 1 and "s" or "")
  makers[names[6 + stages]] = function(filters)
    local strides = {}
    for i = 1, stages do strides[i] = 4 end
    return mb.models.ho2019_resnet { classes = 2, filters = filters, first_filters = filters, strides = strides,
      momentum = 0.9, dropout = 0 }
  end
end

-- A network to count in; those that are trained get their weights from run:train, by the seed.
local function built(name, filters)
  local model = makers[name](filters)
  model:build { 1000, 1 }
  return model
end

local function multiply_adds(model)
  local sum = 0
  for _, step in ipairs(model:trace { 1000, 1 }) do
    if step.layer.macs then sum = sum + step.layer:macs(step.input, step.output) end
  end
  return sum
end

-- Returns the number of filters with which a network comes nearest to s.parameters.
local function filters_for(name)
  local best, least
  for filters = 1, 256 do
    local off = math.abs(built(name, filters):count_parameters() - s.parameters)
    if least and off > least then break end
    best, least = filters, off
  end
  return best
end

local details = {}
for _, name in ipairs(names) do
  local filters, same = filters_for(name), built(name, s.filters)
  details[name] = { filters = filters, parameters = built(name, filters):count_parameters(),
    multiply_adds = multiply_adds(same) }
end
if s.epochs_of_depth > #kernels then
  mb.experiment.fail(("depth: --epochs-of-depth: expected at most %d, got %d"):format(#kernels, s.epochs_of_depth), 2)
end
local budget = s.epochs * details[("%d conv"):format(s.epochs_of_depth)].multiply_adds

for seed in run:each_seed() do
  local set = mb.data.single_peak { n = s.n, test = s.test, seed = seed }
  run:add("ceiling", set.ceiling())
  for _, name in ipairs(names) do
    run:progress("%s", name)
    local function accuracy(filters, epochs)
      local model = makers[name](filters)
      run:train(model, set, epochs, seed)
      return mb.evaluate(model, set.test).accuracy
    end
    run:add(name .. " @ equal parameters", accuracy(details[name].filters, s.epochs))
    details[name].epochs = math.max(1, math.floor(budget / details[name].multiply_adds + 0.5))
    run:add(name .. " @ equal cost", accuracy(s.filters, math.min(details[name].epochs, 20 * s.epochs)))
  end
end

for _, column in ipairs { "equal parameters", "equal cost" } do
  for _, deeper in ipairs { "6 conv", "ResNet, 3 stages" } do
    run:rule { ("at %s: %s is no more than 0.005 better than 3 convolutions"):format(column, deeper),
      ("%s @ %s"):format(deeper, column), below = "3 conv @ " .. column, by = -0.005 }
  end
end

local series = {}
for k, column in ipairs { "equal parameters", "equal cost" } do
  series[k] = run:series("%s @ " .. column, names, { label = column })
end
run:figure("depth", mb.plot.bars { categories = names, series = series, y_range = { 0.4, 1 }, y_label = "accuracy",
  marks = { { y = run:mean "ceiling", label = "ceiling" }, { y = 0.5, label = "chance" } }, width = 1000,
  title = "Accuracy over depth" })
run:finish { networks = details }
