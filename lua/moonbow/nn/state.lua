--- The tensors of a model by name: copies of all, and back.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
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

local function show_report(report)
  local parts = { ("%s loaded"):format(check.show_count(#report.loaded, "tensor")) }
  for _, field in ipairs { "other_shape", "missing", "unknown" } do
    local list = report[field]
    if #list > 0 then parts[#parts + 1] = ("%s: %s"):format(field:gsub("_", " "), shown.list(list, 10)) end
  end
  return table.concat(parts, "; ")
end

local new_report = shown.kind("report", show_report)

-- The entries whose tensor is in the state, with its shape; and what became of all names.
local function fitting(state, entries)
  local report, fits, known = new_report { loaded = {}, missing = {}, other_shape = {}, unknown = {} }, {}, {}
  for _, entry in ipairs(entries) do
    local value = state[entry.name]
    known[entry.name] = true
    local field = not core.is_tensor(value) and "missing" or core.same_shape(value, entry.value) and "loaded"
      or "other_shape"
    table.insert(report[field], entry.name)
    if field == "loaded" then fits[#fits + 1] = entry end
  end
  for name in pairs(state) do
    if not known[name] then table.insert(report.unknown, tostring(name)) end
  end
  table.sort(report.unknown)
  return fits, report
end

local load_options = { partial = false }

--- Takes over the values that state() gave. Names and shapes must agree with those of the built layer; if they do not,
-- it raises and nothing is changed.
-- @param state table tensors by name
-- @option partial true: takes what has a name and shape of the layer's, and leaves the rest
-- @return layer itself
-- @return table with partial, lists of names: loaded, missing (in state), other_shape, unknown (to the layer); it
--   prints itself
-- @usage local _, report = model:load_state(model:state(), { partial = true })
function Layer.load_state(layer, state, options)
  check.kind("load_state", "state", state, "table")
  options = check.options("load_state", options, load_options)
  local entries, report = parameters_and_buffers(layer), nil
  if #entries == 0 and next(state) ~= nil then
    check.fail("load_state", "the model has no weights yet; build it first, or use restore")
  end
  if options.partial then
    entries, report = fitting(state, entries)
  else
    check_state(state, entries)
  end
  for _, entry in ipairs(entries) do core.copy_from(entry.value, state[entry.name]) end
  return layer, report
end

check.takes(Layer.load_state, 2, load_options)

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
