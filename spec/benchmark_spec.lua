-- The parts of the scripts that rerun the published benchmark: networks, statistics, resumed runs,
-- the log.
local json = require "cjson"
local lfs = require "lfs"
local mb = require "moonbow"
local agreement = require "lib.benchmark.agreement"
local journal = require "lib.benchmark.journal"
local errors = require "lib.benchmark.errors"
local networks = require "lib.benchmark.networks"
local runs = require "lib.benchmark.runs"
local check_schema = require "support.schema"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local root = temporary_folder()
teardown(function() os.execute("rm -r " .. root) end)

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

describe("agreement", function()
  it("equals scipy.stats.ttest_ind(equal_var=False)", function()
    for _, case in ipairs {
      { { 34, 39, 31, 50, 36 }, { 30, 33 }, 1.8062525467243675, 0.13095316830870607 },
      { { 6, 8, 9, 12, 7 }, { 12, 10, 11, 11, 13 }, -2.611164839335468, 0.04100347166419833 },
      { { 1, 2, 3 }, { 1.5, 2.5, 3.5, 9 }, -1.199087546959617, 0.30201666622651624 },
    } do
      local got = agreement.welch(case[1], case[2])
      assert.is_true(math.abs(got.difference / got.error - case[3]) < 1e-12)
      assert.is_true(math.abs(got.p - case[4]) < 1e-10)
      assert.equal(math.abs(case[3]) <= 2, got.within_two)
    end
    for _, case in ipairs { { 0.5, 1, 0.7048327646991335 }, { 2.5, 3.7, 0.07182202291182678 },
      { 12, 4, 0.000276428548502973 }, { 1e-3, 200, 0.9992031123011389 }, { 2, 1000, 0.04577034649325166 } } do
      assert.is_true(math.abs(require("moonbow.distributions").student_p(case[1], case[2]) - case[3]) < 1e-10)
    end
  end)
  it("needs two values of each sample, and accepts samples without spread", function()
    assert.is_nil(agreement.welch({ 1 }, { 1, 2 }))
    assert.equal(1, agreement.welch({ 2, 2 }, { 2, 2 }).p)
    assert.is_nil(agreement.welch({ 2, 2 }, { 3, 3 }).p) -- nothing is known of the spread
    local by_rounding = agreement.welch({ 0.3, 0.1 + 0.2 }, { 0.4, 0.4 })
    assert.same({ 0, false }, { by_rounding.error, by_rounding.within_two })
    assert.is_nil(by_rounding.p)
  end)
end)

describe("errors", function()
  it("are counted by what the classes of a triplet differ by", function()
    local kinds, predicted, test = {}, { 2, 1, 10, 18, 27, 25, 5 }, { y = { 1, 2, 11, 16, 26, 18, 5 }, rival = {} }
    for k = 1, 27 do kinds[k] = k <= 9 and "minor" or k <= 18 and "position" or "height" end
    for i = 1, #test.y do test.rival[i] = 0 end
    local found = errors.by_kind(errors.of(predicted, test), kinds)
    assert.same({ minor = 2, position = 2, height = 1, ["other classes"] = 1 }, found)
    assert.same({ ["other classes"] = 1 }, errors.by_kind(errors.of({ 4 }, { y = { 3 }, rival = { 0 } }), kinds))
  end)
end)

describe("networks", function()
  local function parameters(...)
    local model = networks.make(...)
    model:build { 5000, 1 }
    return ("%.2f M"):format(model:count_parameters() / 1e6)
  end
  it("are those of the paper", function() -- inc6 has 187 million
    assert.equal("19.15 M", parameters("cnn2", 500, "published"))
    assert.equal("2.56 M", parameters("vgg", 500, "published"))
    assert.equal("41.11 M", parameters("vgg_mod", 27, "published"))
    assert.equal("29.49 M", parameters("resnet_mod", 27, "published"))
  end)
  it("have heads and momenta as asked", function()
    local function count(model, type, test)
      local found = 0
      model:visit(function(layer) found = found + (layer.type == type and test(layer.options) and 1 or 0) end)
      return found
    end
    local function has_relu(options) return options.activation == "relu" end
    local function is_any() return true end
    local relus = { cnn2 = { 0, 0, 2 }, cnn6 = { 2, 0, 2 }, vgg = { 0, 0, 3 }, resnet = { 0, 0, 0 } }
    for name, heads in pairs(relus) do
      for i, head in ipairs { "published", "linear", "relu" } do
        assert.equal(heads[i], count(networks.make(name, 3, head), "Dense", has_relu), name .. " " .. head)
      end
    end
    for _, name in ipairs(networks.names) do
      local model = networks.make(name, 3, "published", 0.5)
      local norms = count(model, "BatchNorm1d", is_any)
      assert.equal(networks.has_batch_norm(name), norms > 0, name)
      assert.equal(norms, count(model, "BatchNorm1d", function(options) return options.momentum == 0.5 end))
      model = networks.make(name, 3, "published")
      assert.equal(norms, count(model, "BatchNorm1d", function(options) return options.momentum == 0.99 end))
    end
    assert.equal(6, count(networks.make("cnn6_convdo", 3, "published"), "Dropout", is_any))
    assert.error_matches(function() networks.make("cnn7", 3, "published") end, "did you mean 'cnn")
  end)
end)

local function choice(changes)
  local all = { networks = { "cnn2" }, heads = { "published" }, momenta = { 0.99 }, first_seed = 0, seeds = 1 }
  for key, value in pairs(changes or {}) do all[key] = value end
  return all
end

describe("a plan", function()
  it("has every combination that makes a difference", function()
    local names = {}
    local all = runs.plan(choice { networks = { "cnn2", "resnet", "cnn_bn" }, heads = { "linear", "relu" },
      momenta = { 0.99, 0.9 }, first_seed = 3 })
    for i, run in ipairs(all) do names[i] = run.name end
    assert.same({ "cnn2-linear-seed3", "cnn2-relu-seed3", "resnet-m0.99-seed3", "resnet-m0.9-seed3",
      "cnn_bn-linear-m0.99-seed3", "cnn_bn-linear-m0.9-seed3", "cnn_bn-relu-m0.99-seed3",
      "cnn_bn-relu-m0.9-seed3" }, names)
    assert.same("cnn2-seed0", runs.plan(choice())[1].name)
  end)
end)

describe("runs", function()
  local set = mb.data.universal { classes = 4, points = 400, train = 8, validation = 2, max_peaks = 3,
    shift = 5, test_shift = 3, boundary = 20, normalize = true, seed = 1 }
  local out = root .. "/runs"
  local settings = { out = out, epochs = 3, batch_size = 8, verbose = false, checkpoint_seconds = 0 }
  local function events(kind)
    local count = 0
    for line in io.lines(out .. "/log.jsonl") do
      if json.decode(line).event == kind then count = count + 1 end
    end
    return count
  end
  local function show(folder)
    local lines = {}
    local kept = stub(_G, "print", function(text) lines[#lines + 1] = text end)
    local ok, err = journal.show(folder)
    kept:revert()
    return ok and table.concat(lines, "\n") or err
  end
  local first
  it("are estimated without leaving files", function()
    local estimate = runs.estimate(runs.plan(choice()), set, settings)
    assert.equal("cnn2-seed0", estimate[1].name)
    assert.is_true(estimate[1].seconds_per_epoch > 0)
    assert.is_nil(lfs.attributes(out))
  end)
  it("resume", function()
    settings.out = root .. "/whole"
    local whole = runs.run(runs.plan(choice()), set, settings)[1]
    settings.out = out
    local append = journal.append
    local dying = stub(journal, "append", function(folder, event)
      if event.epoch == 3 then error("killed", 0) end
      append(folder, event)
    end)
    local ok, err = pcall(runs.run, runs.plan(choice()), set, settings)
    dying:revert()
    assert.is_false(ok)
    assert.equal("killed", err)
    assert.equal(2, events "epoch")
    first = runs.run(runs.plan(choice()), set, settings)[1]
    assert.equal(3, events "epoch")
    assert.equal(whole.val_loss, first.val_loss)
    assert.same(whole.test, first.test)
  end)
  it("count wrong spectra by pair", function()
    local sum = 0
    for _, pair in ipairs(first.test.pairs) do
      sum = sum + pair[3]
      assert.is_true(pair[1] < pair[2] and pair[2] < 4)
    end
    assert.equal(first.test.wrong, sum)
    local model = assert(mb.load(out .. "/runs/cnn2-seed0/model.safetensors"))
    local accuracy = mb.evaluate(model, set.test).accuracy
    assert.is_true(math.abs((36 - first.test.wrong) / 36 - accuracy) < 1e-9)
  end)
  it("that are complete are only read", function()
    -- The state after a kill between the result and its line in the log.
    os.remove(out .. "/log.jsonl")
    local again = runs.run(runs.plan(choice()), set, settings)[1]
    assert.equal(0, events "epoch")
    assert.is_true(journal.is_over(out))
    assert.same(first.test, again.test)
    assert.is_nil(lfs.attributes(out .. "/runs/cnn2-seed0/checkpoint.safetensors"))
  end)
  it("recalibrate batch norm", function()
    local result = runs.run(runs.plan(choice { networks = { "cnn_bn" } }), set, settings)[1]
    assert.is_number(result.recalibrated.wrong)
    assert.is_nil(first.recalibrated)
  end)
  it("can be followed", function()
    assert.is_true(journal.is_over(out))
    assert.matches("cnn_bn%-m0.99%-seed0 +done .*%d of 36", show(out))
    journal.append(out, { event = "plan", runs = { "a", "b", "c" }, epochs = 100, patience = 25,
      min_delta = 1e-4 })
    for epoch, val_loss in ipairs { 0.5, 0.4, 0.45, 0.44 } do
      journal.append(out, { event = "epoch", run = "a", epoch = epoch, val_loss = val_loss, seconds = 60 })
    end
    -- After a resume epoch 3 is logged again.
    journal.append(out, { event = "epoch", run = "a", epoch = 3, val_loss = 0.41, seconds = 60 })
    journal.append(out, { event = "start", run = "b" })
    local file = assert(io.open(out .. "/log.jsonl", "a"))
    file:write '{"event": "epo'
    file:close()
    local text = show(out)
    assert.is_false(journal.is_over(out))
    assert.matches("a +epoch 4/100 +0.4000 in 2 +0.4100 +1:00 min +24:00 min to 1:37 h", text)
    assert.matches("b +first epoch", text)
    assert.matches("c +waiting", text)
    -- The runs of other plans in the same folder are still shown.
    assert.matches("cnn_bn%-m0.99%-seed0 +done", text)
    assert.matches("2 of 5 runs done", text)
    assert.matches("No such file", show "no/such/folder")
  end)
end)

describe("experiments/universal_benchmark.lua", function()
  local function run(arguments)
    local pipe = io.popen(("%s experiments/universal_benchmark.lua %s 2>&1"):format(interpreter, arguments))
    local text = pipe:read "a"
    local ok, _, code = pipe:close()
    return ok, text, code
  end
  it("runs, and its results fit the schema", function()
    local out = root .. "/out"
    local command = "--quick --networks vgg --heads linear,relu --seeds 2 --epochs 1 --figures 1"
    local ok, text = run(("%s --out %s"):format(command, out))
    assert.is_true(ok, text)
    assert.matches("ReLU heads against linear ones.*\nvgg +[+-]%d+%.%d ± %d+%.%d +[01]%.%d+", text)
    assert.matches("Verdict: no rules", text)
    local results = json.decode(read(out .. "/results.json"))
    assert.is_nil((check_schema(results, json.decode(read "docs/results.schema.json"))))
    assert.equal(4, #results.details.runs)
    ok, text = run("--status " .. out)
    assert.is_true(ok)
    assert.matches("4 of 4 runs done", text)
    local _, refusal, code = run "--quick --follow"
    assert.same({ 2, "universal_benchmark: --follow needs --status DIR\n" }, { code, refusal })
    ok, text = run(("--quick --networks vgg --heads linear --seeds 1 --epochs 2 --out %s"):format(out))
    assert.is_falsy(ok)
    assert.matches("ended after 1 epochs, not 2; take another %-%-out", text)
    assert.is_nil(results.ceiling) -- runs lie above the share that guessing leaves right
    assert.is_number(results.details.guessing)
  end)
  it("takes a result only if a training of its own would have ended as that one", function()
    local out = root .. "/kept"
    local folder = out .. "/runs/vgg-linear-seed0"
    local path = folder .. "/result.json"
    local function again(epochs)
      return run(("--quick --networks vgg --heads linear --seeds 1 --epochs %d --out %s"):format(epochs, out))
    end
    local function write(value)
      local file = assert(io.open(path, "w"))
      file:write(type(value) == "string" and value or json.encode(value))
      file:close()
    end
    assert.is_true((again(2)))
    local result = json.decode(read(path))
    result.stopped = "early stopping"
    write(result)
    local ok, text = again(9)
    assert.is_true(ok, text)
    ok, text = again(1)
    assert.is_falsy(ok)
    assert.matches("result.json ended after 2 epochs, not 1; take another %-%-out\n", text)
    result.test = nil
    for _, value in ipairs { result, "[1, 2]", "5" } do
      write(value)
      ok, text = again(2)
      assert.is_falsy(ok)
      assert.matches("result.json: is no result of a run; remove it, or take another %-%-out\n", text)
    end
    write "" -- after a loss of power
    assert.is_true((again(2)))
  end)
  it("refuses what it cannot run in one line, before anything is trained", function()
    local out = root .. "/refused"
    for arguments, message in pairs {
      ["--networks ,"] = "--networks: expected at least one, got ','",
      ["--networks cnn2,cnn2"] = "--networks: cnn2 comes twice",
      ["--networks cnn9"] = "--networks: expected one of 'cnn2', ",
      ["--heads ,"] = "--heads: expected at least one, got ','",
      ["--heads relu,relu"] = "--heads: relu comes twice",
      ["--networks cnn_bn --momentum 0.9,0.90"] = "--momentum: 0.9 comes twice",
      ["--networks cnn_bn --momentum 0.9,2"] = "--momentum: expected a number from 0 to 1, got 2",
      ["--momentum x"] = "--momentum: expected a number from 0 to 1, got 'x'",
      ["--seed=-3"] = "--seed: expected a non-negative integer, got -3",
      ["--seed 9223372036854775807"] = "--seed: expected at most 9223372036854775806 with 2 seeds, got "
        .. "9223372036854775807",
      ["--seeds 0"] = "--seeds: expected a positive integer, got 0",
      ["--epochs 1.5"] = "--epochs: expected a positive integer, got 1.5",
      ["--pool 0"] = "--pool: expected a positive integer, got 0",
      ["--pool 100000"] = "--pool: expected at most 5000, the points of a spectrum, got 100000",
    } do
      local ok, text, code = run(("--quick %s --out %s"):format(arguments, out))
      assert.is_falsy(ok)
      assert.equal(2, code, text)
      assert.equal(1, text:find("universal_benchmark: " .. message, 1, true), text)
      assert.matches("^[^\n]*\n$", text)
      assert.is_nil(lfs.attributes(out))
    end
  end)
  it("says in one line that another run is at work in its folder", function()
    local out = root .. "/shared"
    local folder = out .. "/runs/vgg-seed0"
    assert(require("moonbow.io.files").make_folders(folder))
    local _ <close> = assert(require("moonbow.io.files").lock(folder .. "/checkpoint.lock"))
    local text = select(2, run("--quick --networks vgg --seeds 1 --epochs 1 --out " .. out))
    assert.matches("\nuniversal_benchmark: fit: [^\n]*/vgg%-seed0: another training is at work in this folder\n$", text)
    assert.is_nil(text:find("traceback", 1, true))
  end)
  it("max-pools the spectra first, if asked to", function()
    local out = root .. "/pooled"
    local command = "--quick --networks ramannet --seeds 1 --epochs 1 --figures 1 --out " .. out
    local ok, text = run("--pool 10 " .. command)
    assert.is_true(ok, text)
    local results = json.decode(read(out .. "/results.json"))
    assert.equal(10, results.settings.pool)
    assert.matches("spectra of 500 points", results.details.runs[1].data)
    assert.is_falsy((run(command)), "results of other spectra are refused")
  end)
end)
