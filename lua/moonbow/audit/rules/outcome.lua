--- Rules on what the network predicts.
local core = require "moonbow.core"
local check = require "moonbow.check"
local distributions = require "moonbow.distributions"
local forest = require "moonbow.baselines.forest"
local network = require "moonbow.audit.network"
local peaks = require "moonbow.audit.peaks"
local predictions = require "moonbow.audit.predictions"

local right_of_pair, LEAST_PAIR = predictions.right_of_pair, predictions.LEAST_PAIR

local LEVEL, FITS_BETTER, SURE, UNSURE, FEW, TREES = 0.01, 0.1, 0.9, 0.3, 0.1, 200
local NEAR, TELLS, LOST = 10, 0.9, 0.1
local USEFUL = 0.75 -- of the spectra of two classes

-- Of few spectra, guesses are no proof that a network guesses: it may be half as good as possible all the same.
local function chance(a)
  local judged, share = a.judged, predictions.share(a.judged, a.most_frequent)
  if judged.high >= (1 + share) / 2 or predictions.beats_guessing(judged, a.most_frequent) or a.is_stale then
    return nil
  end
  return { value = judged.accuracy, text = ("The accuracy on the %s is %.1f %%; predicting %s for all of them gives "
    .. "%.1f %%, and the predictions, dealt to the spectra at random, are as often right in %.0f %% of the deals. It "
    .. "is not shown that the network has learned anything."):format(a.unseen, 100 * judged.accuracy,
    a.class_name(a.most_frequent), 100 * share, 100 * predictions.dealt_p(judged)) }
end

local function overfit(a)
  local own, judged = a.train_judged, a.judged
  local gap = own.accuracy - judged.accuracy
  if gap < FITS_BETTER or own.low < judged.high then return nil end
  local has_dropout = #network.of(a.flow, { dropout = true }) > 0
  return { value = gap, looked = { a.train_part, a.judged_part },
    text = ("The accuracy is %.1f %% on the training spectra and %.1f %% on the %s: the difference "
    .. "is overfitting."):format(100 * own.accuracy, 100 * judged.accuracy, a.unseen),
    advice = has_dropout and "More spectra, a smaller network, or a simpler model." or nil }
end

-- The pairs of classes that the network confuses, as { one, other }, the most frequent first.
local function confused(a)
  local counts, list = {}, {}
  for i, truth in ipairs(a.judged.truth) do
    local predicted = a.judged.predicted[i]
    if truth ~= predicted then
      local one, other = math.min(truth, predicted) // 1 | 0, math.max(truth, predicted) // 1 | 0
      local key = one .. " " .. other
      if not counts[key] then list[#list + 1] = { one, other, key } end
      counts[key] = (counts[key] or 0) + 1
    end
  end
  table.sort(list, function(x, y)
    if counts[x[3]] ~= counts[y[3]] then return counts[x[3]] > counts[y[3]] end
    return x[1] < y[1] or x[1] == y[1] and x[2] < y[2]
  end)
  return list
end

local judges = { "forest", "logistic", "ridge", "plsda" }

-- True if two classes are told apart no better than by chance, by enough spectra to exclude a useful accuracy.
local function is_guess(judged, pair)
  local right, count = right_of_pair(judged, pair[1], pair[2])
  if count < LEAST_PAIR or distributions.binomial_p(right, count, 0.5) <= LEVEL then return false end
  local _, high = distributions.share_interval(right, count)
  return high < USEFUL
end

local function inseparable(a)
  local found = {}
  for _, pair in ipairs(confused(a)) do
    local is_open = is_guess(a.judged, pair)
    for _, name in ipairs(judges) do is_open = is_open and is_guess(a.simple[name], pair) end
    if is_open then found[#found + 1] = ("%s and %s"):format(a.class_name(pair[1]), a.class_name(pair[2])) end
  end
  if #found == 0 then return nil end
  return { value = #found, text = ("Neither the network nor a forest, a linear softmax, ridge or PLS-DA separates %s "
    .. "better than chance: the spectra may not hold the difference, and no network will find it."):format(
    table.concat(found, ", ", 1, math.min(#found, 5))) }
end

local function largest(row)
  local best = 1
  for class = 2, #row do best = row[class] > row[best] and class or best end
  return best
end

-- Of pairs of classes, by their product key: the rows of either class whose votes hesitate between both.
local function hesitant(votes, y, classes)
  local count = {}
  for i, row in ipairs(votes) do
    for class, share in ipairs(row) do
      local key = math.min(class, y[i]) * classes + math.max(class, y[i])
      if class ~= y[i] and share > UNSURE and share <= SURE then count[key] = (count[key] or 0) + 1 end
    end
  end
  return count
end

-- Training rows that nearly all trees which have not seen them give another class, although few rows of both classes
-- make the trees hesitate.
local function suspects(a)
  if core.size(a.train.x, 1) < 3 * a.classes then return nil end
  local votes = core.totable(forest.fit(predictions.pooled(a.train.x), a.train.y, { classes = a.classes, trees = TREES,
    oob_score = true, verbose = false, seed = a.options.seed }).oob_decision)
  local y, rows, texts, members = core.totable(a.train.y), {}, {}, core.size(a.train.x, 1) / a.classes
  local between = hesitant(votes, y, a.classes)
  for i, row in ipairs(votes) do
    local class = largest(row)
    local key = math.min(class, y[i]) * a.classes + math.max(class, y[i])
    if class ~= y[i] and row[class] > SURE and (between[key] or 0) < FEW * members then
      rows[#rows + 1] = a.row_of(i)
      texts[#texts + 1] = ("row %d (%s, votes for %s)"):format(rows[#rows], a.class_name(y[i] // 1 | 0),
        a.class_name(class))
    end
  end
  if #rows == 0 then return nil end
  return { value = #rows, rows = rows, looked = { a.train },
    text = ("%s wrong: more than %d %% of the trees that were not "
    .. "trained on the spectrum predict another class, which is otherwise separated well. %s."):format(
    check.show_count(#rows, "training label looks", "training labels look"), 100 * SURE,
    table.concat(texts, ", ", 1, math.min(5, #texts))) }
end

-- ---- the border ----

-- The border between two classes along the axis, by the highest points: { at, low class, high class }, if a position
-- tells the class; else nil.
local function border_of(a)
  if a.classes ~= 2 then return nil end
  local of, y = { {}, {} }, core.totable(a.train.y)
  for i, position in ipairs(peaks.positions(a.train.x)) do table.insert(of[y[i] // 1 | 0], position) end
  for class = 1, 2 do
    if #of[class] < LEAST_PAIR then return nil end
    table.sort(of[class])
  end
  local low = of[1][(#of[1] + 1) // 2] < of[2][(#of[2] + 1) // 2] and 1 or 2
  local below, above = of[low], of[3 - low]
  local at = (below[math.ceil(0.98 * #below)] + above[math.max(1, 0.02 * #above // 1 | 0)]) / 2
  return { at = at, low = low, high = 3 - low }
end

-- What keeps positions and is not in the network.
local function ways_to_keep_positions(a)
  local ways, pools, has_blur = {}, network.of(a.flow, { pool = true }), false
  for _, part in ipairs(pools) do has_blur = has_blur or part.type == "BlurPool1d" end
  if #pools > 0 then ways[1] = "less pooling" end
  if #pools > 0 and not has_blur then ways[#ways + 1] = "nn.BlurPool1d" end
  if #network.of(a.flow, { global = true }) > 0 then ways[#ways + 1] = "a head of nn.Flatten" end
  if #network.of(a.flow, { position = true }) == 0 then ways[#ways + 1] = "a first layer nn.Position" end
  ways[#ways + 1] = "more training spectra near the border"
  return check.capital(table.concat(ways, ", ", 1, #ways - 1)) .. (#ways > 1 and ", or " or "") .. ways[#ways] .. "."
end

local function position_lost(a)
  local border = border_of(a)
  if not border then return nil end
  local positions = peaks.positions(a.judged_part.x)
  local near, far = { right = 0, count = 0, rule = 0 }, { right = 0, count = 0, rule = 0 }
  for i, position in ipairs(positions) do
    local side = math.abs(position - border.at) <= NEAR and near or far
    local class = position > border.at and border.high or border.low
    side.count, side.right = side.count + 1, side.right + a.judged.right[i]
    side.rule = side.rule + (class == a.judged.truth[i] and 1 or 0)
  end
  if near.count < LEAST_PAIR or far.count < LEAST_PAIR or near.rule < TELLS * near.count then return nil end
  local _, high = distributions.share_interval(near.right, near.count)
  local gap = far.right / far.count - near.right / near.count
  if gap < LOST or high >= near.rule / near.count then return nil end
  return { value = near.right / near.count, text = ("The position of the highest point determines the class. "
    .. "Within %s of the border the accuracy of the network is %.0f %%, farther away %.0f %%; the position alone "
    .. "predicts %.0f %% near the border."):format(a.points(NEAR), 100 * near.right / near.count,
    100 * far.right / far.count, 100 * near.rule / near.count), advice = ways_to_keep_positions(a) }
end

return {
  { name = "chance", needs = "judged", is_fault = true, find = chance, source = "the binomial distribution, and a "
    .. "permutation test",
    advice = "Look at the loss: a learning rate of 1e-3 with Adam, scaled spectra, living filters; or the labels." },
  { name = "overfit", needs = "judged", find = overfit,
    source = "experiments/evaluation_dataset.lua: learning curves",
    advice = "More spectra, a smaller network, dropout, or a simpler model." },
  { name = "inseparable", needs = "judged", find = inseparable,
    source = "experiments/challenge.lua: 72 of 162 test spectra fit two classes, so that guessing leaves 36 wrong",
    advice = "Join these classes, or measure what distinguishes them." },
  { name = "suspects", needs = "classes", find = suspects, source = "out-of-bag votes of a random forest (Breiman "
    .. "2001)",
    advice = "Look at these spectra and their labels; finding.rows has all rows." },
  { name = "position_lost", needs = "judged", is_fault = true, find = position_lost,
    source = "experiments/border_peaks.lua and experiments/pooling_resolution.lua",
    advice = "Less pooling, nn.BlurPool1d, or a first layer nn.Position." },
}
