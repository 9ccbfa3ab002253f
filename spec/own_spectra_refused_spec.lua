-- What experiments/own_spectra.lua refuses and warns of: one message, before it trains.
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local own_spectra = require "support.own_spectra"
local folder, run, write = own_spectra.folder, own_spectra.run, own_spectra.write
local artificial, heights = own_spectra.artificial, own_spectra.heights

teardown(function() os.execute("rm -r " .. folder) end)

describe("own_spectra", function()
  it("fails with one message and exit code 1", function()
    local function fails(arguments, message)
      local code, text = run(arguments)
      assert.equal(1, code, text)
      assert.matches(message, text)
      assert.equal(1, select(2, text:gsub("\n", "\n")), text)
    end
    local file = artificial()
    fails("--label colour " .. file, "no label column 'colour'; there are: kind, sample, folder, file")
    fails("--label kind --group colour " .. file, "no label column 'colour'")
    fails("--label kind --folds 100 " .. file, "'kind' has 2 classes in 30 spectra, 2 of them with fewer spectra than "
      .. "the 100 folds")
    fails(file, "expected either %-%-label")
    fails("--label kind --target sample " .. file, "expected either %-%-label")
    fails("--target kind " .. file, "'kind': spectrum 1 %(spectra.csv #1%): expected a number, got 'odd'")
    fails("--label kind --model ridgee " .. file, "%-%-model: expected one of .*did you mean 'ridge'")
    fails("--label kind --preprocess snw " .. file, "did you mean 'snv'")
    fails("--label kind --split sample " .. file, "%-%-split sample: spectrum 1: expected a cell such as train")
    fails("--label k no_such_file", "No such file")
    fails("--label k " .. write("empty.csv", ""), "the file is empty")
    fails("--label k " .. write("text.csv", "k,1,2\na,1,2\nb,1,x\n"),
      "line 3, column 3 %(2%): expected a number, got 'x'")
    fails("--label k " .. write("axes.csv", "k,1,2,1,2\na,1,2,1,2\n"), "expected one axis")
    fails("--label k " .. write("two.csv", "k,1,2\na,1,2\nk,3,4\nb,1,2\n"), "a second header")
    fails("--label k " .. write("one.csv", "k,1,2\na,1,2\na,1,3\n"),
      "expected at least 2 classes in 'k', found only 'a'")
    fails("--label k " .. write("gap.csv", "k,1,2\na,1,2\n,1,3\n"), "spectrum 2 has no 'k'")
    fails("--predict " .. file .. " " .. file, "not a safetensors file")
  end)
  it("names no place in the script, whatever its path, and quotes the command in the report", function()
    local file = artificial()
    local call = ("%s ./experiments/own_spectra.lua --out %s/out --label kind --quick --model plsda --preprocess %%s "
      .. "%s 2>&1"):format(interpreter, folder, file)
    local function printed(preprocess)
      local pipe <close> = io.popen(call:format(preprocess))
      return pipe:read "a"
    end
    assert.matches("^pipeline: step 1: [^\n]*\n$", printed "snw")
    assert.matches("Recommended", printed "'none;snv'")
    local page = io.open(folder .. "/out/report.html"):read "a"
    assert.is_truthy(page:find(("<pre>own_spectra.lua --out %s/out --label kind --quick --model plsda --preprocess "
      .. "'none;snv' %s</pre>"):format(folder, file), 1, true), page)
  end)
  it("warns of columns that seem to name replicates", function()
    local file = artificial()
    local _, text = run("--label kind --quick --model plsda " .. file)
    assert.matches("warning: The cells of sample repeat: .* %-%-group sample keeps", text)
    _, text = run("--label kind --quick --model plsda --group sample " .. file)
    assert.is_nil(text:find("too good", 1, true), text)
  end)
  it("sets no ceiling by groups of different classes, though they are few, if most spectra are in them", function()
    local replicates = require "moonbow.experiment.judge.replicates"
    local function ceiling(classes, groups) return replicates.ceiling("class", classes, classes, groups) end
    assert.is_nil(ceiling({ 1, 1, 2, 2, 3, 3, 3, 3 }, { "a", "a", "a", "a", "a", "a", "b", "b" }))
    assert.equal(7 / 8, ceiling({ 1, 1, 2, 2, 3, 3, 3, 1 }, { "a", "a", "b", "b", "c", "c", "d", "d" }).limit)
  end)
  it("warns of groups that mix classes, which set no ceiling if they are most", function()
    local file = artificial() -- each sample has both kinds
    local options = "--label kind --quick --model plsda --preprocess none --group sample "
    local _, text = run(options .. file)
    assert.is_truthy(text:find("warning: 14 of 14 groups of sample with several spectra hold different classes of "
      .. "'kind', such as 'even' and 'odd' in that of 'spectra.csv #2'. If they are numbered anew in each class, "
      .. "--group sample,kind tells them apart.\n", 1, true), text)
    assert.is_nil(text:find("Ceiling", 1, true), text)
    local lines, n = {}, 0
    for line in io.lines(file) do
      lines[#lines + 1] = line:gsub("(%a+),s%d+", function(kind) -- of one kind, but for the second spectrum
        n = n + 1
        return ("%s,%s%d"):format(kind, n == 2 and "odd" or kind, n // 4)
      end)
    end
    _, text = run(options .. write("samples.csv", table.concat(lines, "\n") .. "\n"))
    assert.matches("warning: 1 of %d+ groups of sample", text)
    assert.matches("\nCeiling by the replicates of %d+ samples: their labels allow an accuracy of 0.9%d+; ", text)
  end)
  it("refuses numbers to predict before it trains", function()
    local lines = { "fat,1,2,3" }
    for i = 1, 40 do lines[i + 1] = ("%.1f,1,2,3"):format(i / 10) end
    local code, text = run("--label fat " .. write("fat.csv", table.concat(lines, "\n") .. "\n"))
    assert.equal(1, code)
    assert.matches("'fat' has 40 classes in 40 spectra, 40 of them with fewer spectra than the 5 folds; all are "
      .. "numbers: %-%-target predicts a quantity", text)
    assert.equal(1, select(2, text:gsub("\n", "\n")), text)
  end)
  it("refuses numbers that do not vary before it trains", function()
    local function fails(message, last, options)
      local lines = { "part,fat,1,2,3" }
      for i = 1, 20 do lines[i + 1] = ("%s,%s,1,2,%d"):format(i > 10 and "test" or "train", i < 20 and 5 or last, i) end
      local code, text = run("--target fat --quick " .. options .. write("same.csv", table.concat(lines, "\n") .. "\n"))
      assert.equal(1, code, text)
      assert.is_truthy(text:find("same.csv: " .. message .. "; expected at least 2 others\n", 1, true), text)
    end
    fails("all 20 values of 'fat' are 5", 5, "")
    fails("19 of 20 values of 'fat' are 5", 6.5, "")
    fails("19 of 20 values of 'fat' are 5", 6.5, "--split part ")
    local lines = { "part,fat,1,2,3" }
    for i = 1, 20 do lines[i + 1] = ("%s,%d,1,2,%d"):format(i > 10 and "test" or "train", math.max(5, i - 10), i) end
    local code, text = run("--target fat --quick --split part "
      .. write("part.csv", table.concat(lines, "\n") .. "\n"))
    assert.equal(1, code, text)
    assert.is_truthy(text:find("part.csv: all 10 values of 'fat' for training are 5; ", 1, true), text)
  end)
  it("refuses a blank cell among the groups", function()
    local code, text = run("--label k --group k,s --folds 2 "
      .. write("groups.csv", "k,s,1,2\na,x,1,2\na,,1,3\nb,y,1,2\nb,z,1,3\n"))
    assert.equal(1, code)
    assert.matches("spectrum 2 has no 's'", text)
  end)
  it("refuses groups that make training or testing impossible, and names classes that are too small", function()
    local function fails(arguments, message)
      local code, text = run(arguments)
      assert.equal(1, code, text)
      assert.is_truthy(text:find(message, 1, true), text)
      assert.is_nil(text:find("own_spectra.lua:", 1, true), text)
    end
    local file = artificial()
    fails("--label kind --group kind " .. file,
      "each class of 'kind' lies in one group of 'kind', so that none is both trained on and tested")
    fails("--label kind --group sample --folds 17 " .. artificial(),
      "'kind' has 2 classes in 30 spectra, 2 of them with fewer spectra than the 17 folds")
    local few = write("few.csv", "k,s,1,2\na,x,1,2\na,y,1,3\na,x,2,2\nb,x,1,2\nb,y,1,3\nb,y,1,4\n")
    fails("--label k --group s --folds 3 " .. few, "'s' has 2 groups, fewer than the 3 folds")
    fails("--label k --folds 2 --model one_convolution " .. few, "the input has 2 and padding is valid")
    fails("--label kind --group , " .. file, "expected --group with the column that names replicates, got ','")
    fails("--label kind --folds 1 " .. file, "--folds: expected a whole number from 2 on, got '1'")
    fails("--label kind --crop 3,2 " .. file, "--crop: expected LOW,HIGH, got '3,2'")
    fails("--label kind --epochs 0 " .. file, "--epochs: expected a whole number from 1 on, got '0'")
    fails("--label k " .. write("blank.csv", 'k,1,2\na,1,2\n" ",1,3\n'), "spectrum 2 has no 'k'")
  end)
  it("looks at the training rows of a split for what makes training impossible", function()
    local rng = mb.rng(4)
    local function fails(message, arguments, cells_of)
      local lines = { "part,k,s,fat,1,2,3,4" }
      for i = 1, 24 do
        lines[i + 1] = ("%s,%s"):format(cells_of(i), table.concat({ rng:normal(), i % 2, i % 3, i }, ","))
      end
      local file = write("rows.csv", table.concat(lines, "\n") .. "\n")
      local code, text = run(("--quick --split part %s %s"):format(arguments, file))
      assert.equal(1, code, text)
      assert.equal(("%s/rows.csv: %s\n"):format(folder, message), text)
    end
    local function four(i)
      return ("%s,%s,s%d,%d"):format(i < 5 and "train" or "test", i % 2 == 0 and "a" or "b", i, i)
    end
    fails("'k' has 2 classes in 4 spectra for training, 2 of them with fewer spectra than the 5 folds", "--label k",
      four)
    fails("4 spectra for training are too few for 5 folds", "--target fat", four)
    fails("expected at least 2 classes in 'k' for training, found only 'a'", "--label k", function(i)
      return ("%s,%s,s%d,%d"):format(i % 2 == 0 and "train" or "test", i % 2 == 0 and "a" or "b", i, i)
    end)
    fails("'s' has 2 groups for training, fewer than the 5 folds", "--label k --group s", function(i)
      return ("%s,%s,s%d,%d"):format(i < 15 and "train" or "test", i % 2 == 0 and "a" or "b", i < 15 and i // 8 or i, i)
    end)
    fails("some of the 5 folds leave only spectra of 'b' to train on; expected at least 2 classes in 'k' with several "
      .. "groups of 's' for training", "--label k --group s", function(i)
      return ("%s,%s,%s,%d"):format(i < 20 and "train" or "test", i % 2 == 0 and "a" or "b", i % 2 == 0 and i < 20
        and "one" or i, i)
    end)
  end)
  it("names classes that folds lack", function()
    local lines = { "k,1,2,3,4,5,6,7,8" }
    for i = 1, 26 do lines[i + 1] = ("c%d,1,2,3,4,5,%d,3,2"):format(i % 13, i) end
    lines[28] = "rare,1,2,3,4,5,6,7,8"
    local code, text = run("--label k --folds 2 --quick --model plsda:components=2 "
      .. write("many.csv", table.concat(lines, "\n") .. "\n"))
    assert.equal(0, code, text)
    assert.is_truthy(text:find("never both trained on and tested: 'rare' (1)", 1, true), text)
  end)
  it("refuses the truth of classes for a model of numbers, and of numbers for one of classes", function()
    local set, path = mb.spectra.read(heights()), folder .. "/task.safetensors"
    set = set:with { labels = { kind = set:targets("height"):gt(1.5):reshape(-1) } }
    for title, case in pairs { kind = { "plsda", "target", "numbers", "classes", "label" },
      height = { "pls", "label", "classes", "numbers", "target" } } do
      local option = case[1] == "pls" and "target" or "label"
      assert(mb.pipeline({ { case[1], components = 2 } }):fit(set, { [option] = title }):save(path))
      local code, text = run(("--predict %s --%s height %s"):format(path, case[2], heights()))
      assert.equal(1, code, text)
      assert.equal(("own_spectra: --%s: expected a model of %s, this one predicts %s, whose column --%s names\n")
        :format(table.unpack(case, 2)), text:match "own_spectra:.*")
    end
    local code, text = run(("--predict %s --label height --target height %s"):format(path, heights()))
    assert.equal(1, code, text)
    assert.matches("expected either %-%-label", text)
  end)
  it("names classes that the model does not know", function()
    local file = write("train.csv", "k,1,2,3\na,1,2,1\na,1,3,1\nb,2,1,2\nb,3,1,3\n")
    local path = folder .. "/names.safetensors"
    local set = mb.spectra.read(file)
    assert(mb.pipeline({ { "plsda", components = 1 } }):fit(set, { label = "k" }):save(path))
    local predict = ("--label k --predict %s "):format(path)
    local code, text = run(predict .. write("names.csv", "k,1,2,3\na,1,2,1\nB,1,3,1\nB,1,3,1\n"))
    assert.equal(0, code, text)
    assert.is_truthy(text:find("the model knows a, b; what 'k' names otherwise counts as wrong: 'B'\n", 1, true), text)
    code, text = run(predict .. "--separator '\\t' " .. write("tabs.csv", "k\t1\t2\t3\na\t1\t2\t1\n"))
    assert.equal(0, code, text)
    code, text = run(predict .. file)
    assert.equal(0, code, text)
    assert.is_nil(text:find("otherwise", 1, true), text)
    code, text = run(predict .. write("axis.csv", "k,1,2.5,3\na,1,2,1\n"))
    assert.equal(0, code, text) -- interpolated
  end)
  it("finds before training that it cannot write", function()
    local file = artificial()
    local code, text = run(("--label kind --out %s/sub %s"):format(file, file))
    assert.equal(1, code)
    assert.is_nil(text:find("accuracy", 1, true), text)
    assert.is_truthy(text:find(file .. "/", 1, true), text)
  end)
  it("predicts nothing if the network's output is not finite", function()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2, initializer = 3e38 } }
    model:build { 3, 1 }
    local path = folder .. "/huge.safetensors"
    assert(mb.save(model, path, { classes = { "a", "b" }, axis = { 1, 2, 3 } }))
    local code, text = run(("--predict %s %s"):format(path, write("three.csv", "k,1,2,3\na,1,1,1\nb,0,0,0\n")))
    assert.equal(1, code, text)
    assert.is_nil(text:find("probability", 1, true), text)
  end)
end)
