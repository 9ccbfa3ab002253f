--- The weights of the steps of a model, from a file of Keras.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local weights = {}

local function fail(format, ...) error(format:format(...), 0) end

-- Raises unless the shape in the file has the sizes that are known.
local function check_shape(layer, path, got, expected)
  local fits = #got == #expected
  for i, size in ipairs(expected) do fits = fits and (size == 0 or got[i] == size) end
  if fits then return end
  local text = check.show_shape(expected):gsub("%f[%d]0%f[%D]", "?")
  fail("layer %s (%s) takes weights of shape %s, %s has shape %s", check.show(layer.name), layer.class, text,
    check.show(path), check.show_shape(got))
end

--- Finds the weights of a layer's specs (moonbow.exchange.keras.classes) in a file, and checks their shapes. Raises a
-- message without position.
-- @param layer whose field paths lists the paths of its weights
function weights.locate(file, layer, specs)
  local paths, count = layer.paths, 0
  for _, spec in ipairs(specs) do
    for _, weight in ipairs(spec.weights) do
      count = count + 1
      weight.path = paths[count] or fail("there are %d weights for layer %s (%s), which takes more", #paths,
        check.show(layer.name), layer.class)
      check_shape(layer, weight.path, file:shape_of(weight.path), weight[2])
    end
  end
  if count < #paths then
    fail("layer %s (%s) takes %d weights, there is %s", check.show(layer.name), layer.class, count,
      check.show(paths[count + 1]))
  end
end

-- The paths of the weights of all steps. Raises if these are too many.
local function paths_of(file, steps)
  local paths, is_listed, count = {}, {}, 0.0
  for _, step in ipairs(steps) do
    for _, weight in ipairs(step.spec and step.spec.weights or {}) do
      if not is_listed[weight.path] then
        local size = 1.0
        for _, n in ipairs(file:shape_of(weight.path)) do size = size * n end
        count = count + size
        paths[#paths + 1] = weight.path
      end
      is_listed[weight.path] = true
    end
  end
  if count > limits.elements then fail("it has %.3g weights, more than mb.limits.elements", count) end
  return paths
end

-- The tensors of a step, of which read has those of the file by path.
local function tensors_of(step, read)
  local spec, tensors = step.spec, {}
  for _, weight in ipairs(spec.weights) do tensors[weight[1]] = read[weight.path] end
  local some = tensors.running_mean or tensors.gamma or tensors.beta
  for name, value in pairs(spec.missing or {}) do
    if not some then fail("%s has no weights", step.node.where) end
    tensors[name] = core.full(value, core.shape(some))
  end
  return spec.arranged and spec.arranged(tensors, step) or tensors
end

--- Gives each step the tensors of its layer, and completes its options. The places of a layer have the same list of
-- weights, and get the same tensors: their layers share them.
function weights.fill(file, steps)
  local read, made = file:read(paths_of(file, steps)), {}
  for _, step in ipairs(steps) do
    if step.spec then
      local list = step.spec.weights
      made[list] = made[list] or tensors_of(step, read)
      step.tensors = made[list]
      if step.spec.complete then step.spec.complete(step.options, step.tensors) end
    end
  end
end

return weights
