-- experiments/own_spectra.lua as a user runs it: a file in, a model out, predictions.
local lfs = require "lfs"
local mb = require "moonbow"
local measured = require "support.measured"
local interrupted = require "support.interrupted"
local interpreter = require "support.interpreter"
local own_spectra = require "support.own_spectra"
local folder, run, write = own_spectra.folder, own_spectra.run, own_spectra.write
local artificial, heights = own_spectra.artificial, own_spectra.heights

teardown(function() os.execute("rm -r " .. folder) end)

describe("own_spectra", function()
  it("audits the best network that it compared, and audit.lua a saved one", function()
    local file = artificial()
    local code, text = run("--label kind --group sample --folds 3 --repeats 1 --epochs 30 --model one_convolution "
      .. "--preprocess none " .. file)
    assert.equal(0, code, text)
    assert.matches("\nAudit of standardize, network .*one_convolution.*: 0 faults and %d remarks? by %d+ rules%.", text)
    local page = io.open(folder .. "/out/report.html"):read "a"
    assert.truthy(page:find("<h2>The network</h2>", 1, true))
    assert.truthy(page:find("remark: few_tests", 1, true)) -- 10 spectra of a fold
    local command = ("%s experiments/audit.lua --out %s/audit %s/out/model.safetensors %%s 2>&1"):format(interpreter,
      folder, folder)
    local function audit(arguments)
      local pipe = io.popen(command:format(arguments))
      local printed = pipe:read "a"
      return select(3, pipe:close()), printed
    end
    code, text = audit(("%s --label kind --group sample --test %s"):format(file, file))
    assert.equal(0, code, text)
    assert.matches("\nfault: shared_samples\n  30 of 30 test spectra", text)
    assert.matches("/audit/audit.html\n$", text)
    assert.is_truthy(io.open(folder .. "/audit/results.json"))
    code, text = audit "" -- the network alone
    assert.equal(0, code, text)
    assert.matches("Skipped, no training spectra", text)
    assert.matches('"findings":%[{[^}]*"name":"padding_edges"[^}]*}%]',
      io.open(folder .. "/audit/results.json"):read "a")
    for arguments, message in pairs { ["--test " .. file] = "^expected the files that the network was trained on",
      [file .. " --label kind --split kind --test " .. file] = "^expected %-%-split or %-%-test, got both" } do
      code, text = audit(arguments)
      assert.equal(1, code)
      assert.matches(message, text)
    end
    code, text = audit(file)
    assert.equal(1, code)
    assert.matches("^expected either %-%-label with the column of the classes, or %-%-target with that of the numbers",
      text)
    code, text = audit(file .. " --label sample")
    assert.equal(1, code)
    assert.matches("^classes: labels: row 1: 's0' is none of the 2 names", text)
  end)
  it("shares the options of reading with audit.lua, and groups of several columns", function()
    local file = write("semicolons.csv", (io.open(artificial()):read "a":gsub(",", ";"):gsub("%.", ",")))
    local reading = "--separator ';' --decimal , --unit nm --quantity counts --crop 1005,1036 " .. file
    local code, text = run("--label kind --quick --folds 3 --epochs 30 --model one_convolution --preprocess none "
      .. reading)
    assert.equal(0, code, text)
    local pipe = io.popen(("%s experiments/audit.lua --out %s/audit %s/out/model.safetensors --label kind --group "
      .. "kind,sample --test %s %s 2>&1"):format(interpreter, folder, folder, file, reading))
    text = pipe:read "a"
    assert.is_true(pipe:close(), text)
    assert.matches("on 30 training spectra of 32 points", text)
    assert.matches("\nfault: shared_samples\n  30 of 30 test spectra", text)
  end)
  it("has networks of numbers audited by audit.lua", function()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 1 } }
    model:build { 40, 1 }
    assert(mb.save(model, folder .. "/numbers.safetensors")) -- nothing says what it was trained for
    local function audit(arguments)
      local pipe = io.popen(("%s experiments/audit.lua --out %s/audit %s/numbers.safetensors %s %s 2>&1"):format(
        interpreter, folder, folder, heights(), arguments))
      local printed = pipe:read "a"
      return select(3, pipe:close()), printed
    end
    local code, text = audit "--target height"
    assert.equal(0, code, text)
    assert.matches(": 0 faults and 0 remarks", text)
    assert.matches("Skipped, no classes, but numbers: output_count", text)
    code, text = audit "--target height --label name"
    assert.equal(1, code)
    assert.matches("^expected either %-%-label", text)
    model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    model:build { 40, 1 }
    assert(mb.save(model, folder .. "/numbers.safetensors"))
    code, text = audit "--target height"
    assert.equal(1, code, text)
    assert.equal("--target: expected a network of one number, this one has several outputs\n", text)
    assert(mb.save(model, folder .. "/numbers.safetensors", { classes = { "a", "b" } }))
    code, text = audit "--target height"
    assert.equal(1, code, text)
    assert.equal("--target: expected a network of numbers, this one predicts classes, whose column --label names\n",
      text)
    local set = mb.spectra.read(heights())
    model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 1 } }
    mb.fit(model, { x = set.x, y = set:targets "height" }, { loss = "mse", epochs = 1, verbose = false })
    assert(mb.save(model, folder .. "/numbers.safetensors"))
    code, text = audit "--label name"
    assert.equal(1, code, text)
    assert.equal("--label: expected a network of classes, this one predicts numbers, whose column --target names\n",
      text)
    code, text = audit "--target name"
    assert.equal(1, code)
    assert.matches("^targets: 'name': .*'n1'", text)
  end)
  it("cross-validates, saves, predicts", function()
    local file = artificial()
    local code, text = run("--label kind --quick " .. file)
    assert.equal(0, code, text)
    assert.matches("\nRecommended: plsda%. ", text)
    assert.matches("\naccuracy +1 ", text)
    for _, name in ipairs { "results.json", "model.safetensors", "report.html", "predictions.csv" } do
      assert.is_truthy(io.open(folder .. "/out/" .. name), name)
    end
    code, text = run(("--predict %s/out/model.safetensors --label kind %s"):format(folder, file))
    assert.equal(0, code, text)
    assert.matches("accuracy 1.000", text)
    local other = write("other.csv", "kind,1,2\na,3,4\n")
    code, text = run(("--predict %s/out/model.safetensors %s"):format(folder, other))
    assert.equal(1, code)
    assert.matches("predict: [^ ]*/other.csv: the spectra do not cover the axis of the model: the grid, 1001 to 1040, "
      .. "goes beyond the axis, 1 to 2\n$", text)
  end)
  it("predicts numbers, says where they come from, and marks unlike spectra", function()
    local file = heights()
    local code, text = run("--target height --quick --model pls,one_convolution --epochs 2 " .. file)
    assert.equal(0, code, text)
    assert.matches("\nNo network is better than ", text)
    local results = require("moonbow.experiment.output").read_json(folder .. "/out/results.json")
    local best
    for _, band in ipairs(results.bands) do best = best and best.growth >= band.growth and best or band end
    assert.is_true(best.low < 1021 + 4 and best.high > 1021 - 4, best.low) -- the peak
    assert.matches("\n2.3,[^,]*,2.3,", io.open(folder .. "/out/predictions.csv"):read "a")
    local page = io.open(folder .. "/out/report.html"):read "a"
    for _, part in ipairs { "Recommended: ", "Pipelines compared", "predicted height", "growth of the error" } do
      assert.is_truthy(page:find(part, 1, true), part)
    end
    assert.is_nil(page:find "https?://[^w]", "the page loads something")
    local other = write("unlike.csv", io.open(file):read "a" .. "9,far" .. (",7"):rep(40) .. "\n")
    code, text = run(("--predict %s/out/model.safetensors --target height %s"):format(folder, other))
    assert.equal(0, code, text)
    assert.matches("\n31 +9 +[%d.-]+ +yes +9\n", text)
    assert.matches("\nRMSEP [%d.]+, bias ", text)
    local rows = io.open(folder .. "/out/predicted.csv"):read "a"
    assert.matches("^spectrum,name,predicted,unlike,height\n1,0.1,0.", rows)
  end)
  it("predicts numbers by a saved network", function()
    local set, path = mb.spectra.read(heights()), folder .. "/network.safetensors"
    local fitted = mb.pipeline({ "standardize", { "network", epochs = 3 } }):fit(set, { target = "height" })
    assert(fitted:save(path))
    local predicted = mb.predict(mb.load(path), set)
    assert.same({ 30, 1 }, predicted:shape())
    assert.same(fitted:predict(set):totable(), predicted:totable())
    local code, text = run(("--predict %s %s/heights.csv"):format(path, folder))
    assert.equal(0, code, text)
    assert.is_truthy(text:find(("%.6g"):format(predicted:get(30, 1)), 1, true), text)
  end)
  it("writes all numbers of a model of several, which one target cannot judge, and numbers of classes", function()
    local set = mb.spectra.read(heights())
    set = set:with { labels = { double = set:targets("height"):mul(2):reshape(-1) } }
    local path = folder .. "/several.safetensors"
    local fitted = mb.pipeline({ { "pls", components = 2 } }):fit(set, { target = { "height", "double" } })
    local network = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    mb.fit(network, { x = set.x, y = set:targets { "height", "double" } },
      { loss = "mse", epochs = 1, verbose = false })
    for _, save in ipairs { function() return fitted:save(path) end,
      function() return mb.save(network, path, { axis = set.axis }) end } do
      assert(save())
      local code, text = run(("--predict %s %s/heights.csv"):format(path, folder))
      assert.equal(0, code, text)
      local rows, predicted = io.open(folder .. "/out/predicted.csv"):read "a", mb.predict(mb.load(path), set)
      assert.matches("^spectrum,name,predicted 1,predicted 2\n", rows)
      assert.equal(31, select(2, rows:gsub("\n", "\n")))
      assert.is_truthy(rows:find(("\n30,3.0,%.6g,%.6g\n"):format(predicted:get(30, 1), predicted:get(30, 2)), 1, true),
        rows)
      code, text = run(("--predict %s --target height %s/heights.csv"):format(path, folder))
      assert.equal(1, code, text)
      assert.matches("%-%-target: expected a model of one number, this one predicts 2 of each spectrum", text)
    end
    local classifier = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    classifier:build { 40, 1 }
    assert(mb.save(classifier, path, { axis = set.axis })) -- without names of the classes
    local code, text = run(("--predict %s %s/heights.csv"):format(path, folder))
    assert.equal(0, code, text)
    assert.matches("\n30,[^,]*,[12],[01]%.%d+\n", io.open(folder .. "/out/predicted.csv"):read "a")
  end)
  it("writes the probabilities of networks as they are", function()
    local tables, rows = require "moonbow.experiment.judge.tables", {}
    local set = mb.spectra.read(artificial())
    for i = 1, #set do rows[i] = i end
    local pipeline = mb.pipeline { "standardize", { "network", epochs = 20 } }
    local outcome = mb.cross_validate(pipeline, set, { label = "kind", folds = 2, verbose = false })
    local heading, cells = tables.predictions({ outcome = outcome, rows = rows, names = outcome.names, marks = {} },
      set, pipeline)
    assert.equal("probability", heading[5])
    for i, scores in ipairs(outcome.scores) do
      assert.is_near(1, scores[1] + scores[2], 1e-6)
      assert.equal(("%.3f"):format(math.max(table.unpack(scores))), cells[i][5])
    end
  end)
  it("recommends nothing where nothing can be learned, and leaves no model", function()
    local code, text = run("--label kind --quick " .. artificial())
    assert.equal(0, code, text)
    assert.is_truthy(io.open(folder .. "/out/model.safetensors"))
    local lines, n = {}, 0
    for line in io.lines(artificial()) do
      n = n + 1 -- the kinds in an order that has nothing to do with the spectra
      lines[n] = n == 1 and line or line:gsub("^%a+", n // 2 % 2 == 0 and "even" or "odd")
    end
    code, text = run("--label kind --quick " .. write("nothing.csv", table.concat(lines, "\n") .. "\n"))
    assert.equal(0, code, text)
    assert.matches("\nNothing was learned: .* None is recommended%.\n", text)
    for _, name in ipairs { "model.safetensors", "model.pca.safetensors", "predictions.csv", "predictions.svg",
      "predictions.png", "importance.svg", "importance.png" } do
      assert.is_nil(io.open(folder .. "/out/" .. name), name)
    end
    assert.is_truthy(io.open(folder .. "/out/spectra.svg"))
  end)
  it("leaves no model of an earlier run beside the results of one that no file holds", function()
    local code, text = run("--label kind --quick --model plsda --preprocess none " .. artificial())
    assert.equal(0, code, text)
    code, text = run("--target height --quick --model neighbours --preprocess savitzky_golay:derivative=1 "
      .. heights())
    assert.equal(0, code, text)
    assert.matches("removed the older [^\n]*/model.safetensors\n", text)
    assert.matches("\nNo model is written: ", text)
    for _, name in ipairs { "model.safetensors", "model.pca.safetensors" } do
      assert.is_nil(io.open(folder .. "/out/" .. name), name)
    end
  end)
  it("audits a network with the classes that it was trained on, where a fold or split lacks others", function()
    local lines, n = {}, -1
    for line in io.lines(artificial()) do
      n = n + 1
      lines[n + 1] = n == 0 and "part," .. line or n > 20 and n < 25 and "Test," .. line:gsub("^%a+,s%d+", "aaa,x")
        or (n < 20 and "Train," or "Test,") .. line
    end
    local file = write("rare.csv", table.concat(lines, "\n") .. "\n")
    local options = "--label kind --quick --model one_convolution --preprocess none --epochs 2 --folds 3 "
    for option, left_out in pairs { ["--group sample "] = false,
      ["--split part "] = "Left out: 4 spectra of classes that these folds do not train on." } do
      local code, text = run(options .. option .. file)
      assert.equal(0, code, text)
      assert.matches("\nAudit of ", text)
      assert.is_nil(text:find("output_count", 1, true), text)
      local page = io.open(folder .. "/out/report.html"):read "a"
      assert.equal(left_out, page:match "Left out: [^<]*" or false)
    end
  end)
  it("judges an official split on its test rows, and warns of replicates on both sides", function()
    local lines, n = {}, 0
    for line in io.lines(artificial()) do
      n = n + 1
      lines[n] = (n == 1 and "part" or n % 3 == 0 and "Test" or "Train") .. "," .. line
    end
    local file = write("split.csv", table.concat(lines, "\n") .. "\n")
    local options = "--label kind --quick --model plsda --split part "
    local code, text = run(options .. file)
    assert.equal(0, code, text)
    assert.matches("\npipeline +accuracy +Test +95 %% interval", text)
    assert.matches("\nmetric +Test %(10%)\naccuracy +1\n", text)
    assert.equal(11, select(2, io.open(folder .. "/out/predictions.csv"):read "a":gsub("\n", "\n")))
    assert.is_nil(text:find("too good", 1, true), text)
    code, text = run(options .. "--group sample " .. file)
    assert.equal(0, code, text)
    assert.matches("warning: Replicates are on both sides of the split: %d+ of 10 test spectra", text)
    lines[4] = lines[4]:gsub("^Train", "Test")
    lines[#lines + 1] = lines[4]:gsub("^Test", "Train")
    code, text = run(options .. write("twins.csv", table.concat(lines, "\n") .. "\n"))
    assert.equal(0, code, text)
    assert.matches("warning: 1 of %d+ test spectra are nearly identical to a training spectrum", text)
  end)
  it("reads folders and tables of labels, and predicts in the order of the model's axis", function()
    local function spectrum(name, centre, axis)
      local lines = {}
      for i = 1, 40 do
        local x = axis and axis(i) or i
        lines[i] = ("%g\t%.4f"):format(x, math.exp(-(x - centre) ^ 2 / 200))
      end
      write(name, table.concat(lines, "\n") .. "\n")
    end
    local rows = { "file;kind" }
    for _, kind in ipairs { "low", "high" } do
      os.execute("mkdir -p " .. folder .. "/kinds/" .. kind)
      for i = 1, 6 do
        spectrum(("kinds/%s/%s%d.xy"):format(kind, kind, i), (kind == "low" and 15 or 25) + i / 10)
        rows[#rows + 1] = ("%s%d;%s"):format(kind, i, kind:upper())
      end
    end
    local options = "--folds 2 --repeats 3 --quick --model logistic --preprocess none "
    local code, text = run(options .. "--label folder " .. folder .. "/kinds")
    assert.equal(0, code, text)
    assert.matches("\naccuracy +1 ", text)
    local labels = write("kinds.csv", table.concat(rows, "\n"))
    code, text = run(options .. ("--label kind --labels %s '%s/kinds/*/*.xy'"):format(labels, folder))
    assert.equal(0, code, text)
    local predict = ("--predict %s/out/model.safetensors "):format(folder)
    spectrum("falling.xy", 15.3, function(i) return 41 - i end)
    code, text = run(predict .. folder .. "/falling.xy")
    assert.equal(0, code, text)
    assert.matches("1 +falling.xy +LOW +0.%d+\n", text)
    spectrum("finer.xy", 25.3, function(i) return i == 40 and 40 or 1 + (i - 1) * 0.99 end)
    code, text = run(predict .. folder .. "/finer.xy")
    assert.equal(0, code, text)
    assert.matches("1 +finer.xy +HIGH +0.%d+\n", text)
    local function rows_of(arguments) -- without the numbers of the spectra
      local printed
      code, printed = run(predict .. arguments)
      assert.equal(0, code, printed)
      return (io.open(folder .. "/out/predicted.csv"):read "a":gsub("^[^\n]*\n", ""):gsub("%f[^\n\0]%d+,", ""))
    end
    local apart = rows_of(folder .. "/falling.xy") .. rows_of(folder .. "/finer.xy")
    for _, option in ipairs { "", "--resample " } do -- each straight to the model's axis
      assert.equal(apart, rows_of(option .. ("%s/falling.xy %s/finer.xy"):format(folder, folder)))
    end
    code, text = run("--label folder --quantity counts --unit cm-1 " .. options .. folder .. "/kinds")
    assert.equal(0, code, text)
    assert.equal(0, (run(predict .. folder .. "/falling.xy")))
    code, text = run(predict .. "--quantity absorbance " .. folder .. "/falling.xy")
    assert.equal(1, code, text)
    assert.matches("falling.xy: the model was trained on values in counts, the spectra have absorbance; if the files "
      .. "are wrong, say so: %-%-quantity counts\n$", text)
    code, text = run("--label folder " .. folder .. "/*.xy")
    assert.equal(1, code, text)
    assert.matches("finer.xy differs from [^ ]*falling.xy: .* %-%-resample puts all on one axis\n", text)
    code, text = run("--label kind --labels " .. write("few.csv", "file,kind\nlow1,a\n") .. " " .. folder .. "/kinds")
    assert.equal(1, code)
    assert.matches("few.csv: column 'file' names no row for 11 of 12 spectra: 'high1.xy', ", text)
  end)
  it("prints no terminal escapes from the file", function()
    local lines = { "k\27[31m,1,2,3,4,5,6,7,8" }
    for i = 1, 12 do
      lines[i + 1] = i % 2 == 0 and "a\27]0;x\7,1,2,3,4,5,4,3,2" or "b\u{202e}c,5,4,3,2,1,2,3,4"
    end
    local file = write("escapes.csv", table.concat(lines, "\n") .. "\n")
    local code, text = run("--label k --folds 2 " .. file)
    assert.equal(1, code)
    assert.is_truthy(text:find([[there are: k\x1B[31m]], 1, true), text)
    code, text = run("--label 'k\27[31m' --folds 2 --quick --model plsda " .. file)
    assert.equal(0, code, text)
    local page = io.open(folder .. "/out/report.html"):read "a"
    assert.is_truthy(page:find([[a\x1B]0;x\x07]], 1, true) and page:find([[b\xE2\x80\xAEc]], 1, true), page)
    assert.is_nil(text:find "[\27\7\u{202e}]")
    assert.is_nil(page:find "[\27\7]" or page:find("\u{202e}", 1, true))
  end)
  it("ends with 130 on Ctrl-C, and writes no model", function()
    local got = interrupted { "-e", [[local networks = require "moonbow.models"
      local make = networks.one_convolution
      networks.one_convolution = function(...) io.stderr:write "now\n" return make(...) end]],
      "experiments/own_spectra.lua", "--label", "kind", "--epochs", "2000", "--model", "one_convolution",
      "--out", folder .. "/cut", artificial() }
    assert.equal(130, got.code, got.errors)
    assert.matches("own_spectra: interrupted; no model was written; the same command starts again", got.errors)
    assert.is_nil(io.open(folder .. "/cut/model.safetensors"))
    assert.is_nil(io.open(folder .. "/cut/results.json"))
  end)
  it("reads rows behind classes from a file for training and one for tests", function()
    local rng = mb.rng(3)
    local function rows_in(name, count)
      local lines = {}
      for n = 1, count do
        local cells = { n % 2 + 1 }
        for i = 1, 24 do
          cells[i + 1] = ("%.4f"):format(math.exp(-(i - (n % 2 == 0 and 8 or 16)) ^ 2 / 8) + rng:normal(0, 0.1))
        end
        lines[n] = table.concat(cells, "\t")
      end
      return write(name, table.concat(lines, "\n") .. "\n")
    end
    local options = ("--label class --split file --quick --model plsda %s %s"):format(rows_in("Peak_TRAIN.tsv", 20),
      rows_in("Peak_TEST.tsv", 10))
    local code, text = run(options)
    assert.equal(0, code, text)
    assert.matches("30 spectra of 24 points", text)
    assert.matches("%-%-format text overrules this", text)
    assert.matches("metric +Peak_TEST.tsv %(10%)\naccuracy +1\n", text)
    code, text = run("--format text " .. options)
    assert.equal(1, code, text)
    assert.matches("is the header missing%? If the first number of each row is its class: %-%-format ucr", text)
  end)
  it("classifies measured spectra", function()
    for name, case in pairs {
      ["meats_ftir/Fresh_meats.csv"] = { "--label meat --group meat,sample,supplier", 0.95 },
      ["coffee_ftir/Instant_Coffee_Quadrum.csv"] = { "--label Varietal", 0.93 },
    } do
      local file, why = measured(name)
      if not file then return pending(why) end
      local code, text = run(case[1] .. " --quick " .. file)
      assert.equal(0, code, text)
      local accuracy = tonumber(text:match "\naccuracy +([%d.]+)")
      assert.is_true(accuracy >= case[2], name .. ": " .. accuracy)
    end
  end)
  it("classifies measured files by a table of labels", function()
    local scans, why = measured "xrd_mixtures"
    if not scans then return pending(why) end
    local rows = { "file,anatase" }
    for name in lfs.dir(scans) do
      local stem = name:match "^(.*)%.xrdml$"
      if stem then rows[#rows + 1] = ('"%s",%s'):format(stem, stem:find "TiO2" and "yes" or "no") end
    end
    local labels = write("anatase.csv", table.concat(rows, "\n"))
    local options = ("--label anatase --labels %s --folds 2 --quick '%s/*.xrdml'"):format(labels, scans)
    local code, text = run(options)
    assert.equal(1, code, text)
    assert.matches("2min.xrdml: 2071 points from 10.02173 to 99.99586 there, 8282 from 10.00943 to 99.99442 here; "
      .. "%-%-resample puts all on one axis\n$", text)
    code, text = run("--resample " .. options)
    assert.equal(0, code, text)
    assert.matches("20 of 20 spectra interpolated to 2070 points", text)
    assert.is_true(tonumber(text:match "\naccuracy +([%d.]+)") >= 0.85, text)
  end)
  it("says that targets of replicates do not differ where all have one value", function()
    local truth, groups = {}, {}
    for i = 1, 12 do truth[i], groups[i] = 0.1, i <= 6 and "a" or "b" end
    local ceiling = require("moonbow.experiment.judge.replicates").ceiling("number", truth, truth, groups)
    assert.equal(0, ceiling.limit)
    assert.matches("differ by a standard deviation of 0, ", ceiling.text)
  end)
end)
