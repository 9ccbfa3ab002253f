--- The tensors of a model by name: copies of all, and back.
local core = require "moonbow.core"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

local function parameters_and_buffers(layer)
  local entries = Layer.parameters(layer)
  for _, entry in ipairs(Layer.buffers(layer)) do entries[#entries + 1] = entry end
  return entries
end

--- A copy of all parameters and buffers. A tensor that several places share is there once, under the name of the first.
-- @return table tensors by name
function Layer.state(layer)
  local state = {}
  for _, entry in ipairs(parameters_and_buffers(layer)) do state[entry.name] = core.copy(entry.value) end
  return state
end

local function check_state(state, entries)
  local known = {}
  for _, entry in ipairs(entries) do
    local value = state[entry.name]
    if not core.is_tensor(value) then
      check.fail("load_state", "expected a tensor '%s', got %s", entry.name, check.show(value))
    end
    local expected, got = check.show_shape(core.shape(entry.value)), check.show_shape(core.shape(value))
    if expected ~= got then check.fail("load_state", "'%s': expected shape %s, got %s", entry.name, expected, got) end
    known[entry.name] = true
  end
  for name in pairs(state) do
    if not known[name] then check.fail("load_state", "the model has no %s", check.show(name)) end
  end
end

--- Takes over the values that state() gave. Names and shapes must agree with those of the built layer; if they do not,
-- it raises and nothing is changed.
-- @param state table tensors by name
-- @return layer itself
function Layer.load_state(layer, state)
  check.kind("load_state", "state", state, "table")
  local entries = parameters_and_buffers(layer)
  if #entries == 0 and next(state) ~= nil then
    check.fail("load_state", "the model has no weights yet; build it first, or use restore")
  end
  check_state(state, entries)
  for _, entry in ipairs(entries) do core.copy_from(entry.value, state[entry.name]) end
  return layer
end

-- Gives every part the tensors of its own, by name.
local function distribute(layer, tensors)
  local sources = {}
  Layer.visit(layer, function(part, path)
    if part.made then check.fail("restore", "the model is built already; use load_state") end
    part.source = {}
    sources[path] = part.source
  end)
  for name, tensor in pairs(tensors) do
    local path, own = check.kind("restore", "a tensor's name", name, "string"):match "^(.*)%.([^.]*)$"
    local source = sources[path or ""]
    if not source then check.fail("restore", "the model has no %s", check.show(name)) end
    source[own or name] = tensor
  end
end

--- Builds a layer with given tensors as its weights; nothing is drawn. Raises if shapes do not fit, or names are
-- missing or not the model's.
-- @param shape table of the input without its batch: { L, C }
-- @param tensors table by name, as state() gives them
-- @return layer itself
function Layer.restore(layer, shape, tensors)
  check.kind("restore", "tensors", tensors, "table")
  local _ <close> = setmetatable({}, { __close = function()
    Layer.visit(layer, function(part) part.source = nil end)
  end })
  distribute(layer, tensors)
  layer:build(shape)
  Layer.visit(layer, function(part, path)
    local surplus = next(part.source)
    if not surplus then return end
    check.fail("restore", "the model has no %s", check.show(path == "" and surplus or path .. "." .. surplus))
  end)
  return layer
end
