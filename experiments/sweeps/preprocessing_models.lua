-- Preprocessing against model, on measured spectra of your own: does the network need it, does the linear model?
--
--     SPECTRA=FILE LABEL=COLUMN lua experiments/sweep.lua run experiments/sweeps/preprocessing_models.lua [--quick]
--
-- FILE is one that mb.spectra.read reads; without one, spectra with a strong background are made.
local mb = require "moonbow"
local nn = mb.nn
local quick = (...).quick

-- Spectra (N, L, 1), class numbers, and how many classes there are.
local function read()
  local path = os.getenv "SPECTRA"
  if not path then
    local set = mb.data.single_peak { n = quick and 150 or 400, background = 2, seed = 1 }
    return set.train.x, set.train.y:totable(), #set.classes
  end
  local spectra = assert(mb.spectra.read(path))
  local y, names = spectra:classes(os.getenv "LABEL" or spectra.columns[1])
  return spectra.x, y:totable(), #names
end

local x, y, classes = read()

local steps = {
  none = {}, snv = { "snv" },
  derivative = { { "savitzky_golay", window = 11, order = 2, derivative = 1 }, "standardize" },
}

local function labels_of(rows)
  local labels = {}
  for i, row in ipairs(rows:totable()) do labels[i] = y[row] end
  return labels
end

local models = {
  linear = function(train_x, train_y) return mb.linear.fit(train_x, train_y) end,
  forest = function(train_x, train_y, seed) return mb.forest.fit(train_x, train_y, { trees = 100, seed = seed }) end,
}

-- The share of right classes of a model of one kind on the test rows.
local function accuracy(kind, train, test, seed)
  if models[kind] then return models[kind](train.x, train.y, seed):score(test.x, test.y) end
  local model = nn.Sequential { nn.Conv1d { filters = 16, kernel = 9, activation = "relu" }, nn.MaxPool1d { size = 4 },
    nn.Flatten {}, nn.Dense { units = classes } }
  mb.fit(model, train, { epochs = quick and 10 or 30, seed = seed, verbose = false })
  return mb.evaluate(model, test).accuracy
end

return {
  space = { preprocessing = { "none", "snv", "derivative" }, model = { "network", "linear", "forest" } },
  objective = "accuracy",
  run = function(config, trial)
    local sum, folds = 0, mb.split.k_fold(#y, 4, { stratify = y, seed = trial.seed })
    for i, fold in ipairs(folds) do
      local train_x, test_x = x:index(fold.train), x:index(fold.test)
      if #steps[config.preprocessing] > 0 then
        local fitted
        fitted, train_x = mb.preprocess.fit(steps[config.preprocessing], train_x)
        test_x = mb.preprocess.apply(fitted, test_x)
      end
      local train, test = { x = train_x, y = labels_of(fold.train) }, { x = test_x, y = labels_of(fold.test) }
      sum = sum + accuracy(config.model, train, test, trial.seed)
      trial:report(i, { accuracy = sum / i })
    end
    return { accuracy = sum / #folds }
  end,
}
