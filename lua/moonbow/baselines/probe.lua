--- Probes: the accuracy of a classifier on the output of each layer of a model.
local core = require "moonbow.core"
local check = require "moonbow.check"
local expected = require "moonbow.data.expected"
local values_of = require "moonbow.data.values_of"
local nn = require "moonbow.nn"
local splits = require "moonbow.train.splits"
local evaluation = require "moonbow.train.evaluate"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"
local sets = require "moonbow.train.sets"

local known_options = {
  test = check.optional "table", layers = check.optional "table", folds = check.optional "positive integer",
  seed = check.seed(0), batch_size = check.default(128, "positive integer"),
}

-- Returns the output of layer number `last` of a Sequential, in evaluation mode; x for 0.
local function map_of(model, last, x, batch_size)
  if last == 0 then return x end
  local parts = {}
  evaluation.each_batch("probe", model:first(last), x, batch_size, function(y) parts[#parts + 1] = core.copy(y) end)
  local map = core.concat(parts, 1)
  for _, part in ipairs(parts) do core.close(part) end
  return map
end

local function score(classifier, train_x, train_y, test_x, test_y)
  local fitted = classifier(train_x, train_y)
  if type(fitted) ~= "table" or not fitted.score then
    check.fail("probe", "classifier: expected a function that returns an object with score(x, y), it returned %s",
      check.show(fitted))
  end
  local accuracy = fitted:score(test_x, test_y)
  if not (type(accuracy) == "number" and math.abs(accuracy) < math.huge) then
    check.fail("probe", "classifier: expected a score that is a finite number, got %s", check.show(accuracy))
  end
  return accuracy
end

local function cross_validated(classifier, map, y, options)
  local folds = splits.k_fold("probe", "folds", core.size(map, 1), options.folds or 5,
    { stratify = y, seed = options.seed })
  local sum = 0
  for _, fold in ipairs(folds) do
    sum = sum + score(classifier, core.index(map, fold.train), core.index(y, fold.train),
      core.index(map, fold.test), core.index(y, fold.test))
  end
  return sum / #folds
end

local function read_layers(model, options)
  if not nn.is_layer(model) or model.type ~= "Sequential" then
    check.fail("probe", "model: expected a Sequential, got %s", check.show(model))
  end
  local layers = check.list("probe", "layers", options.layers or {})
  if not options.layers then
    for i = 0, #model.layers do layers[i + 1] = i end
  end
  for _, i in ipairs(layers) do
    check.kind("probe", "layers", i, "integer")
    if i < 0 or i > #model.layers then
      check.fail("probe", "layers: expected numbers from 0 to %d, got %d", #model.layers, i)
    end
  end
  return layers
end

local maps = shown.kind("maps", function(found)
  local rows = { { "layer", "type", "shape", "accuracy" } }
  for i, map in ipairs(found) do
    rows[i + 1] = { map.layer, map.type, table.concat(map.shape, " x "), ("%.4f"):format(map.accuracy) }
  end
  return text_table.format(rows, { left = 2 })
end)

--- Fits a classifier on every feature map of a model: on the input, and on the output of each layer.
-- @param model layer a Sequential; one that is not built yet is built, and gives maps of random filters
-- @param x tensor|spectra (N, L, C); a model from mb.load prepares a set, as mb.predict does
-- @param y tensor|table (N) class numbers
-- @param classifier function (map, y) that fits on a map (N, L', C') or (N, D), and returns something with score(map,
--   y), as mb.forest.fit does
-- @option test { x, y } on which classifiers are scored; without it, scores are means over cross-validation folds
-- @option folds number of folds, without test (5)
-- @option layers numbers of the model's layers, 0 for the input; all unless given. Long maps of many channels take much
--   memory
-- @option batch_size rows of a batch of the model
-- @option seed of the folds
-- @return table a list of { layer (number), type ("input", or that of the layer), shape (without batch), accuracy };
--   print shows a table
-- @usage mb.probe(model, set.train.x, set.train.y, function(x, y) return mb.forest.fit(x, y) end, { test = set.test })
local function probe(model, x, y, classifier, options)
  options, x = check.options("probe", options, known_options), values_of(expected.of_loaded("probe", model, x))
  check.kind("probe", "classifier", classifier, "function")
  if options.test and options.folds then check.fail("probe", "folds: with test nothing is cross-validated") end
  local data, labels = sets.with_classes("probe", "data", { x = x, y = y })
  local test_x, test_y
  if options.test then
    test_x, test_y = sets.with_classes("probe", "test", options.test)
    sets.without_weights("probe", "test", options.test)
  end
  local found = {}
  for k, i in ipairs(read_layers(model, options)) do
    local map = map_of(model, i, data, options.batch_size)
    local accuracy
    if options.test then
      local test_map = map_of(model, i, test_x, options.batch_size)
      accuracy = score(classifier, map, labels, test_map, test_y)
      if i > 0 then core.close(test_map) end
    else
      accuracy = cross_validated(classifier, map, labels, options)
    end
    local shape = core.shape(map)
    table.remove(shape, 1)
    found[k] = { layer = i, type = i == 0 and "input" or model.layers[i].type, shape = shape, accuracy = accuracy }
    if i > 0 then core.close(map) end
  end
  return maps(found)
end

return check.takes(probe, 5, known_options)
