-- Your own measured spectra, of any format that mb.spectra.read reads: compares pipelines of preprocessing and models,
-- names the simplest that is not worse than the best, reports, and saves it fitted on everything; --predict applies a
-- saved model to other files.
local argparse = require "argparse"
local mb = require "moonbow"
local check = require "moonbow.check"
local experiment = require "moonbow.experiment"
local files = require "moonbow.io.files"
local interrupt = require "moonbow.interrupt"
local measured = require "moonbow.experiment.measured"
local output = require "moonbow.experiment.output"
local problem = require "moonbow.pipeline.problem"
local judge = "moonbow.experiment.judge."
local application = require(judge .. "application")
local audited = require(judge .. "audited")
local candidates = require(judge .. "candidates")
local figures = require(judge .. "figures")
local folds = require(judge .. "folds")
local judgement = require(judge .. "judgement")
local official = require(judge .. "official")
local report = require(judge .. "report")
local tables = require(judge .. "tables")
local unlike = require(judge .. "unlike")
local words = require(judge .. "words")

local MOST_ROWS = 60 -- printed

-- Returns a converter of an option's argument to a whole number.
local function at_least(option, least)
  return function(text)
    local number = math.tointeger(tonumber(text))
    if number and number >= least then return number end
    return nil, ("%s: expected a whole number from %d on, got %s"):format(option, least, check.show(text))
  end
end

local parser = argparse("lua experiments/own_spectra.lua", "Compares pipelines on measured spectra.")
parser:argument("files", "files, folders or globs of spectra, of any format in docs/spectra.md"):args "+"
parser:option("--label", "column with the classes; folder: the name of each file's folder")
parser:option("--target", "column with the numbers to predict")
parser:option("--group", "column (or several, with commas) that names replicates, which stay in one fold")
parser:option("--split", "column that says which spectra are for training, and which for tests")
parser:option("--model", "models, with commas: plsda, logistic, svm, forest (classes), pls, ridge (numbers), "
  .. "neighbours, or networks such as one_convolution; with options as pls:components=4")
parser:option("--preprocess", "chains of steps to compare: 'none;snv;savitzky_golay:derivative=2,snv'")
parser:option("--folds", "folds of the cross-validation", "5"):convert(at_least("--folds", 2))
parser:option("--repeats", "how often, with other folds (default 3, with --quick 1)"):convert(at_least("--repeats", 1))
parser:option("--epochs", "epochs of each network"):convert(at_least("--epochs", 1))
parser:option("--seed", "seed of folds and networks", "1"):convert(at_least("--seed", 0))
parser:option("--out", ("folder for the report, results.json, figures and model.safetensors (default %s, with --quick "
  .. "%s)"):format(experiment.folder("own_spectra"), experiment.folder("own_spectra", true)))
parser:option("--predict", "a saved model to apply to the files, instead of training")
measured.add_options(parser)
parser:flag("--quick", "fewer pipelines, folds and epochs")
local args = output.parse(parser)
args.out = args.out or experiment.folder("own_spectra", args.quick)
args.repeats = args.repeats or (args.quick and 1 or 3)
local model_path = args.out .. "/model.safetensors"

local fail = experiment.fail
local after_interrupt = args.predict and "the same command starts again"
  or "no model was written; the same command starts again"
interrupt.end_script_with("own_spectra: interrupted; " .. after_interrupt)

-- ---- training ----

-- Ends the script if the rows to train on of a fold are of one class.
local function check_folds(data, about)
  local set = about.train and data.spectra:select(about.train) or data.spectra
  local class = folds.confined(problem.read("own_spectra", set, about.options, "both"), about)
  if class then
    fail(("%s: some of the %d folds leave only spectra of %s to train on; expected at least 2 classes in %s with "
      .. "several %s%s"):format(data.path, args.folds, check.show(class), check.show(args.label), args.group
      and "groups of " .. check.show(args.group) or "spectra", about.train and " for training" or ""))
  end
end

-- Returns the set, the options for mb.compare and the other settings of the judgement; ends the script if the files do
-- not hold what the options name.
local function read_problem()
  local data = measured.read(args.files, args)
  local about = { folds = args.folds, repeats = args.repeats, quick = args.quick, options = { label = args.label,
    target = args.target, seed = args.seed } }
  if args.split then about.train, about.parts = official.rows(args.split, data:column(args.split)) end
  local train = about.train
  if args.label then data:check_classes(args.label, args.folds, train) end
  if args.target then data:check_numbers(args.target, args.folds, train) end
  if args.group then
    about.groups, about.options.groups = data:groups(args.group)
    data:check_groups(about.groups, args.group, args.label, args.folds, train)
  end
  if args.label then check_folds(data, about) end
  return data.spectra, about, data.path
end

local function warnings_of(set, about)
  local list = about.train and words.of_split(set, about.train, official.test_rows(about.parts), about.groups)
    or words.of_folds(set, { title = args.label or args.target, folds = args.folds, groups = about.groups })
  if args.label and about.groups then
    list[#list + 1] = words.of_mixed_groups(set, args.label, about.groups, about.options.groups)
  end
  return list
end

local function pipelines_for(set)
  local names = {}
  for name in (args.model or ""):gmatch "[^,%s]+" do names[#names + 1] = name end
  return candidates.pipelines(args.label and "class" or "number", set.length, { models = names, quick = args.quick,
    chains = args.preprocess, epochs = args.epochs or (args.quick and 30 or 100) })
end

local function print_findings(found, about)
  local heading, rows = tables.comparison(found)
  table.insert(rows, 1, heading)
  experiment.table(rows)
  print("\n" .. found.comparison:verdict())
  for _, sentence in ipairs(about.sentences) do print(sentence) end
  if found.audit then print(audited.sentence(found)) end
  if not found.outcome then return end
  heading, rows = tables.metrics(found)
  table.insert(rows, 1, heading)
  print()
  experiment.table(rows)
  print()
end

local function write(path, ok, err)
  if not ok then fail(err) end
  print("wrote " .. path)
end

local function list_of(set, found, about, path)
  local comparison, rows = found.comparison, {}
  for i, row in ipairs(comparison.rows) do
    rows[i] = { pipeline = tostring(row.pipeline), mean = row.mean, interval = row.validation.interval,
      metrics = row.validation.mean, p = row.p, tests = row.tests, seconds = row.validation.seconds }
  end
  local chosen = comparison.recommended and rows[comparison.recommended]
  return { file = path, spectra = #set, points = set.length, label = args.label, target = args.target,
    group = args.group, split = args.split, folds = args.folds, repeats = args.repeats, seed = args.seed,
    metric = comparison.metric, pipelines = rows, recommended = chosen and chosen.pipeline,
    verdict = comparison:verdict(), p_learned = comparison.p_learned, classes = found.names,
    constant = comparison.constant.mean, confusion = found.outcome and found.outcome.confusion,
    overall = found.outcome and found.outcome.mean, ceiling = found.ceiling,
    bands = found.bands and table.move(found.bands, 1, #found.bands, 1, {}),
    audit = found.audit and output.list(found.audit.findings), warnings = output.list(about.warnings),
    sentences = output.list(about.sentences) }
end

-- Files of an earlier run in the same folder would belong to another recommendation.
local function remove_old(names)
  for _, name in ipairs(names) do
    local path = args.out .. "/" .. name
    if os.remove(path) then print("removed the older " .. path) end
  end
end

-- Fits the recommended pipeline on all spectra and saves it, beside the principal components that mark unlike spectra.
local function save_model(found, set, about)
  local fitted = found.comparison.rows[found.comparison.recommended].pipeline:fit(set, about.options)
  if not fitted:is_savable() then
    print "No model is written: no file holds neighbours that predict numbers."
    return
  end
  local ok, err = fitted:save(model_path)
  local pca = unlike.fit(mb.preprocess.apply(fitted.preprocessing, set).x)
  if ok and pca then
    ok, err = mb.save(pca, application.path_of_marks(model_path), { preprocessing = fitted.preprocessing,
      axis = set.axis, unit = set.unit, quantity = set.quantity })
  end
  after_interrupt = "results and model are written"
  write(model_path .. ", fitted on all spectra", ok, err)
end

local function save(found, set, about, path)
  local drawn = { spectra = figures.spectra(set, args.label and "class" or "number", args.label or args.target) }
  if found.outcome then
    drawn.predictions, drawn.importance = figures.predictions(found.outcome), figures.importance(found.bands)
  end
  local page = report(found, set, drawn, about)
  remove_old { "model.safetensors", "model.pca.safetensors" } -- first: Ctrl-C may come before the next one
  experiment.save(args.out, list_of(set, found, about, path), drawn)
  write(args.out .. "/report.html", files.write(args.out .. "/report.html", page))
  if not found.outcome then
    return remove_old { "predictions.csv", "predictions.svg", "predictions.png", "importance.svg", "importance.png" }
  end
  local pipeline = found.comparison.rows[found.comparison.recommended].pipeline
  local heading, rows = tables.predictions(found, set, pipeline)
  write(args.out .. "/predictions.csv", tables.write_csv(args.out .. "/predictions.csv", heading, rows))
  save_model(found, set, about)
end

local function run_training()
  local set, about, path = read_problem()
  experiment.prepare(args.out)
  local list = pipelines_for(set)
  about.title, about.grouped = args.label or args.target, args.group ~= nil
  about.warnings, about.command = warnings_of(set, about), output.command()
  for _, text in ipairs(about.warnings) do io.stderr:write("warning: ", check.printable(text), "\n") end
  print(("%s of %d points, %s, %d folds%s%s"):format(check.show_count(#set, "spectrum", "spectra"), set.length,
    check.show_count(#list, "pipeline"), args.folds, args.repeats > 1 and (", %d times"):format(args.repeats) or "",
    about.grouped and ", replicates kept together" or ""))
  local found = judgement(list, set, about)
  audited(found, set, about)
  about.sentences = { words.networks(found.comparison) }
  table.insert(about.sentences, found.ceiling and found.ceiling.text or nil)
  print_findings(found, about)
  save(found, set, about, path)
end

-- ---- prediction ----

local function run_prediction()
  local model, info = application.load(args.predict)
  if not model then fail(info) end
  local data, title = measured.read(args.files, args, info), args.label or args.target
  local truth = title and { cells = data:column(title), title = title, is_class = args.label ~= nil }
  if args.label and info.classes then data:check_known(args.label, info.classes) end
  local heading, rows, quality = application.table(model, args.predict, data.spectra, truth)
  experiment.prepare(args.out)
  local path = args.out .. "/predicted.csv"
  local shown = table.move(rows, 1, MOST_ROWS, 2, { heading })
  experiment.table(shown)
  if #rows > MOST_ROWS then print(("and %d more"):format(#rows - MOST_ROWS)) end
  if quality then print("\n" .. quality) end
  write(path, tables.write_csv(path, heading, rows))
end

local function run()
  local _ <close> = interrupt.catch("own_spectra", function() return after_interrupt end)
  if args.predict then run_prediction() else run_training() end
end

if args.label and args.target or not (args.predict or args.label or args.target) then
  fail "expected either --label with the column of the classes, or --target with that of the numbers"
end
output.run(run, measured.for_script)
