--- Models with inputs and what moonbow makes of them, to compare exported files with. A case is { name, model, options,
-- x = raw spectra, expected }; x and expected are tables by name for graphs of several inputs and outputs.
local mb = require "moonbow"
local nn = mb.nn
local random_graph = require "support.random_graphs"
local random_network = require "support.random_networks"

local cases = {}

local function case_of(name, model, x, options)
  return { name = name, model = model, options = options or {}, x = x, expected = mb.no_grad(model, x) }
end

-- The cells of its LSTM grow beyond 88, where the softplus of ONNX Runtime's LSTM is infinite.
local OVERFLOWS = 226

--- Random networks of the seeds first to last.
function cases.random(first, last, batch)
  local list = {}
  for seed = first, last do
    local model, shape = random_network(seed)
    mb.seed(seed)
    local x = mb.randn(batch, table.unpack(shape))
    local folds = seed % 2 == 0
    if seed ~= OVERFLOWS then
      list[#list + 1] = case_of(("random_%03d"):format(seed), model, x, { fold_batch_norm = folds })
    end
  end
  return list
end

--- Random graphs of several inputs and outputs.
function cases.graphs(first, last, batch)
  local list = {}
  for seed = first, last do
    local model, x = random_graph(seed, batch)
    list[#list + 1] = case_of(("graph_%03d"):format(seed), model, x)
  end
  return list
end

--- The eight benchmarked networks and LITE, small, with other running statistics than at first.
function cases.benchmarked()
  local list = {}
  for i, name in ipairs { "lee2020_cnn2", "lee2020_cnn3", "szymanski2021", "wang2020", "liu2017", "ho2019_resnet",
    "lee2020_inception3", "lee2020_inception6", "ismailfawaz2023_lite" } do
    local options = { classes = 3, length = 347 }
    if name ~= "ho2019_resnet" then options.units = { 8 } end
    mb.seed(1)
    local model = mb.models[name](options)
    model:train()
    model(mb.rand(4, 347, 1))
    local x = mb.rand(3, 347, 1)
    list[i] = case_of(name, model:eval(), x)
  end
  return list
end

--- The networks for Raman spectra, whose first layer or weighted maps are their own.
function cases.raman(batch)
  local list = {}
  for i, name in ipairs { "ibtehaz2023_ramannet", "deng2022_sanet" } do
    mb.seed(i)
    local model = mb.models[name] { classes = 3, length = 400 }
    model:train()(mb.rand(8, 400, 1))
    local x = mb.rand(batch, 400, 1)
    list[i] = case_of(name, model:eval(), x)
  end
  return list
end

--- Layers on long spectra, where rounding of places or of states would add up.
function cases.long(batch)
  local list = {}
  for i, layer in ipairs { nn.Upsample1d { factor = 3, mode = "linear" }, nn.Upsample1d { factor = 7 },
    nn.LSTM { units = 4 }, nn.GRU { units = 4, bidirectional = true, return_sequences = true },
    nn.MultiHeadAttention { heads = 2 }, nn.MultiHeadAttention { heads = 2, causal = true } } do
    local model = nn.Sequential { layer }
    model:build({ 1000, 2 }, mb.rng(i))
    local x = mb.rng(i):normal(0, 1, batch, 1000, 2)
    list[i] = case_of(("long_%s_%d"):format(layer.type, i), model:eval(), x)
  end
  return list
end

-- Writes a tensor, or those of several names.
local function write_values(path, values)
  if mb.is_tensor(values) then return assert(mb.save_npy(values, path .. ".npy")) end
  for name, value in pairs(values) do write_values(path .. "." .. name, value) end
end

--- Writes the file of a case, its input and what is expected into a folder, for spec/support/onnx_compare.py.
function cases.write(case, folder)
  local path = folder .. "/" .. case.name
  assert(mb.export_onnx(case.model, path .. ".onnx", case.options))
  write_values(path .. ".x", case.x)
  write_values(path .. ".y", case.expected)
end

local function axis_of(L)
  local axis = {}
  for t = 1, L do axis[t] = 400 + 2 * t + 0.001 * t * t end
  return axis
end

-- Spectra above 0: peaks on a slope.
local function spectra(batch, L, C)
  mb.seed(7)
  local place = mb.linspace(0, 1, L):reshape(1, L, 1)
  local peaks = ((place - 0.3) * 20):mul((place - 0.3) * 20):neg():exp() + place
  return mb.rand(batch, L, C) * 0.3 + peaks * (mb.rand(batch, 1, C) + 0.5) + 0.2
end

local L = 60
local axis = axis_of(L)

--- The steps of preprocessing that can be exported, one or several at once.
cases.steps = {
  { "snv" }, { "min_max" }, { "max" }, { "area" }, { "standardize" }, { "msc" }, { { "emsc", degree = 2 } },
  { { "normalize_band", low = 420, high = 480, axis = axis } },
  { { "normalize_band", low = 420, high = 480, axis = axis, by = "max" } },
  { "kubelka_munk" }, { { "kubelka_munk", percent = true } },
  { { "crop", low = 430, high = 500, axis = axis } }, { { "bin", width = 7, axis = axis } },
  { { "resample", axis = axis, grid = { first = 410, last = 510, step = 3 } } },
  { { "savitzky_golay", window = 7, order = 3, derivative = 1, delta = 2 } },
  { { "savitzky_golay", window = 1, order = 0 } },
  { { "derivative", axis = axis, window = 7, order = 3, derivative = 2 } },
  { { "resample", axis = axis, grid = { first = 410, last = 510, step = 3 } }, { "savitzky_golay", window = 5 }, "snv",
    "standardize" },
}

local function name_of(steps)
  local names = {}
  for i, step in ipairs(steps) do names[i] = type(step) == "table" and step[1] or step end
  return "steps_" .. table.concat(names, "_")
end

--- Each list of steps before a small network, for spectra of one and of two channels.
function cases.preprocessing(batch)
  local list = {}
  for number, steps in ipairs(cases.steps) do
    for C = 1, 2 do
      local x = spectra(math.max(batch, 20), L, C)
      local fitted, processed = mb.preprocess.fit(steps, x)
      processed = processed:narrow(1, batch)
      local model = nn.Sequential { nn.Conv1d { filters = 3, kernel = 4, activation = "tanh" }, nn.Flatten {},
        nn.Dense { units = 3 } }
      model:build({ processed:size(2), C }, mb.rng(number))
      model:eval()
      list[#list + 1] = { name = ("%s_%d_%d"):format(name_of(steps), number, C), model = model,
        options = { preprocessing = fitted, classes = { "a", "b", "c" } }, x = x:narrow(1, batch),
        expected = select(2, mb.predict(model, processed)) }
    end
  end
  return list
end

--- Steps that shall not lose a small spread beside a large offset, or divide by 0, in float32.
function cases.offsets(batch)
  local list = {}
  for _, step in ipairs { "snv", "standardize", "min_max", { "derivative", axis = axis },
    { "savitzky_golay", derivative = 1 }, "msc", { "emsc", degree = 4 } } do
    local x, name = spectra(batch, L, 1) + 1000, name_of { step }
    local is_scatter = name:find "msc" -- what it corrects gets the offset of the spectra that it was fitted on
    -- A flat spectrum has no slope for these, and large results of standardize, which would hide the others'.
    if not is_scatter and step ~= "standardize" then x:row(2):fill(0.1) end
    local fitted = mb.preprocess.fit({ step }, is_scatter and x - 1000 or x)
    local processed = mb.preprocess.apply(fitted, x)
    local model = nn.Sequential { nn.Dropout { rate = 0.1 } }
    model:build { L, 1 }
    list[#list + 1] = { name = "offset_" .. name, model = model:eval(), options = { preprocessing = fitted }, x = x,
      expected = processed }
  end
  return list
end

local function numbers(batch)
  local y = {}
  for i = 1, batch do y[i] = { i % 3 + 0.1 * i, 0.2 * (i % 5) } end
  return mb.tensor(y)
end

--- Fitted models.
function cases.fitted(batch)
  local x = spectra(30, 20, 1)
  local classes, y = {}, numbers(30)
  for i = 1, 30 do classes[i] = i % 3 + 1 end
  local given = x:narrow(1, batch)
  local list = {}
  local function add(name, model, expected)
    list[#list + 1] = { name = name, model = model, options = {}, x = given, expected = expected }
  end
  for _, kind in ipairs { "logistic", "svm" } do
    if mb.linear then
      local model = mb.linear.fit(x, classes, { kind = kind })
      add("linear_" .. kind, model, kind == "svm" and model:decision_function(given) or model:predict_proba(given))
    end
  end
  local logistic, plsda = mb.logistic.fit(x, classes), mb.plsda.fit(x, classes, { components = 3 })
  add("logistic", logistic, logistic:predict_proba(given))
  add("plsda", plsda, plsda:decision_function(given))
  local ridge, pls, pca = mb.ridge.fit(x, y), mb.pls.fit(x, y, { components = 3 }), mb.pca.fit(x, { components = 2 })
  add("ridge", ridge, ridge:predict(given))
  add("pls", pls, pls:predict(given))
  add("pca", pca, pca:transform(given))
  local forest = mb.forest.fit(x, classes, { trees = 20, verbose = false })
  add("forest", forest, forest:predict_proba(given))
  return list
end

return cases
