--- Random forests (Breiman 2001) of classification trees as in CART (Breiman, Friedman, Olshen and Stone
-- 1984), with exact best splits. mb.forest.fit(x, y, options) gives a forest; its options are those of
-- scikit-learn's RandomForestClassifier, its accuracy is the same.
local core = require "moonbow.core"
local check = require "moonbow.check"
local random = require "moonbow.random"
local classifier = require "moonbow.baselines.classifier"
local regressor = require "moonbow.baselines.regressor"
local interrupt = require "moonbow.interrupt"
local progress = require "moonbow.progress"

local forest = {}

--- A fitted random forest. print(forest) shows its size.
--
-- @class forest
-- @field importances tensor (D): the mean decrease of impurity at each point, with sum 1
-- @field oob_score number with the option oob_score: the accuracy of oob_decision, or its R2 for numbers; not kept by
--   mb.save
-- @field oob_decision tensor (N, classes), with the option oob_score: the probabilities according to the trees that
--   have not seen the row, or (N, 1), the numbers that they predict; NaN if all have seen it; not kept by mb.save
local Forest = classifier.of_kind("forest", "predict_proba")

local known_options = {
  trees = check.default(100, "positive integer"),
  criterion = check.one_of("gini", { "gini", "entropy", "squared_error" }),
  max_features = check.optional "string|number", max_depth = check.optional "positive integer",
  max_leaves = check.optional "positive integer", min_samples_split = check.default(2, "positive integer"),
  min_samples_leaf = check.default(1, "positive integer"), bootstrap = true, oob_score = false,
  classes = check.optional "positive integer", seed = check.seed(0),
  verbose = true,
}

local THIRD = 1 / 3 -- of the points
local PART = 10000000 -- walks down a tree in one call; Ctrl-C is checked between calls

local named_features = {
  sqrt = function(D) return math.max(1, math.floor(math.sqrt(D))) end,
  log2 = function(D) return math.max(1, math.floor(math.log(D, 2))) end,
  all = function(D) return D end,
}

-- Returns how many of D points a node examines.
local function features_of(value, D)
  if type(value) == "string" then
    check.name("forest.fit", "max_features", value, { "sqrt", "log2", "all" })
    return named_features[value](D)
  end
  local is_fraction = math.type(value) == "float" and value > 0 and value <= 1
  if is_fraction then return math.max(1, math.floor(value * D)) end
  local count = math.tointeger(value)
  if not count or count < 1 or count > D then
    check.fail("forest.fit", "max_features: expected 'sqrt', 'log2', 'all', a fraction up to 1.0, or a "
      .. "count from 1 to %d, got %s", D, check.show(value))
  end
  return count
end

-- Raises unless some rows have not been seen by every tree, and warns of those that have.
local function check_asked(asked, count)
  if asked == 0 then check.fail("forest.fit", "oob_score: every tree has seen every row; grow more trees") end
  if asked < count then
    check.warn("forest.fit", "oob_score: %d of %d rows have been seen by every tree and do not count; grow more trees",
      count - asked, count)
  end
end

-- Returns the accuracy of the out-of-bag votes over the rows that have any.
local function oob_accuracy(decision, y)
  local right, asked = 0, 0
  for i, class in ipairs(core.totable(core.argmax(decision, 2))) do
    local first = core.get(decision, i, 1)
    if first == first then
      asked = asked + 1
      if class == y[i] then right = right + 1 end
    end
  end
  check_asked(asked, #y)
  return right / asked
end

-- R2 of the out-of-bag means over the rows that have any.
local function oob_r2(decision, y)
  local got, truth = {}, {}
  local numbers = core.totable(core.reshape(y, -1))
  for i, value in ipairs(core.totable(core.reshape(decision, -1))) do
    if value == value then got[#got + 1], truth[#truth + 1] = value, numbers[i] end
  end
  check_asked(#got, #numbers)
  return regressor.r2(truth, got)
end

-- The options, x as rows, and the classes as a list or the numbers as a tensor (N, 1).
local function read_arguments(x, y, options)
  if type(options) ~= "table" or options.criterion ~= "squared_error" then
    return classifier.arguments("forest.fit", x, y, options, known_options)
  end
  options, x, y = regressor.arguments("forest.fit", x, y, options, known_options)
  if core.size(y, 2) ~= 1 then check.fail("forest.fit", "y: expected one number per row, got %d", core.size(y, 2)) end
  if options.classes then check.fail("forest.fit", "classes: numbers have none") end
  core.check_finite("forest.fit", "y", y)
  options.classes = 1
  return options, x, y
end

-- What the trees say of each row: probabilities, or a number.
local function ask(model, x)
  x = classifier.rows("forest", "x", x, model.points)
  return classifier.in_parts("forest", x, PART // core.forest_size(model.grown) + 1, false, function(part)
    return core.forest_predict(model.grown, part)
  end)
end

--- Fits a random forest to classes, or to numbers with criterion = "squared_error". Ctrl-C ends it without a result.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param y tensor|table (N) or (N, 1) class numbers 1, 2, ...; or numbers
-- @option trees number of trees
-- @option criterion of the best split: Gini impurity, or entropy; "squared_error" for numbers
-- @option max_features points that a node examines: "sqrt", "log2" or "all" of them, a fraction (a float up to 1.0) or
--   a count (an integer); "sqrt" for classes and a third for numbers (Breiman 2001) unless given
-- @option max_depth levels of a tree; no limit unless given
-- @option max_leaves leaves of a tree, the best split first; no limit unless given
-- @option min_samples_split least rows of a node that is split
-- @option min_samples_leaf least rows of a leaf; a row that was drawn several times counts once
-- @option bootstrap true: each tree sees a random sample of the rows; false: all
-- @option oob_score true: forest.oob_score, the accuracy, or R2 of numbers, by trees that have not seen a row; warns of
--   rows that all have seen
-- @option classes number of classes; the largest label unless given
-- @option seed an integer, or a table of integers: the same gives the same forest, bit for bit, whatever the number of
--   threads
-- @option verbose true: shows progress if it takes more than a second
-- @return forest
-- @usage local accuracy = mb.forest.fit(x, y, { trees = 100 }):score(x_test, y_test)
function forest.fit(x, y, options)
  options, x, y = read_arguments(x, y, options)
  for _, name in ipairs { "min_samples_split", "max_leaves" } do
    if options[name] == 1 then check.fail("forest.fit", "%s: expected at least 2, got 1", name) end
  end
  if options.oob_score and not options.bootstrap then
    check.fail("forest.fit", "oob_score needs bootstrap: without it every tree has seen every row")
  end
  local D = core.size(x, 2)
  local numbers = options.criterion == "squared_error"
  local model = setmetatable({ classes = options.classes, points = D, numbers = numbers }, Forest)
  local guard <close> = interrupt.catch "forest.fit" -- luacheck: ignore 211
  local line <close> = progress.job("forest.fit", "trees", options.verbose)
  model.grown, model.importances, model.oob_decision = core.forest_fit(x, y, model.classes,
    random.rng(options.seed), options.trees, options.criterion, options.bootstrap,
    features_of(options.max_features or numbers and THIRD or "sqrt", D), options.max_depth, options.max_leaves,
    options.min_samples_split, options.min_samples_leaf, options.oob_score, function(done)
      line.report(done, options.trees)
      interrupt.check()
    end)
  if model.oob_decision then model.oob_score = (numbers and oob_r2 or oob_accuracy)(model.oob_decision, y) end
  return model
end

--- Predicts the class of each spectrum, of equally good ones the first; or numbers.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the forest was fitted on
-- @return tensor (N)
function Forest.predict(model, x)
  if not model.numbers then return core.argmax(model:predict_proba(x), 2) end
  return core.reshape(ask(model, x), -1)
end

--- Scores predictions: the accuracy, or R2 of numbers.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the forest was fitted on
-- @param y tensor|table (N) or (N, 1) class numbers; or numbers
-- @return number at most 1
function Forest.score(model, x, y)
  return (model.numbers and regressor.score or classifier.score)("forest", model, x, y)
end

--- Predicts the probabilities of the classes: the mean over the trees. Raises for a forest of numbers.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the forest was fitted on
-- @return tensor (N, classes)
function Forest.predict_proba(model, x)
  if model.numbers then check.fail("forest", "it predicts numbers, which have no probabilities; take predict") end
  return ask(model, x)
end

function Forest.__tostring(model)
  local trees, nodes = core.forest_size(model.grown)
  return ("forest of %s, %s, %s, %s"):format(check.show_count(trees, "tree"), check.show_count(nodes, "node"),
    check.show_count(model.points, "point"),
    model.numbers and "for numbers" or check.show_count(model.classes, "class", "classes"))
end

-- ---- for mb.save and mb.load ----

--- Returns the forest's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Forest.config(model)
  return { classes = model.classes, points = model.points, numbers = model.numbers or nil }
end

--- Returns the trees as tensors, for from_state. mb.save writes them.
-- @return table { tree, node, share, importances }
function Forest.state(model)
  local tree, node, share = core.forest_state(model.grown)
  return { tree = tree, node = node, share = share, importances = model.importances }
end

--- Rebuilds a forest from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return forest
function forest.from_state(config, tensors)
  classifier.check_description(config, tensors)
  check.kind("load", "share", tensors.share, "tensor")
  local numbers = config.numbers == true
  local classes = numbers and 1 or classifier.loaded_classes(config.classes, core.max(tensors.share):item())
  local model = setmetatable({ classes = classes, points = config.points, numbers = numbers }, Forest)
  model.grown = core.forest_from_state(config.points, classes, tensors.tree, tensors.node, tensors.share, numbers)
  check.kind("load", "importances", tensors.importances, "tensor")
  model.importances = core.reshape(tensors.importances, model.points)
  return model
end

require("moonbow.counted").methods(Forest, "forest:")

check.takes(forest.fit, 3, known_options)

return forest
