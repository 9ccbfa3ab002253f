-- Results print themselves, and are tables like any other.
local mb = require "moonbow"
local json = require "moonbow.io.json"
local nn = mb.nn

local function lines_of(value)
  local lines = {}
  for line in tostring(value):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

local function small_set()
  return mb.data.border_peaks { n = 12, validation = 6, test = 8, length = 64, first = 20, border = 32, last = 43 }
end

local function small_model() return nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } } end

local function fitted(epochs, more)
  local set, model = small_set(), small_model()
  local options = { epochs = epochs, verbose = false, validation = set.validation }
  for name, value in pairs(more or {}) do options[name] = value end
  return mb.fit(model, set.train, options), model, set
end

describe("a history", function()
  it("prints its epochs, the best one, and what ended it", function()
    local history = fitted(3)
    local lines = lines_of(history)
    assert.matches("^epoch%s+loss%s+accuracy%s+val_loss%s+val_accuracy%s+lr%s+seconds$", lines[1])
    assert.matches(("^%%s+2%%s+%.4f%%s+%.4f"):format(history[2].loss, history[2].accuracy), lines[3])
    assert.equal(5, #lines)
    assert.equal(("best: epoch %d, val_loss %.4f; not stopped before epoch 3"):format(history.best_epoch,
      history[history.best_epoch].val_loss), lines[5])
  end)
  it("says what ended it", function()
    local function stop(_, control) control.stop() end
    assert.matches("; ended by a callback$", tostring(fitted(3, { callbacks = { stop } })))
    assert.matches("; ended by early stopping$",
      tostring(fitted(9, { early_stopping = { patience = 1, min_delta = 10 } })))
  end)
  it("of many epochs shows some, with the first, the best and the last", function()
    local history = fitted(60)
    local lines = lines_of(history)
    assert.is_true(#lines <= 24)
    assert.matches("^%s+1 ", lines[2])
    assert.matches("^%s+60 ", lines[#lines - 2])
    assert.matches("^%(%d+ of 60 epochs%)$", lines[#lines - 1])
    assert.matches("\n%s+" .. history.best_epoch .. " ", tostring(history))
  end)
  it("gives its columns as lists, and draws its losses", function()
    local history = fitted(2)
    assert.same({ history[1].val_loss, history[2].val_loss }, history:values "val_loss")
    assert.error_matches(function() history:values "val_los" end, "did you mean 'val_loss'?")
    local trained = mb.fit(small_model(), small_set().train, { epochs = 1, verbose = false })
    assert.error_matches(function() trained:values "val_loss" end, "this training has no val_loss")
    assert.matches("training.*validation", history:plot():script())
    assert.is_nil(trained:plot():script():find("validation", 1, true))
  end)
  it("is a list of records for all else", function()
    local history = fitted(2)
    assert.equal(2, #history)
    local count, keys = 0, {}
    for i, record in ipairs(history) do
      count = count + 1
      assert.equal(i, record.epoch)
    end
    for key in pairs(history) do keys[key] = true end
    assert.equal(2, count)
    assert.same({ true, true, best_epoch = true, monitor = true }, keys)
  end)
end)

describe("an evaluation", function()
  it("prints the accuracy, the classes by name, and the confusion matrix", function()
    local _, model, set = fitted(1)
    local evaluation = mb.evaluate(model, set.test)
    local text = tostring(evaluation)
    assert.matches(("^accuracy %.4f, loss %.4f, macro F1 %.4f, on 8 spectra of 2 classes\n"):format(evaluation.accuracy,
      evaluation.loss, evaluation.macro_f1), text)
    assert.matches("\nclass%s+spectra%s+precision%s+recall%s+F1\nbelow%s+%d+%s+%d", text)
    local row = evaluation.confusion[2]
    assert.matches(("\ntrue \\ predicted%%s+below%%s+above\n.*\nabove%%s+%d%%s+%d$"):format(row[1], row[2]), text)
  end)
  it("draws its confusion matrix", function()
    local _, model, set = fitted(1)
    assert.matches("below", mb.evaluate(model, set.test):plot():script())
  end)
  it("of many classes shows those with the lowest F1", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 30 } }
    local y = {}
    for i = 1, 60 do y[i] = (i - 1) % 30 + 1 end
    local evaluation = mb.evaluate(model, { x = mb.randn(mb.rng(1), 60, 5, 1), y = y })
    local text = tostring(evaluation)
    assert.matches("%(the 10 classes with the lowest F1%)$", text)
    assert.is_nil(text:find "predicted")
    assert.matches('"f1":%[', json.encode(evaluation))
    assert.equal(13, #lines_of(evaluation))
  end)
end)

describe("a data set", function()
  it("prints its parts and classes", function()
    local set = small_set()
    local lines = lines_of(set)
    assert.matches("^train%s+12 spectra of 64 points: below %d+, above %d+$", lines[1])
    assert.matches("^test%s+8 spectra", lines[3])
    assert.equal("classes: below, above; also axis, bins, ceiling, distance, options", lines[4])
    assert.matches("^12 spectra of 64 points: below %d+, above %d+; also height, position, width$", tostring(set.train))
  end)
  it("of every generator does so", function()
    for _, set in ipairs {
      mb.data.single_peak { n = 4, validation = 2, test = 2, length = 100, position = 50, shift = 5 },
      mb.data.classes { n = 4, validation = 2, test = 2, length = 100, shift = 5, peaks = { { { 30, 1 } },
        { { 60, 1 } } } },
      mb.data.universal { classes = 9, points = 400, train = 2, validation = 1 },
      mb.data.challenge { points = 5000, train = 1, validation = 1 },
      mb.data.verification { n = 20, points = 5000 },
    } do
      assert.matches("^train%s+%d+ spectra of %d+ points: ", tostring(set))
      assert.matches("^%d+ spectra of %d+ points: ", tostring(set.train))
      assert.equal(set.classes, set.train.classes)
    end
  end)
  it("of many classes counts them", function()
    local set = mb.data.universal { classes = 9, points = 400, train = 2, validation = 1 }
    assert.matches("18 spectra of 400 points: 9 classes of 2 each", tostring(set))
    assert.matches("\nclasses: 0, 1, 2, 3, 4, 5, 6, 7 and 1 more; also ", tostring(set))
  end)
  it("gives training the names of its classes", function()
    local set = small_set()
    local history = mb.fit(small_model(), set.train, { epochs = 1, verbose = false, class_weights = { below = 2 } })
    assert.equal(1, #history)
  end)
end)

describe("other results", function()
  it("have no blanks at the ends of lines", function()
    assert.equal('nn.Sequential{name = "n",\n  nn.Flatten{},\n  nn.Dense{units = 2}}',
      tostring(nn.Sequential { name = "n", nn.Flatten {}, nn.Dense { units = 2 } }))
  end)
  it("print themselves, too", function()
    local x, y = mb.randn(mb.rng(1), 10, 6, 1), mb.tensor { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 }
    assert.equal("fold  train  test\n   1      5     5\n   2      5     5", tostring(mb.split.k_fold(10, 2)))
    local maps = mb.probe(small_model(), x, y, function(map, labels) return mb.linear.fit(map, labels) end,
      { test = { x = x, y = y } })
    assert.matches("^layer  type%s+shape  accuracy\n0      input%s+6 x 1%s+%d", tostring(maps))
    local steps = mb.preprocess.fit({ "snv", { "savitzky_golay", window = 3, order = 1 } }, x)
    assert.matches("^preprocessing: snv, then savitzky_golay{ .*window = 3 }$", tostring(steps))
    assert.matches("^tensors hold %d+%.%d MB", tostring(mb.memory()))
    assert.matches("^optim.SGD{lr = 0.5, momentum = 0, nesterov = false, weight_decay = 0}$",
      tostring(mb.optim.SGD { lr = 0.5 }))
    assert.matches("\nlimits.header = 16777216\n", tostring(mb.limits))
  end)
  it("go to files as before", function()
    local x = mb.randn(mb.rng(1), 10, 6, 1)
    local steps, model, path = mb.preprocess.fit({ "snv" }, x), small_model(), os.tmpname()
    model:build { 6, 1 }
    assert(mb.save(model, path, { preprocessing = steps }))
    local _, info = mb.load(path)
    os.remove(path)
    assert.same({ { name = "snv" } }, info.preprocessing)
  end)
end)
