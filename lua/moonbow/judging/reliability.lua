--- Whether probabilities are what they say.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

--- How often a classifier is right, by how sure it says it is. print(reliability) shows a table.
--
-- @class reliability
-- @field bins table a list of { low = , high = , count = , confidence = , accuracy = }, of confidences above low up to
--   high; confidence is the mean of the largest probability
-- @field accuracy number share of right classes
-- @field confidence number mean of the largest probability
-- @field ece number expected calibration error: the mean difference of confidence and accuracy over the bins, weighted
--   by their spectra (Naeini et al. 2015)
-- @field brier number mean over the spectra of the sum of squares of probabilities less what is right (Brier 1950)
-- @field log_loss number mean cross-entropy
-- @field count integer spectra
local Reliability = {}

local function show(reliability)
  local rows = { { "confidence", "spectra", "mean", "accuracy" } }
  for _, bin in ipairs(reliability.bins) do
    if bin.count > 0 then
      rows[#rows + 1] = { ("%.2f to %.2f"):format(bin.low, bin.high), bin.count, ("%.4f"):format(bin.confidence),
        ("%.4f"):format(bin.accuracy) }
    end
  end
  return ("accuracy %.4f, confidence %.4f, calibration error %.4f, Brier %.4f, log loss %.4f, on %s\n%s"):format(
    reliability.accuracy, reliability.confidence, reliability.ece, reliability.brier, reliability.log_loss,
    check.show_count(reliability.count, "spectrum", "spectra"), text_table.format(rows))
end

local known = { title = check.optional "string", width = check.default(480, "positive integer"),
  height = check.default(460, "positive integer") }

--- Draws the reliability diagram: accuracy by confidence, and the line on which they are equal.
-- @option title above the plot
-- @option width in pixels of 1/96 inch
-- @option height in pixels of 1/96 inch
-- @return figure
function Reliability:plot(options)
  options = check.options("reliability:plot", options, known)
  local x, y, low = {}, {}, 1
  for _, bin in ipairs(self.bins) do
    if bin.count > 0 then x[#x + 1], y[#y + 1], low = bin.confidence, bin.accuracy, math.min(low, bin.low) end
  end
  return require("moonbow.plot").lines { title = options.title, width = options.width, height = options.height,
    x_label = "confidence", y_label = "accuracy", series = {
      { x = x, y = y, style = "both", label = "model" }, { x = { low, 1 }, y = { low, 1 }, label = "equal" } } }
end

check.takes(Reliability.plot, 1, known)

local make = shown.kind("reliability", show, Reliability)
counted.methods(Reliability, "reliability:")

local function mean(x) return core.mean(x):item() end

local ROUNDING = 1e-6 -- of a confidence in float: 0.6 is 0.60000002

-- Sums up the rows by the bins of their confidence, from above low up to high.
local function bins_of(confidence, right, count)
  local bins = {}
  for b = 1, count do bins[b] = { low = (b - 1) / count, high = b / count, count = 0, confidence = 0, accuracy = 0 } end
  for i, p in ipairs(confidence) do
    local bin = bins[math.min(count, math.max(1, math.ceil((p - ROUNDING) * count)))]
    bin.count, bin.confidence, bin.accuracy = bin.count + 1, bin.confidence + p, bin.accuracy + right[i]
  end
  for _, bin in ipairs(bins) do
    bin.confidence = bin.count > 0 and bin.confidence / bin.count or nil
    bin.accuracy = bin.count > 0 and bin.accuracy / bin.count or nil
  end
  return bins
end

--- Makes a reliability of probabilities (N, classes) and class numbers (N).
return function(probabilities, y, count)
  local n, classes = core.size(probabilities, 1), core.size(probabilities, 2)
  local confidence, right = core.max(probabilities, 2), core.eq(core.argmax(probabilities, 2), y)
  local bins, ece = bins_of(core.totable(confidence), core.totable(right), count), 0
  for _, bin in ipairs(bins) do
    if bin.count > 0 then ece = ece + bin.count / n * math.abs(bin.confidence - bin.accuracy) end
  end
  local wanted = core.eq(core.reshape(y, n, 1), core.reshape(core.arange(1, 1, classes), 1, classes))
  local off = core.sub(probabilities, wanted)
  local own = core.sum(core.mul(probabilities, wanted), 2)
  return make { bins = bins, ece = ece, accuracy = mean(right), confidence = mean(confidence), count = n,
    brier = mean(core.sum(core.mul(off, off), 2)), log_loss = -mean(core.log(core.maximum(own, 1e-30))) }
end
