--- The weights that a training began with: its checkpoint goes on with them, or with those that the training made, but
-- with no others.
local canonical = require "moonbow.train.canonical"
local core = require "moonbow.core"

local origin = {}

local left = setmetatable({}, { __mode = "k" }) -- model -> what a training that it took part in left

local function tensors_of(model, list)
  local tensors = {}
  for _, entry in ipairs(model[list](model)) do tensors[entry.name] = entry.value end
  return tensors
end

--- The weights and statistics of a model as text. Those that are as they were drawn without a seed, which differ in
-- each process, have the same text.
function origin.of(model)
  local is_drawn, texts = {}, {}
  model:visit(function(part)
    for _, digest in pairs(part.drawn or {}) do is_drawn[digest] = true end
  end)
  for _, list in ipairs { "parameters", "buffers" } do
    for name, value in pairs(tensors_of(model, list)) do
      texts[name] = next(is_drawn) and is_drawn[core.digest(value)] and "drawn without a seed" or canonical(value)
    end
  end
  return canonical(texts)
end

--- Keeps how a training leaves its model, which may have weights that no checkpoint holds, so that the training goes on
-- with them.
-- @param training text that tells the training from others
-- @param marks text of what is frozen
function origin.leave(model, training, marks)
  left[model] = { training = training, weights = canonical(tensors_of(model, "parameters")), marks = marks }
end

--- The text of what is frozen in a model that a training left, if that has not changed since; otherwise nil.
function origin.left(model, training)
  local was = left[model]
  return was and was.training == training and was.weights == canonical(tensors_of(model, "parameters")) and was.marks
    or nil
end

--- True if the weights of a model are tensors of a checkpoint with this prefix.
function origin.is_among(model, tensors, prefix)
  for name, value in pairs(tensors_of(model, "parameters")) do
    local own = tensors[prefix .. name]
    if not own or canonical(own) ~= canonical(value) then return false end
  end
  return true
end

return origin
