-- MiniROCKET (Dempster, Schmidt and Webb 2021) with ridge on the general set of the published benchmark (500 classes),
-- or on its challenge set (--challenge 1): features by fixed kernels, which no training changes, and a linear
-- classifier. The share of points above a bias says nothing of where they are, but kernels that are dilated over the
-- whole spectrum see how far peaks are from each other.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local minirocket = require "lib.minirocket"
local simple = require "lib.benchmark.simple"

local run <close> = mb.experiment.start {
  name = "minirocket", claim = "MiniROCKET with ridge is as good as the published networks",
  seeds = { full = 1, quick = 1 }, settings = { challenge = { 0, 0 }, features = { 9996, 840 }, pool = { 1, 1 } },
  about = { challenge = "0: the general set, 1: the challenge set", features = "features of a spectrum, about",
    pool = "points of a max-pooling window" },
}

local set = simple.data(run)
local train, validation, test = simple.pooled(set.train, run.settings.pool),
  simple.pooled(set.validation, run.settings.pool), simple.pooled(set.test, run.settings.pool)
local one_hot = mb.one_hot(train.y, #set.classes)

local function right(model, x, y) return model:predict(x):argmax(2):eq(y):mean():item() end

-- Ridge regression of the classes, with the penalty that is right most often on the validation spectra.
local function fit_ridge(x, x_validation)
  local best, most, penalty
  for exponent = -1, 4 do
    local model = mb.ridge.fit(x, one_hot, { alpha = 10.0 ^ exponent })
    local share = right(model, x_validation, validation.y)
    if not most or share > most then best, most, penalty = model, share, 10.0 ^ exponent end
  end
  return best, penalty
end

for seed in run:each_seed() do
  local transform = minirocket.fit(train.x, { features = run.settings.features, seed = seed })
  local function features(part, name)
    return minirocket.apply(transform, part.x, function(done, all)
      if done % 160 == 0 then run:progress("%s: %d of %d", name, done, all) end
    end)
  end
  local steps, x = mb.preprocess.fit({ "standardize" }, features(train, "training"):reshape(#train.x, -1, 1))
  local function prepared(part, name)
    return mb.preprocess.apply(steps, features(part, name):reshape(#part.x, -1, 1))
  end
  local model, penalty = fit_ridge(x, prepared(validation, "validation"))
  run:add("features", x:size(2))
  run:add("penalty", penalty)
  simple.add(run, model:predict(prepared(test, "test")):argmax(2):totable(), set)
end

simple.finish(run, "MiniROCKET")
