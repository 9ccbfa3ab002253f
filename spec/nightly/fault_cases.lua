-- The cases of the fault injector: each makes a function whose calls all do the same, and whose results can be
-- compared. Files are below folder.
local mb = require "moonbow"
local nn = mb.nn

local cases = {}

local function spectra(n, length)
  local rng = mb.rng(3)
  local y = {}
  for i = 1, n do y[i] = i % 2 + 1 end
  return rng:normal(0, 1, n, length, 1), mb.tensor(y)
end

local function network()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.BatchNorm1d { activation = "relu" },
    nn.MaxPool1d { size = 2 }, nn.Flatten {}, nn.Dropout { rate = 0.1 }, nn.Dense { units = 2 } }
  model:build({ 12, 1 }, mb.rng(1))
  return model
end

function cases.tensors()
  local x = mb.rng(1):normal(0, 1, 4, 300)
  return function()
    local y = ((x + 1) * x):matmul(x:transpose()):exp():sum(1)
    return y:mean():item(), y:reshape(2, 2):totable()[2][1], x:index { 1, 3 }:max(2):argmax()
  end
end

function cases.gradients()
  local x = spectra(4, 12)
  return function()
    local model = network()
    local loss = model:train()(x):cross_entropy(mb.tensor { 1, 2, 1, 2 })
    loss:backward()
    return model:parameters()[1].value.grad:sum():item()
  end
end

function cases.large()
  return function()
    local x <close> = mb.ones(1 << 20)
    local y <close> = x + 1
    return y:sum():item()
  end
end

function cases.fit()
  local x, y = spectra(8, 12)
  return function()
    local model = network()
    local history = mb.fit(model, { x = x, y = y }, { epochs = 2, batch_size = 4, verbose = false,
      validation = { x = x, y = y }, early_stopping = {} })
    return history[2].loss, history[2].val_loss, model:parameters()[1].value:sum():item()
  end
end

function cases.checkpoint(folder)
  local x, y = spectra(8, 12)
  return function()
    os.remove(folder .. "/fit/checkpoint.safetensors")
    local model = network()
    local options = { epochs = 1, batch_size = 4, verbose = false, checkpoint = folder .. "/fit" }
    mb.fit(model, { x = x, y = y }, options)
    local again = network()
    local history = mb.fit(again, { x = x, y = y }, options)
    return history[1].loss, again:parameters()[1].value:sum():item()
  end
end

local function round_trip(path, save, load)
  return function()
    local ok, err = save(path)
    if not ok then return nil, err end
    local loaded, why = load(path)
    if not loaded then return nil, why end
    return loaded
  end
end

function cases.model(folder)
  local model, x = network(), spectra(2, 12)
  local info = { classes = { "a", "b" }, axis = mb.arange(1, 1, 12) }
  local trip = round_trip(folder .. "/model.safetensors", function(to) return mb.save(model, to, info) end, mb.load)
  return function()
    local loaded, why = trip()
    if not loaded then return nil, why end
    return mb.no_grad(loaded, x):sum():item()
  end
end

function cases.npy(folder)
  local x = mb.rng(1):normal(0, 1, 5, 3)
  local trip = round_trip(folder .. "/x.npy", function(to) return mb.save_npy(x, to) end, mb.load_npy)
  return function()
    local y, why = trip()
    return y and y:sum():item(), why
  end
end

function cases.npz(folder)
  local x = mb.rng(1):normal(0, 1, 5, 3)
  local trip = round_trip(folder .. "/x.npz", function(to) return mb.save_npz({ x = x, y = x }, to) end, mb.load_npz)
  return function()
    local y, why = trip()
    return y and y.x:sum():item(), why
  end
end

function cases.csv(folder)
  local path = folder .. "/spectra.csv"
  local file = assert(io.open(path, "w"))
  file:write "label,1,2,3\na,1,2,3\nb,4,5,6\n\"c\",7,8,9\n"
  file:close()
  return function()
    local set, why = mb.spectra.read(path)
    if not set then return nil, why end
    return set.x:sum():item(), #set.axis
  end
end

function cases.forest()
  local x, y = spectra(20, 6)
  x = x:reshape(20, 6)
  return function()
    local forest = mb.forest.fit(x, y, { trees = 3 })
    return forest:predict(x):sum():item()
  end
end

function cases.linear()
  local x, y = spectra(20, 6)
  x = x:reshape(20, 6)
  return function() return mb.linear.fit(x, y):predict(x):sum():item() end
end

function cases.neighbours()
  local x, y = spectra(20, 6)
  x = x:reshape(20, 6)
  return function() return mb.neighbours.fit(x, y, { k = 3 }):predict(x):sum():item() end
end

function cases.preprocess()
  local x = spectra(6, 40)
  return function()
    local fitted = mb.preprocess.fit({ "standardize", "als_baseline", "savitzky_golay" }, x)
    return mb.preprocess.apply(fitted, x):abs():sum():item()
  end
end

function cases.plot(folder)
  return function()
    local ok, err = mb.plot.lines({ x = { 1, 2, 3 }, y = { { 1, 4, 9 } } }):save(folder .. "/figure.svg")
    return ok, err
  end
end

return cases
