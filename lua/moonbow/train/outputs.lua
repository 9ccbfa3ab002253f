--- What the outputs of a network are: "classes" (logits of which one is right), "labels" (logits of labels of which
-- several may hold), or "numbers".
local check = require "moonbow.check"
local core = require "moonbow.core"
local losses = require "moonbow.train.losses"
local record = require "moonbow.train.record"
local row_losses = require "moonbow.train.row_losses"

local outputs = { rule = check.optional "string" }

local kinds = { "classes", "labels", "numbers" }

local links = { classes = core.softmax, labels = core.sigmoid }
local names_of_links = { classes = "softmax", labels = "sigmoid" }

--- Returns the probabilities of a network's outputs, or numbers as they are. Raises for a network that ends in what
-- makes probabilities of outputs.
-- @param kind of the outputs
-- @param found the outputs
function outputs.linked(operation, network, kind, found)
  if not links[kind] then return found end
  losses.check_logits(operation, network, names_of_links[kind])
  return links[kind](found)
end

--- Raises unless the option outputs, if it is given, is one of the kinds.
-- @param known the kinds that a function takes, if not all
function outputs.check(operation, given, known)
  if given ~= nil then check.name(operation, "outputs", given, known or kinds) end
end

--- The kind by the loss that a network was last trained with, by mb.fit; nil if that is not known.
function outputs.recorded(model)
  local training = record.latest(model)
  local kind = training and row_losses.kinds[training.loss]
  if not kind then return nil end
  if kind.reads == "classes" then return "classes" end
  return record.of(model) and (kind.unit and "labels" or "numbers") or nil -- after a look at all weights
end

--- The kind that is given, or recorded; else classes, unless there is only one output.
-- @param count of the outputs
function outputs.kind(model, given, count)
  return given or outputs.recorded(model) or count > 1 and "classes" or "numbers"
end

return outputs
