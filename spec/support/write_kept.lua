-- Writes one small file of each kind with this version, and the values that its readers have to find in them;
-- spec/kept_spec.lua checks later versions against these. Run once for each release:
-- build/lua spec/support/write_kept.lua spec/kept/VERSION
local folder = arg[1]
arg = { [0] = "kept", "--quick", "--out", folder } -- luacheck: ignore
local mb = require "moonbow"
local nn = mb.nn

local x = mb.rng(1):normal(1, 0.3, 8, 40, 1)
local y = mb.tensor { 1, 2, 1, 2, 1, 2, 1, 2 }
local axis = mb.linspace(100, 490, 40)
local expected = {}

-- ---- arrays ----

assert(mb.save_npy(x, folder .. "/x.npy"))
assert(mb.save_npz({ y = y, half = axis * 0.5 }, folder .. "/set.npz", { type = { y = "int64", half = "float64" } }))
expected.y, expected.half = y, axis * 0.5

-- ---- a network of all kinds of layers, with what it expects ----

local twin = nn.Conv1d { filters = 2, kernel = 1 }
local network = nn.Sequential {
  nn.Position {},
  nn.Conv1d { filters = 4, kernel = 5, stride = 2, padding = "same", activation = "relu" },
  nn.BatchNorm1d { activation = "leaky_relu", alpha = 0.1 },
  nn.MaxPool1d { size = 2 },
  nn.Residual { nn.Sequential { nn.Conv1d { filters = 4, kernel = 3, padding = "same", bias = false }, nn.ELU {} },
    nn.LayerNorm {} },
  nn.Concat { twin, nn.Sequential { twin, nn.Tanh {} }, nn.AvgPool1d { size = 3, stride = 1, padding = "same" } },
  nn.BlurPool1d { size = 2, stride = 2 },
  nn.Activation { name = "gelu" },
  nn.Concat { nn.GlobalAvgPool1d {}, nn.GlobalMaxPool1d {}, nn.Flatten {} },
  nn.Dropout { rate = 0.5 },
  nn.Dense { units = 2, initializer = "he_normal" },
}
local grid = mb.linspace(110, 480, 38)
local fitted, processed = mb.preprocess.fit({ "snv", { "savitzky_golay", window = 5, derivative = 1 }, "standardize",
  { "resample", axis = axis, grid = grid }, { "als_baseline", lambda = 10 }, "min_max" }, x)
mb.fit(network, { x = processed, y = y }, { epochs = 3, batch_size = 4, seed = 1, verbose = false })
assert(mb.save(network, folder .. "/network.safetensors", { classes = { "a", "b" }, axis = axis,
  preprocessing = fitted, note = "é" }))
expected.processed, expected.network = processed, network(processed)

-- ---- baselines ----

local baselines = {
  forest = mb.forest.fit(x, y, { trees = 3, max_depth = 2, seed = 1, verbose = false }),
  linear = mb.linear.fit(x, y, { C = 0.1 }),
  neighbours = mb.neighbours.fit(x:narrow(1, 4), y:narrow(1, 4), { k = 3, weights = "distance" }),
}
for name, model in pairs(baselines) do
  assert(mb.save(model, ("%s/%s.safetensors"):format(folder, name), { classes = { 1, 2 } }))
  expected[name] = model:predict_proba(x)
end

-- ---- a training that resumes ----

local function train(epochs, checkpoint)
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.Flatten {},
    nn.Dropout { rate = 0.2 }, nn.Dense { units = 2 } }
  mb.fit(model, { x = x, y = y }, { epochs = epochs, batch_size = 4, seed = 3, checkpoint = checkpoint,
    validation = { x = x, y = y }, schedule = { "plateau", patience = 1 }, verbose = false })
  return model(x)
end
train(2, folder .. "/checkpoint")
expected.trained = train(4)

assert(mb.save_npz(expected, folder .. "/expected.npz"))

-- ---- results ----

local run = mb.experiment.start { name = "kept", claim = "Files of this version stay readable",
  seeds = { full = 3, quick = 3 }, published = { value = 1 } }
for seed in run:each_seed() do run:add("value", seed) end
run:rule { "the value is above 0", "value", above = 0 }
run:finish()
