--- The losses of mb.fit, and the weights of classes in them.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local ops = require "moonbow.ops"

local losses = {}

-- Returns the weights n / (classes * count) of each class, as scikit-learn's "balanced"; 0 for a class without rows.
local function balanced(y, classes)
  local counts, weights = {}, {}
  for k = 1, classes do counts[k] = 0 end
  for _, class in ipairs(core.totable(y)) do
    class = math.tointeger(class)
    counts[class] = counts[class] + 1
  end
  for k = 1, classes do weights[k] = counts[k] > 0 and core.size(y, 1) / (classes * counts[k]) or 0 end
  return weights
end

local function fail(format, ...) check.fail("fit", "class_weights: " .. format, ...) end

-- Returns the weights of a table with names of classes as keys; classes that it does not name have weight 1.
local function by_name(given, names, classes)
  if type(names) ~= "table" then
    fail "names are given, but the set has no 'classes', a list of names: expected 'balanced' or one number per class"
  end
  for k, name in ipairs(names) do check.kind("fit", ("data.classes[%d]"):format(k), name, "string") end
  for name in pairs(given) do check.name("fit", "class_weights", name, names) end
  local weights = {}
  for k = 1, classes do weights[k] = names[k] and given[names[k]] or 1 end
  return weights
end

local function check_weights(weights, classes)
  if #weights ~= classes then
    fail("expected %d numbers, one per class of the model's outputs, got %d", classes, #weights)
  end
  local sum = 0
  for k, weight in ipairs(weights) do
    if type(weight) ~= "number" or not (weight >= 0 and weight < math.huge) then
      fail("class %d: expected a finite number from 0, got %s", k, check.show(weight))
    end
    sum = sum + weight
  end
  if sum == 0 then fail "expected a weight above 0" end
end

-- The option class_weights as a tensor (classes), or nil.
local function weights_of(given, set, y, classes)
  if given == nil then return nil end
  if given == "balanced" then return core.tensor(balanced(y, classes)) end
  if type(given) == "string" then check.name("fit", "class_weights", given, { "balanced" }) end
  local weights = given
  if core.is_tensor(given) then
    weights = core.totable(core.reshape(given, -1))
  elseif type(next(given)) == "string" then
    weights = by_name(given, set.classes, classes)
  end
  check_weights(weights, classes)
  return core.tensor(weights)
end

local function show_output(shape) return "(" .. table.concat({ "N", table.unpack(shape) }, ", ") .. ")" end

--- Returns the number of classes that a model distinguishes; raises if its outputs cannot be logits.
-- @param shape of an output, without the batch
function losses.classes_of(operation, shape)
  if #shape == 1 and shape[1] > 1 then return shape[1] end
  check.fail(operation, "expected a classifier, with outputs (N, classes), one logit for each of at least 2 classes, "
    .. "got outputs %s%s", show_output(shape),
    #shape > 1 and "; put nn.Flatten{} or nn.GlobalAvgPool1d{} before the last nn.Dense" or "")
end

--- Raises if the last layer of a model is a softmax: functions that take logits apply one, and a second would flatten
-- the probabilities.
function losses.check_logits(operation, model)
  local last = model
  while last.type == "Sequential" do last = last.layers[#last.layers] end
  local options = last.options
  local activation = last.type == "Activation" and options.name or options.activation
  if last.type == "Softmax" or activation == "softmax" then
    check.fail(operation, "expected logits, but the network ends in a softmax (%s), which is part of %s already; leave "
      .. "it out", last.type, operation == "fit" and "the loss" or operation)
  end
end

--- True if an option asks for cross-entropy, whose y are class numbers; raises if it is not a loss.
function losses.is_of_classes(loss)
  return type(loss) == "string" and check.name("fit", "loss", loss, { "cross_entropy", "mse" }) == "cross_entropy"
end

-- Wraps a user's loss: its result must be one number. It may keep its tensors although fit closes fit's own.
local function checked(loss)
  return function(output, y)
    local value = loss(autograd.share(output), autograd.share(y))
    if not core.is_tensor(value) or core.count(value) ~= 1 then
      check.fail("fit", "loss: expected a tensor with one element from the function, got %s", check.show(value))
    end
    return autograd.share(value)
  end
end

--- Returns the loss as a function(output, y), and the loss for validation, which has no class weights.
-- @param options of fit
-- @param set, y the training set, and its labels as a tensor
-- @param shape of an output, without the batch
function losses.make(options, set, y, shape)
  local loss = options.loss
  if loss == "cross_entropy" then
    local weights = weights_of(options.class_weights, set, y, losses.classes_of("fit", shape))
    return function(logits, classes) return ops.cross_entropy(logits, classes, weights) end, ops.cross_entropy
  end
  if options.class_weights then fail "only with the loss 'cross_entropy'" end
  loss = loss == "mse" and ops.mse or checked(loss)
  return loss, loss
end

return losses
