-- How much of the published benchmark needs a network? A linear softmax on spectra that are max-pooled by 16 points, on
-- the general set (500 classes) or the challenge set (--challenge 1), by the published protocol: Adam at 3e-4, batches
-- of 128, early stopping after 25 epochs without an improvement of 1e-4, rate times 0.1 after 10, best weights.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local simple = require "lib.benchmark.simple"

local run <close> = mb.experiment.start {
  name = "pooled_softmax", claim = "A linear softmax on max-pooled spectra is as good as the published networks",
  seeds = { full = 3, quick = 1 }, settings = { challenge = { 0, 0 }, pool = { 16, 16 }, epochs = { 500, 200 } },
  about = { challenge = "0: the general set, 1: the challenge set", pool = "points of a max-pooling window",
    epochs = "epochs of the training at most" },
}

local set = simple.data(run)
local train, validation, test = simple.pooled(set.train, run.settings.pool),
  simple.pooled(set.validation, run.settings.pool), simple.pooled(set.test, run.settings.pool)
local parameters

for seed in run:each_seed() do
  local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = #set.classes } }
  local history = mb.fit(model, train, { epochs = run.settings.epochs, batch_size = 128, seed = seed,
    validation = validation, optimizer = mb.optim.Adam { lr = 3e-4, epsilon = 1e-7, keras_epsilon = true },
    early_stopping = { patience = 25, min_delta = 1e-4 },
    schedule = { "plateau", patience = 10, factor = 0.1, min_delta = 1e-4 }, verbose = false })
  run:add("epochs", #history)
  simple.add(run, mb.predict(model, test.x):totable(), set)
  parameters = model:parameters()[1].value:shape()
end

simple.finish(run, "softmax", { weights = parameters[1] * parameters[2], pool = run.settings.pool })
