-- The rules of mb.audit on what a network predicts: what test spectra can show, and what they cannot.
local mb = require "moonbow"
local audited = require "support.audited"
local predictions = require "moonbow.audit.predictions"
local nn = mb.nn
local lists, peaks, noise, by_height = audited.lists, audited.peaks, audited.noise, audited.by_height

local function both(n, class_of) return { train = peaks(n, 1, class_of), test = peaks(n, 9, class_of) } end

describe("an audit of what a network predicts", function()
  it("takes no network for guessing that recognises a rare class", function()
    local rare = both(400, function(i)
      if i % 20 == 0 then return 2, 1.3 end
      return 1, i % 16 == 3 and 1.2 or 0.7
    end)
    local found = mb.audit(by_height(1.1, 40), rare, { rules = { "chance" } })
    assert.equal(1, found.looked)
    assert.is_nil(found:has "chance") -- 93.8 % right; 95 % are of class 1
    local text = mb.audit(by_height(9, 1), rare, { rules = { "chance" } }):has("chance").text
    assert.matches("is 95%.0 %%; predicting class 1 for all of them gives 95%.0 %%, and the predictions, dealt to the "
      .. "spectra at random, are as often right in 100 %% of the deals", text)
  end)
  it("does not recommend a simple model that predicts the frequent class", function()
    local set = both(300, function(i) return i % 15 == 0 and 2 or 1, 1 end)
    local found = mb.audit(by_height(9, 1), set, { rules = { "threshold_as_good", "plsda_as_good" } })
    assert.equal(2, found.looked)
    assert.equal(0, #found.findings, tostring(found))
  end)
  it("says neither that a network guesses nor that classes are inseparable where few spectra do not show it", function()
    local function class_of(i) return i % 2 + 1, i % 2 == 0 and 1 or 1.2 end
    local set = { train = peaks(200, 1, class_of), test = peaks(8, 9, function(i)
      return i % 2 + 1, (i % 2 == 0 or i == 1) and 1 or 1.2
    end) }
    local found = mb.audit(by_height(1.1, 40), set, { rules = { "chance", "inseparable" } })
    assert.equal(2, found.looked)
    assert.equal(0, #found.findings, tostring(found)) -- seven of eight are right
  end)
  it("says that two classes are inseparable where enough spectra show it", function()
    local set = both(60, function(i) return i % 2 + 1, 1 end)
    assert.is_truthy(mb.audit(by_height(1, 40), set, { rules = { "inseparable" } }):has "inseparable")
  end)
  it("advises against lost positions what the network does not have", function()
    local border = mb.data.border_peaks { n = 400, test = 400, crop = 320, seed = 1 }
    local function advice(...)
      local layers = { ... }
      table.move({ nn.Flatten {}, nn.Dense { units = 2 } }, 1, 2, #layers + 1, layers)
      local model = audited.trained(audited.net(layers, 320), border, 12)
      return mb.audit(model, border, { rules = { "position_lost" } }):has("position_lost").advice
    end
    local function conv() return audited.conv { filters = 16, kernel = 20 } end
    assert.equal("Less pooling, nn.BlurPool1d, a first layer nn.Position, or more training spectra near the border.",
      advice(conv(), nn.MaxPool1d { size = 64 }))
    assert.equal("Less pooling, nn.BlurPool1d, or more training spectra near the border.",
      advice(nn.Position {}, conv(), nn.MaxPool1d { size = 64 }))
    assert.equal("Less pooling, or more training spectra near the border.",
      advice(nn.Position {}, conv(), nn.BlurPool1d { size = 160 }))
  end)
  it("advises no weights of classes, and no dropout, that were there", function()
    local set = { x = audited.easy.train.x, y = audited.unbalanced }
    local model = audited.linear()
    for _, weights in ipairs { false, "balanced" } do
      mb.fit(model, set, { epochs = 1, verbose = false, class_weights = weights or nil })
      local advice = mb.audit(model, set, { rules = { "imbalance" } }):has("imbalance").advice
      assert.equal(weights == false, advice:find "class_weights" ~= nil)
    end
    local labels = audited.both(60, function(values, _, rng) noise(values, rng, 1) end, 100)
    for _, rate in ipairs { 0, 0.1 } do
      model = audited.net { nn.Flatten {}, nn.Dense { units = 16, activation = "relu" },
        rate > 0 and nn.Dropout { rate = rate } or nn.ReLU {}, nn.Dense { units = 2 } }
      local found = mb.audit(audited.trained(model, labels, 100), labels, { rules = { "overfit" } })
      assert.equal(rate == 0, found:has("overfit").advice:find "dropout" ~= nil)
    end
  end)
  it("deals predictions to spectra as often as the exact test expects", function()
    local truth = lists(12, function(i) return i <= 6 and 1 or 2 end)
    local judged = predictions.judge(lists(12, function(i) return i <= 5 and 1 or i == 12 and 1 or 2 end),
      mb.tensor(truth))
    assert.equal(10, judged.hits)
    assert.near(37 / 924, predictions.dealt_p(judged), 0.02) -- Fisher's exact test of 5 1 / 1 5
  end)
end)
