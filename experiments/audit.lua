-- What is wrong with a network on measured spectra: audits a saved network on files of any format that mb.spectra.read
-- reads, by the rules of docs/audit.md, and writes a page.
--
--     lua experiments/audit.lua results/own_spectra/model.safetensors spectra.csv --label mineral --split part
--     lua experiments/audit.lua model.safetensors trained/*.xrdml --label folder --test 'new/*/*.xrdml'
--     lua experiments/audit.lua fat.safetensors meat.csv --target fat
local argparse = require "argparse"
local mb = require "moonbow"
local experiment = require "moonbow.experiment"
local measured = require "moonbow.experiment.measured"
local official = require "moonbow.experiment.judge.official"
local output = require "moonbow.experiment.output"
local outputs = require "moonbow.train.outputs"

local function at_least_one(text)
  local number = math.tointeger(tonumber(text))
  if number and number >= 1 then return number end
  return nil, "expected a whole number from 1 on, got " .. text
end

local parser = argparse("lua experiments/audit.lua", "Says what is wrong with a network on measured spectra.")
parser:argument("model", "a saved network")
parser:argument("files", "the spectra that it was trained on: files, folders or globs"):args "*"
parser:option("--label", "column with the classes; folder: the name of each file's folder")
parser:option("--target", "column with the numbers that the network predicts")
parser:option("--group", "column (or several, with commas) that names samples, of which several spectra were measured")
parser:option("--test", "a file, folder or glob of spectra that it has not seen"):count "*"
parser:option("--split", "column that says which of the files' spectra are for training, and which for tests")
measured.add_options(parser)
parser:option("--batch-size", "of the training", "32"):convert(at_least_one)
parser:option("--patience", "epochs of patience of the training", "10"):convert(at_least_one)
parser:option("--out", "folder for the page and results.json (default " .. experiment.folder "audit" .. ")")
local args = output.parse(parser)
args.out = args.out or experiment.folder "audit"

local function is_of_one(shape) return #shape == 1 and shape[1] == 1 end

-- Ends the script unless the network predicts what --label or --target names.
local function check_task(model, info)
  if (args.label == nil) == (args.target == nil) then
    experiment.fail "expected either --label with the column of the classes, or --target with that of the numbers"
  end
  local kind = outputs.recorded(model) or info.classes and "classes"
  if args.label and kind == "numbers" then
    experiment.fail "--label: expected a network of classes, this one predicts numbers, whose column --target names"
  elseif args.target and kind == "classes" then
    experiment.fail "--target: expected a network of numbers, this one predicts classes, whose column --label names"
  elseif args.target and not is_of_one(model:build(model.input_shape)) then
    experiment.fail "--target: expected a network of one number, this one has several outputs"
  end
end

local function read(paths, info)
  local data = measured.read(paths, args, info)
  data:column(args.label or args.target)
  local groups = args.group and data:groups(args.group)
  if groups and not data.spectra.labels[args.group] then -- several columns
    data.spectra = data.spectra:with { labels = { [args.group] = groups } }
  end
  return data
end

-- The spectra that the network was trained on, and those that it has not seen; nil for none.
local function read_sets(model, info)
  if #args.files == 0 and (args.split or #args.test > 0) then
    experiment.fail "expected the files that the network was trained on, beside --test or --split"
  end
  if args.split and #args.test > 0 then
    experiment.fail "expected --split or --test, got both: each says what the network has not seen"
  end
  if #args.files == 0 then return nil end
  check_task(model, info)
  local data = read(args.files, info)
  if args.split then
    local train, parts = official.rows(args.split, data:column(args.split))
    return data.spectra:select(train), data.spectra:select(official.test_rows(parts))
  end
  return data.spectra, #args.test > 0 and read(args.test, info).spectra or nil
end

local function run()
  local model, info = mb.load(args.model)
  if not model then experiment.fail(info) end
  if not mb.nn.is_layer(model) then experiment.fail(args.model .. ": expected a network, got " .. tostring(model)) end
  local train, test = read_sets(model, info)
  local task = args.target and "number" or args.label and "class" or nil
  local audit = mb.audit(model, train, { label = args.label or args.target, task = task, groups = args.group,
    test = test, batch_size = args.batch_size, patience = args.patience })
  print(audit)
  experiment.save(args.out, { name = "audit", model = args.model, title = audit.title, looked = audit.looked,
    findings = output.list(audit.findings), skipped = output.list(audit.skipped), seconds = audit.seconds })
  local ok, why = audit:save(args.out .. "/audit.html")
  if not ok then experiment.fail(why) end
  print(("wrote %s/audit.html"):format(args.out))
end

output.run(run, measured.for_script)
