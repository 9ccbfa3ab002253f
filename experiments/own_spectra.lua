-- Your own measured spectra: cross-validates a network on a text file, then trains it on everything and saves
-- it; --predict applies a saved network to another file.
local argparse = require "argparse"
local mb = require "moonbow"
local experiment = require "moonbow.experiment"

local model_names = { "one_convolution", "lee2020_cnn2", "lee2020_cnn3", "szymanski2021", "ho2019_resnet",
  "logistic_regression" }
local steps = { "snv", "standardize" }

local parser = argparse("lua experiments/own_spectra.lua", "Cross-validates a network on measured spectra.")
parser:argument("file", "spectra, one per line, below a header with the axis values")
parser:option("--label", "column with the classes")
parser:option("--group", "column (or several, with commas) that names replicates, which stay in one fold")
parser:option("--model", "network", "one_convolution"):choices(model_names)
parser:option("--folds", "folds of the cross-validation", "5"):convert(math.tointeger)
parser:option("--epochs", "epochs of each training"):convert(math.tointeger)
parser:option("--seed", "seed of folds and networks", "1"):convert(math.tointeger)
parser:option("--out", "folder for results.json, figures and model.safetensors", "results/own_spectra")
parser:option("--predict", "a saved model to apply to the file, instead of training")
parser:flag("--quick", "fewer epochs")
local args = parser:parse()
local epochs = args.epochs or (args.quick and 30 or 100)

local fail = experiment.fail

local function read_spectra()
  local set, err = mb.data.read_csv(args.file)
  return set or fail(err)
end

local function column(set, name)
  if set.labels[name] then return set.labels[name] end
  fail(("%s has no label column '%s'; there are: %s"):format(args.file, name,
    #set.columns > 0 and table.concat(set.columns, ", ") or "none"))
end

-- Class names in order, and the class number of each spectrum.
local function read_classes(set)
  local names, numbers, y = {}, {}, {}
  for i, label in ipairs(column(set, args.label)) do
    if label == "" then fail(("%s: spectrum %d has no '%s'"):format(args.file, i, args.label)) end
    if not numbers[label] then
      numbers[label] = true
      names[#names + 1] = label
    end
  end
  if #names < 2 then
    fail(("%s: expected at least 2 classes in '%s', found only '%s'"):format(args.file, args.label, names[1]))
  end
  table.sort(names)
  for k, name in ipairs(names) do numbers[name] = k end
  for i, label in ipairs(set.labels[args.label]) do y[i] = numbers[label] end
  return names, y
end

local function read_groups(set)
  if not args.group then return nil end
  local groups = {}
  for name in args.group:gmatch "[^,]+" do
    for i, value in ipairs(column(set, name)) do groups[i] = (groups[i] or "") .. "\0" .. value end
  end
  return groups
end

local function train(x, y, classes)
  local fitted, processed = mb.preprocess.fit(steps, x)
  local model = mb.models[args.model] { classes = #classes }
  mb.fit(model, { x = processed, y = y }, { epochs = epochs, batch_size = 16, seed = args.seed, verbose = false })
  return model, fitted
end

local function cross_validate(set, y, classes, folds)
  local confusion, accuracies = {}, {}
  for i = 1, #classes do
    confusion[i] = {}
    for j = 1, #classes do confusion[i][j] = 0 end
  end
  for f, fold in ipairs(folds) do
    local model, fitted = train(set.x:index(fold.train), y:index(fold.train), classes)
    local test = { x = mb.preprocess.apply(fitted, set.x:index(fold.test)), y = y:index(fold.test) }
    local result = mb.evaluate(model, test)
    for i = 1, #classes do
      for j = 1, #classes do confusion[i][j] = confusion[i][j] + result.confusion[i][j] end
    end
    accuracies[f] = result.accuracy
    print(("fold %d of %d: accuracy %.3f on %d spectra"):format(f, #folds, result.accuracy, #test.x))
  end
  return confusion, accuracies
end

local function show_confusion(confusion, classes)
  local rows, right, all = { { "true \\ predicted", table.unpack(classes) } }, 0, 0
  rows[1][#rows[1] + 1] = "recall"
  for i, name in ipairs(classes) do
    local sum = 0
    for j = 1, #classes do sum = sum + confusion[i][j] end
    right, all = right + confusion[i][i], all + sum
    rows[i + 1] = { name, table.unpack(confusion[i]) }
    table.insert(rows[i + 1], ("%.3f"):format(confusion[i][i] / sum))
  end
  experiment.table(rows)
  return right / all
end

local function confusion_figure(confusion, classes)
  return mb.plot.heatmap { z = confusion, x_names = classes, y_names = classes, x_label = "predicted",
    y_label = "true", z_label = "spectra", cell_format = "%d", title = "Cross-validated predictions" }
end

local function run_training()
  local set = read_spectra()
  local classes, labels = read_classes(set)
  local groups, y = read_groups(set), mb.tensor(labels)
  local folds = mb.split.k_fold(#set.x, args.folds, { stratify = labels, groups = groups, seed = args.seed })
  print(("%d spectra of %d points, %d classes, %s, %d folds%s"):format(#set.x, set.x:size(2), #classes, args.model,
    args.folds, groups and ", replicates kept together" or ""))
  local confusion, accuracies = cross_validate(set, y, classes, folds)
  print()
  local accuracy = show_confusion(confusion, classes)
  print(("\naccuracy %.3f over all spectra; by fold %s\n"):format(accuracy, experiment.show_spread(accuracies)))
  experiment.save(args.out, {
    file = args.file, label = args.label, group = args.group, model = args.model, epochs = epochs, seed = args.seed,
    classes = classes, preprocessing = steps, accuracy = accuracy, accuracy_by_fold = accuracies,
    confusion = confusion,
  }, { confusion = confusion_figure(confusion, classes) })
  local model, fitted = train(set.x, y, classes)
  local path = args.out .. "/model.safetensors"
  local ok, err = mb.save(model, path, { classes = classes, axis = set.axis, preprocessing = fitted })
  if not ok then fail(err) end
  print("wrote " .. path .. ", trained on all spectra")
end

local function check_axis(info, set)
  local expected, got = info.axis, set.axis
  if #expected == #got and expected:allclose(got, { relative = 1e-4 }) then return end
  fail(("%s: the model expects %d points from %g to %g, the file has %d from %g to %g"):format(args.file, #expected,
    expected[1], expected[#expected], #got, got[1], got[#got]))
end

local function run_prediction()
  local model, info = mb.load(args.predict)
  if not model then fail(info) end
  if not (info.classes and info.axis) then fail(args.predict .. ": holds no classes and axis to predict with") end
  local set = read_spectra()
  check_axis(info, set)
  local predicted, probabilities = mb.predict(model, mb.preprocess.apply(info.preprocessing or {}, set.x))
  local truth, right = args.label and column(set, args.label), 0
  local rows = { { "spectrum", "predicted", "probability", truth and args.label } }
  for i = 1, #predicted do
    local k = predicted[i] // 1 | 0
    rows[i + 1] = { i, info.classes[k], ("%.3f"):format(probabilities:get(i, k)), truth and truth[i] }
    if truth and truth[i] == info.classes[k] then right = right + 1 end
  end
  experiment.table(rows)
  if truth then print(("\naccuracy %.3f"):format(right / #predicted)) end
end

if not args.predict and not args.label then fail "expected --label with the column that holds the classes" end
local ok, err = pcall(args.predict and run_prediction or run_training)
if not ok then fail(tostring(err)) end
