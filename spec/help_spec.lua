-- mb.help prints the reference: an index, the entry of a name or a value, and entries that mention words.
local mb = require "moonbow"

local function printed(...)
  local lines, original = {}, print
  _G.print = function(text) lines[#lines + 1] = text end -- luacheck: ignore
  local results = table.pack(pcall(mb.help, ...))
  _G.print = original -- luacheck: ignore
  assert(results[1], results[2])
  assert.equal(1, results.n, "help returns nothing")
  return lines
end

local function all_of(what) return table.concat(printed(what), "\n") end

-- The first line of each thing that is printed.
local function titles(what)
  local found = {}
  for _, text in ipairs(printed(what)) do found[#found + 1] = text:match "^[^\n]*" end
  return found
end

describe("help", function()
  it("without a name is an index by topic, with a line for each function", function()
    local index = table.concat(printed(), "\n")
    for _, line in ipairs { "\nTraining\n", "\n  mb.fit +Trains a model", "\n  mb.nn.Conv1d +Convolution along L",
      "\n  tensor: abs add ", "\n  step: airpls_baseline als_baseline ", "\n  initializer: .*he_uniform" } do
      assert.matches(line, index)
    end
  end)
  it("on nil raises, since a misspelt name is nil", function()
    assert.error_matches(function() mb.help(nil) end, "help: the value is nil, perhaps a misspelt name; mb.help%(%)")
    assert.error_matches(function() mb.help(mb.ones(1).summary) end, "the value is nil")
    assert.error_matches(function() mb.help("fit", 1) end, "expected one argument, got 1 as argument 2")
  end)
  it("finds things by words that the reference does not use", function()
    for words, names in pairs {
      normalize = { 'step "snv"', 'step "standardize"', "mb.nn.BatchNorm1d" }, normalise = { 'step "min_max"' },
      ["load data"] = { "mb.spectra.read" }, ["learning curve"] = { "history:plot", "mb.plot.lines" },
      wavenumber = { "mb.spectra.read", 'step "resample"' }, overfitting = { "mb.nn.Dropout", "mb.fit" },
      smoothing = { 'step "savitzky_golay"' }, ["encode labels"] = { "mb.class_numbers" },
    } do
      local found = all_of(words)
      for _, name in ipairs(names) do assert.truthy(found:find("\n  " .. name, 1, true), words .. ": " .. name) end
    end
  end)
  it("on a topic has a line for each method, too", function()
    assert.matches("\n  tensor:matmul +The matrix product", all_of "tensors")
    assert.is_nil(all_of("tensors"):find("mb.fit", 1, true))
  end)
  it("on a function is about that function, even if others have its name", function()
    local expected = { [mb.forest.fit] = "^mb.forest.fit%(x, y, options.*Fits a random forest",
      [mb.linear.fit] = "^mb.linear.fit%(.*Fits one weight",
      [mb.neighbours.fit] = "^mb.neighbours.fit%(.*Keeps spectra",
      [mb.ones(1).mean] = "^tensor:mean%(dimension%??, options%?%)", [mb.nn.ReLU] = "^mb.nn.ReLU {}",
      [mb.nn.ReLU {}.build] = "^layer:build%(shape, rng%??%)" }
    for what, message in pairs(expected) do
      local lines = printed(what)
      assert.equal(1, #lines)
      assert.matches(message, lines[1])
    end
  end)
  it("on a path is of what is there, and names the others of the name", function()
    local found = titles "fit"
    assert.matches("^mb.fit%(model, set, options%?%) +%[Training, in moonbow.train.fit%]$", found[1])
    assert.equal("Others of this name:", found[2])
    assert.matches("mb.forest.fit .*mb.linear.fit .*mb.neighbours.fit ", all_of "fit")
    for _, path in ipairs { "forest.fit", "mb.forest.fit", "mb.forest.fit(x, y)" } do
      assert.matches("^mb.forest.fit%(", titles(path)[1])
    end
    assert.matches("^tensor:conv1d%(", titles "x:conv1d"[1])
  end)
  it("on a name is of all that have it, each with its module", function()
    local found = titles "predict_proba"
    assert.equal(6, #found)
    for i, class in ipairs { "calibrated", "ensemble", "forest", "linear", "logistic", "neighbours" } do
      assert.matches("^" .. class .. ":", found[i])
    end
    assert.matches("^mb.nn.Conv1d { filters, kernel, ... }", titles "Conv1d"[1])
  end)
  it("shows kinds and defaults of options as the code has them", function()
    local text = all_of "fit"
    assert.matches("\n    batch_size %(positive integer, 32%)", text)
    assert.matches('\n    loss %(string or table or function, "cross_entropy"%)', text)
    assert.matches("\n    early_stopping.patience %(positive integer, 10%)", text)
    assert.matches("\n    filters %(positive integer, required%)", all_of "Conv1d")
    assert.matches('\n    criterion %("gini" or "entropy" or "squared_error", "gini"%)', all_of "forest.fit")
  end)
  it("on an object is about its class, on a module about its content", function()
    assert.matches("^class tensor.*\n  tensor:matmul ", all_of(mb.ones(1)))
    assert.matches("^class rng.*\n  rng:normal ", all_of(mb.rng(1)))
    assert.matches("^class optimizer.*\n  optimizer:step ", all_of(mb.optim.SGD {}))
    assert.matches("^mb.nn.Dense { units, ... }", all_of(mb.nn.Dense { units = 2 }))
    assert.matches("^class figure.*\n  figure:save ", all_of(mb.plot.lines { y = { 1, 2 } }))
    assert.matches("^mb.optim.*\n  mb.optim.Adam ", all_of(mb.optim))
  end)
  it("on a module is about its file, even if a deeper one has the name", function()
    assert.matches("Measured spectra: files of any format", all_of "spectra")
  end)
  it("on words lists the entries that mention all of them, names first", function()
    local text = all_of "early stopping"
    assert.matches("^'early stopping' is mentioned by:\n  mb.fit ", text)
    assert.matches("^'random forest' is mentioned by:\n  mb.forest ", all_of "random forest")
    assert.matches("\n  mb.nn.BatchNorm1d ", all_of "running statistics momentum")
  end)
  it("on an unknown word says which names are near", function()
    assert.matches("^no help on conv1dd; near are: .*conv1d", all_of "conv1dd")
    assert.matches("^no help on xqzzxqzzxq; mb.help%(%) lists", all_of "xqzzxqzzxq")
    assert.error_matches(function() mb.help(5) end, "help: what: expected a string or a function or .*, got 5$")
  end)
  it("on a function of moonbow's own that is not public says so", function()
    assert.matches("^write, not public\n\nWrites", all_of(require("moonbow.io.files").write))
    assert.matches("^no help on a function", all_of(function() end))
  end)
  it("reads the sources when it is first asked, not before", function()
    local pipe = assert(io.popen(require "spec.support.interpreter" .. [[ -e '
      local mb = require "moonbow"
      local print, was_loaded = print, package.loaded["moonbow.help.entries"]
      _G.print = function() end
      mb.help "Conv1d"
      print(was_loaded, package.loaded["moonbow.help.entries"] ~= nil)' 2>&1]]))
    assert.equal("nil\ttrue\n", pipe:read "a")
    pipe:close()
  end)
end)
