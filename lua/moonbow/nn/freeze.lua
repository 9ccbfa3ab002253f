--- Freezing: weights that training leaves as they are, since the tape does not follow them. Of a layer that is not made
-- yet, layer.frozen has the names of those that will be.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

-- The paths that a name stands for: itself, or those of containers with this name.
local function paths_of(layer, name)
  local paths = { name }
  layer:visit(function(part, path)
    if part.name == name and path ~= "" then paths[#paths + 1] = path end
  end)
  return paths
end

local function is_below(name, path) return name == path or name:sub(1, #path + 1) == path .. "." end

--- Calls f(name, path, value) for each trained tensor that paths and names stand for, with the path below which it is.
-- Raises if one stands for none.
-- @param names list of "2" (a layer), "2.weight" (a tensor), or the name of a container
function Layer.visit_named(layer, operation, names, f)
  local all, values = {}, {}
  Layer.visit_tensors(layer, "weights", function(name, value) all[#all + 1], values[name] = name, value end)
  for i, given in ipairs(names) do
    check.kind(operation, ("argument %d"):format(i), given, "string")
    local found = false
    for _, path in ipairs(paths_of(layer, given)) do
      for _, name in ipairs(all) do
        if is_below(name, path) then
          found = true
          f(name, path, values[name])
        end
      end
    end
    if not found then
      check.fail(operation, "no weights at %s; there are %s", check.show(given), #all > 0
        and require("moonbow.shown").list(all) or "none before the layer is built")
    end
  end
end

-- The tensor that takes the place of a weight; the weight itself if it is frozen, or not, already.
local function marked(value, frozen)
  if frozen then return core.is_tracked(value) and core.alias(value) or value end
  return core.is_tracked(value) and not autograd.made_by(value) and value or autograd.param(core.alias(value))
end

-- Freezes tensors with these names, or lets them go, in all places that share them.
local function mark(layer, names, frozen)
  local chosen, replaced = {}, {}
  Layer.visit_tensors(layer, "weights", function(name, value)
    if names[name] then chosen[Layer.identity(value)] = true end
  end)
  layer:visit(function(part)
    for _, entry in ipairs(part.weights or {}) do
      local value = part[entry.name]
      local identity = Layer.identity(value)
      if chosen[identity] then
        replaced[identity] = replaced[identity] or marked(value, frozen)
        part[entry.name] = replaced[identity]
      end
    end
  end)
end

local function set(layer, operation, frozen, ...)
  local names = {}
  if select("#", ...) == 0 then
    Layer.visit_tensors(layer, "weights", function(name) names[name] = true end)
    if not next(names) then check.fail(operation, "the layer has no weights yet; build it first") end
  else
    layer:visit_named(operation, { ... }, function(name) names[name] = true end)
  end
  mark(layer, names, frozen)
  return layer
end

--- Freezes weights: training leaves them as they are, mb.save and mb.load keep the mark. A batch norm whose weights are
-- all frozen runs in evaluation mode in training, too, so that its running statistics stay. A tensor that is not a
-- parameter and takes the place of a weight, layer.weight = mb.ones(16, 2), is frozen as well.
-- @param ... string "2" (a layer and its parts), "2.weight" (a tensor), or the name of a container; all weights without
-- @return layer itself
-- @usage model:freeze "2"
function Layer.freeze(layer, ...) return set(layer, "freeze", true, ...) end

--- Lets frozen weights be trained, also those that scripts have set: see freeze.
-- @param ... string as for freeze; all weights without
-- @return layer itself
-- @usage model:freeze():unfreeze "2"
function Layer.unfreeze(layer, ...) return set(layer, "unfreeze", false, ...) end

local function is_frozen(part, name) return not core.is_tracked(part[name]) end

--- The names of the frozen weights; then of those that are not made yet, but will be frozen.
-- @return table a list
function Layer.frozen_names(layer)
  local list = {}
  layer:visit(function(part, path)
    for _, entry in ipairs(part.weights or {}) do
      if is_frozen(part, entry.name) then
        list[#list + 1] = (path == "" and "" or path .. ".") .. entry.name
      end
    end
  end)
  layer:visit_marks("frozen", function(name) list[#list + 1] = name end)
  return list
end

--- True if the layer has weights of its own and all are frozen.
function Layer.is_frozen(layer)
  for _, entry in ipairs(layer.weights or {}) do
    if not is_frozen(layer, entry.name) then return false end
  end
  return layer.weights ~= nil
end
