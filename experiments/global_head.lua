-- Does a mean over all positions lose the class? LITE (Ismail-Fawaz et al. 2023) on the challenge set of the published
-- benchmark: with its own head, the mean of each map, and with the maps themselves, max-pooled by 8 points.
--
-- The spectra are max-pooled by 8 points, so that LITE's windows of 170 values span 1360 points, more than the
-- distances by which classes differ. As its authors do, the networks are trained for many epochs in batches of 64, from
-- a rate of 1e-3 down, here along a cosine; the weights of the last epoch are tested, with recalibrated statistics.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local simple = require "lib.benchmark.simple"

local run <close> = mb.experiment.start {
  name = "global_head", claim = "Global average pooling loses classes that differ in a peak position",
  seeds = { full = 1, quick = 1 },
  settings = { challenge = { 1, 1, "non-negative integer" }, pool = { 8, 32 }, epochs = { 600, 2 },
    lr = { 1e-3, 1e-3, "positive" } },
  about = { challenge = "0: the general set, 1: the challenge set", pool = "points of a max-pooling window",
    epochs = "epochs of each training", lr = "rate at which training begins" },
}
local s = run.settings

local set = simple.data(run)
local train, test = simple.pooled(set.train, s.pool), simple.pooled(set.test, s.pool)
local heads = { { "mean", { head = "global" } }, { "position kept", { head = "flatten", pool = 8 } } }

local function network(options)
  options.classes, options.momentum = #set.classes, 0.9
  return mb.models.ismailfawaz2023_lite(options)
end

for seed in run:each_seed() do
  for _, head in ipairs(heads) do
    local name, model = head[1], network(head[2])
    mb.fit(model, train, { epochs = s.epochs, batch_size = 64, seed = seed, optimizer = mb.optim.Adam { lr = s.lr },
      schedule = { "cosine", per = "step" }, verbose = false, callbacks = { function(record)
        if record.epoch % 10 == 0 then run:progress("%s: epoch %d, loss %.3f", name, record.epoch, record.loss) end
      end } })
    mb.recalibrate(model, train.x)
    run:add(name .. " @ training", mb.evaluate(model, train).accuracy)
    simple.add(run, mb.predict(model, test.x):totable(), set, name)
  end
end

run:rule { "with global average pooling the training spectra are learned (0.9)", "mean @ training", above = 0.9 }
run:rule { "with global average pooling the accuracy on test spectra is below that with positions kept", "mean @ right",
  below = "position kept @ right" }
run:finish()
