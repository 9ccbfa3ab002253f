-- The rules of mb.audit on what a network predicts: what test spectra can show, and what they cannot.
local mb = require "moonbow"
local audited = require "support.audited"
local predictions = require "moonbow.audit.predictions"
local lists, peaks, by_height = audited.lists, audited.peaks, audited.by_height

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
  it("deals predictions to spectra as often as the exact test expects", function()
    local truth = lists(12, function(i) return i <= 6 and 1 or 2 end)
    local judged = predictions.judge(lists(12, function(i) return i <= 5 and 1 or i == 12 and 1 or 2 end),
      mb.tensor(truth))
    assert.equal(10, judged.hits)
    assert.near(37 / 924, predictions.dealt_p(judged), 0.02) -- Fisher's exact test of 5 1 / 1 5
  end)
end)
