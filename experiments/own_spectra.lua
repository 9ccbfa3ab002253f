-- Your own measured spectra: cross-validates a network on files of any format that mb.spectra.read reads, then trains
-- it on everything and saves it; --predict applies a saved network to other files.
local argparse = require "argparse"
local mb = require "moonbow"
local check = require "moonbow.check"
local experiment = require "moonbow.experiment"
local counts = require "moonbow.experiment.confusion"
local measured = require "moonbow.experiment.measured"
local interrupt = require "moonbow.interrupt"

local model_names = { "one_convolution", "lee2020_cnn2", "lee2020_cnn3", "szymanski2021", "ho2019_resnet",
  "logistic_regression" }
local steps = { "snv", "standardize" }

-- Returns a converter of an option's argument to a whole number.
local function at_least(option, least)
  return function(text)
    local number = math.tointeger(tonumber(text))
    if number and number >= least then return number end
    return nil, ("%s: expected a whole number from %d on, got %s"):format(option, least, check.show(text))
  end
end

local parser = argparse("lua experiments/own_spectra.lua", "Cross-validates a network on measured spectra.")
parser:argument("files", "files, folders or globs of spectra, of any format in docs/spectra.md"):args "+"
parser:option("--label", "column with the classes; folder: the name of each file's folder")
parser:option("--labels", "table with further columns, whose rows are found by the names of the files")
parser:option("--by", "what names its rows: file, name, folder or a column; or row, for their order", "file")
parser:option("--group", "column (or several, with commas) that names replicates, which stay in one fold")
parser:option("--model", "network", "one_convolution"):choices(model_names)
parser:option("--folds", "folds of the cross-validation", "5"):convert(at_least("--folds", 2))
parser:option("--epochs", "epochs of each training"):convert(at_least("--epochs", 1))
parser:option("--seed", "seed of folds and networks", "1"):convert(math.tointeger)
parser:option("--out", ("folder for results.json, figures and model.safetensors (default %s, with --quick %s)"):format(
  experiment.folder("own_spectra"), experiment.folder("own_spectra", true)))
parser:option("--predict", "a saved model to apply to the file, instead of training")
parser:option("--separator", "character between cells, \\t for a tab (default: what fits all lines)")
  :convert(function(text) return text == "\\t" and "\t" or text end)
parser:option("--decimal", "decimal sign (default: what fits all lines)"):choices { ".", "," }
parser:option("--comment", "sign with which lines start that are left out (see docs/own_spectra.md)")
parser:option("--unit", "unit of the axis, if the files do not say or disagree: cm-1, nm, deg")
parser:option("--quantity", "what the values are, if the files do not say or disagree: counts, absorbance, %T")
parser:flag("--resample", "interpolate spectra with different axes to one, or to that of the model")
parser:flag("--skip", "leave out files that cannot be read")
parser:flag("--quick", "fewer epochs")
local args = parser:parse()
args.out = args.out or experiment.folder("own_spectra", args.quick)
local epochs = args.epochs or (args.quick and 30 or 100)

local fail = experiment.fail
local after_interrupt = args.predict and "the same command starts again"
  or "no model was written; the same command starts again"
interrupt.end_script_with("own_spectra: interrupted; " .. after_interrupt)

-- @param axis to which spectra are interpolated if that is asked for
local function read_spectra(axis)
  local options = { resample = args.resample and (axis or true) or nil }
  for _, name in ipairs { "separator", "decimal", "comment", "labels", "by", "unit", "quantity", "skip" } do
    options[name] = args[name]
  end
  return measured.read(args.files, options)
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
    interrupt.check()
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

local function confusion_figure(confusion, classes)
  return mb.plot.heatmap { z = confusion, x_names = classes, y_names = classes, x_label = "predicted",
    y_label = "true", z_label = "spectra", cell_format = "%d", title = "Cross-validated predictions" }
end

local function run_training()
  local set = read_spectra()
  local classes, labels = set:classes(args.label, args.folds)
  local groups, y = args.group and set:groups(args.group, args.label, args.folds), mb.tensor(labels)
  experiment.prepare(args.out)
  local folds = mb.split.k_fold(#set.x, args.folds,
    { stratify = set:column(args.label), groups = groups, seed = args.seed })
  print(("%d spectra of %d points, %d classes, %s, %d folds%s"):format(#set.x, set.x:size(2), #classes, args.model,
    args.folds, groups and ", replicates kept together" or ""))
  local confusion, accuracies = cross_validate(set, y, classes, folds)
  print()
  experiment.table(counts.rows(confusion, classes))
  local accuracy = counts.accuracy(confusion)
  print(("\naccuracy %.3f over all spectra; by fold %s\n"):format(accuracy, experiment.show_spread(accuracies)))
  local model, fitted = train(set.x, y, classes)
  experiment.save(args.out, {
    file = set.path, label = args.label, group = args.group, model = args.model, epochs = epochs,
    seed = args.seed, classes = classes, preprocessing = steps, accuracy = accuracy, accuracy_by_fold = accuracies,
    confusion = confusion,
  }, { confusion = confusion_figure(confusion, classes) })
  local path = args.out .. "/model.safetensors"
  local ok, err = mb.save(model, path, { classes = classes, preprocessing = fitted,
    axis = set.spectra.axis, unit = set.spectra.unit, quantity = set.spectra.quantity })
  if not ok then fail(err) end
  after_interrupt = "results and model are written"
  print("wrote " .. path .. ", trained on all spectra")
end

local function load_model()
  local model, info = mb.load(args.predict)
  if not model then fail(info) end
  if not (info.classes and info.axis) then fail(args.predict .. ": holds no classes and axis to predict with") end
  if type(info.axis) ~= "table" then info.axis = info.axis:totable() end
  return model, info
end

-- Returns the predicted class name of each spectrum, and its probability.
local function predict(model, info, x)
  local predicted, probabilities = mb.predict(model, mb.preprocess.apply(info.preprocessing or {}, x))
  local names, certain = {}, {}
  for i = 1, #predicted do
    local k = predicted[i] // 1 | 0
    names[i], certain[i] = info.classes[k], probabilities:get(i, k)
    if certain[i] ~= certain[i] then
      fail(("what the network gives for spectrum %d is not finite"):format(i))
    end
  end
  return names, certain
end

local function run_prediction()
  local model, info = load_model()
  local set = read_spectra(info.axis)
  set:check_fits(info)
  local truth, right = args.label and set:column(args.label), 0
  if truth then set:check_known(args.label, info.classes) end
  local rows = { { "spectrum", "name", "predicted", "probability", truth and args.label } }
  local names, certain = predict(model, info, set.x)
  for i, name in ipairs(names) do
    rows[i + 1] = { i, set.spectra.names[i], name, ("%.3f"):format(certain[i]), truth and truth[i] }
    if truth and truth[i] == name then right = right + 1 end
  end
  experiment.table(rows)
  if truth then print(("\naccuracy %.3f"):format(right / #names)) end
end

local function run()
  local _ <close> = interrupt.catch("own_spectra", function() return after_interrupt end)
  if args.predict then run_prediction() else run_training() end
end

if not args.predict and not args.label then fail "expected --label with the column that holds the classes" end
local ok, err = pcall(run)
if not ok then fail((tostring(err):gsub("^experiments/own_spectra%.lua:%d+: ", ""))) end -- without a position
