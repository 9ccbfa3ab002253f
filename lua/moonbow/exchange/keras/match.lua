--- Which weights of a file of Keras belong to which layers of a network.
--
-- Files list layers in an order that follows from the whole model: see moonbow.exchange.keras.order. The network tells
-- most of it, but not which activations were layers of their own, nor the order of what was added. So weights are
-- matched by shapes and by what stands behind what, if these allow one order only; else by all orders that such models
-- have; and if several of these fit, the file is refused.
local core = require "moonbow.core"
local check = require "moonbow.check"
local snake_case = require("moonbow.exchange.keras.file").snake_case
local sorted = require "moonbow.exchange.keras.order"

local MOST_FORMS = 2000

local function fail(format, ...) error(format:format(...), 0) end

local function refuse(a, b)
  fail("the weights of %s and %s have the same shapes, and their order in the file does not tell which is which; read "
    .. "a file with the model (.keras, .h5) without the option network", a.where, b.where)
end

-- Shapes as a text, by which layers and weights are compared.
local function text_of(shapes)
  for i, shape in ipairs(shapes) do shapes[i] = check.show_shape(shape) end
  return table.concat(shapes, " ")
end

local function shapes_of_layer(layer)
  local shapes = {}
  for i, weight in ipairs(layer.weights) do shapes[i] = core.shape(weight) end
  return text_of(shapes)
end

local function shapes_at(paths, file)
  local shapes = {}
  for i, path in ipairs(paths) do shapes[i] = file:shape_of(path) end
  return text_of(shapes)
end

-- ---- by shapes ----

-- For each layer the set of layers that it stands behind.
local function ancestors_of(layers)
  local all = {}
  for _, layer in ipairs(layers) do
    local set = {}
    for _, input in ipairs(layer.inputs) do
      set[input.layer] = true
      for other in pairs(all[input.layer]) do set[other] = true end
    end
    all[layer] = set
  end
  return all
end

-- Puts layers of one kind in the only order that fits slots. False if none does; two layers if both may be the next:
-- they fit, and none that they stand behind waits.
local function order_by_shape(layers, slots, ancestors)
  local waiting = table.move(layers, 1, #layers, 1, {})
  for i, slot in ipairs(slots) do
    local found = {}
    for k, layer in ipairs(waiting) do
      local is_next = layer.shapes == slot.shapes
      for _, other in ipairs(waiting) do is_next = is_next and not ancestors[layer][other] end
      if is_next then found[#found + 1] = k end
    end
    if #found == 0 then return false end
    if #found > 1 then return { waiting[found[1]], waiting[found[2]] } end
    layers[i] = table.remove(waiting, found[1])
  end
  return #waiting == 0
end

-- ---- forms of a model ----

local is_activation = { Activation = true, ReLU = true, LeakyReLU = true, ELU = true, Softmax = true }
local has_activation = { Conv1D = true, Conv1DTranspose = true, Dense = true }
local may_be_swapped = { Add = true, Multiply = true, Outputs = true }

-- True for an activation that may be an option of the layer before it.
local function is_free(layer) return is_activation[layer.class] and has_activation[layer.inputs[1].layer.class] end

-- What Keras may have as operations or not at all, without a trace in the file.
local is_uncounted = { input_layer = true, add = true, multiply = true, concatenate = true, reshape = true,
  outputs = true }

-- How many free activations are options of layers, by the number of layers in the file; nil if the model of the file is
-- another one.
local function count_inlined(layers, file)
  local missing, counts, total = 0, file:layer_counts()
  if not counts then return #layers - 1 - total end -- Keras 1 and 2: all layers but Outputs
  for _, layer in ipairs(layers) do
    local name = snake_case(layer.class)
    if is_activation[layer.class] then missing = missing + 1
    elseif not is_uncounted[name] then counts[name] = (counts[name] or 0) - 1 end
  end
  for class in pairs(is_activation) do
    local name = snake_case(class)
    missing, counts[name] = missing - (counts[name] or 0), nil
  end
  for name, count in pairs(counts) do
    if count ~= 0 and not is_uncounted[name] then return nil end
  end
  return missing
end

-- Lists of what each free activation may be: true for an option. If all seem to be options they may be operations, too.
local function modes_of(layers, file)
  local free, inlined = 0, count_inlined(layers, file)
  for _, layer in ipairs(layers) do free = free + (is_free(layer) and 1 or 0) end
  if not inlined or inlined < 0 or inlined > free then return nil end
  if inlined == 0 then return { { false } } end
  return inlined == free and { { true }, { false } } or { { true, false } }
end

local function permutations(list, first, found)
  if first >= #list then found[#found + 1] = { table.unpack(list) } end
  for i = first, first < #list and #list or 0 do
    list[first], list[i] = list[i], list[first]
    permutations(list, first + 1, found)
    list[first], list[i] = list[i], list[first]
  end
  return found
end

-- The choices in a segment: { layer, options }, of which there are few enough.
local function choices_of(segment, mode)
  local choices, forms = {}, 1
  for _, layer in ipairs(segment) do
    local options = is_free(layer) and mode
    if may_be_swapped[layer.class] and #layer.inputs > 1 then
      options = #layer.inputs <= 5 and permutations(layer.inputs, 1, {}) or nil
      forms = options and forms or math.huge
    end
    if options then
      choices[#choices + 1] = { layer = layer, options = options }
      forms = forms * #options
    end
  end
  return forms <= MOST_FORMS and choices or nil
end

-- Calls f(form) for all forms of choices: by layer, its inputs, or true if it is an option.
local function each_form(choices, i, form, f)
  if i > #choices then return f(form) end
  for _, option in ipairs(choices[i].options) do
    form[choices[i].layer] = option
    each_form(choices, i + 1, form, f)
  end
end

-- The layers of a segment in the order that Keras has in a form.
local function order_of(segment, form)
  local shadows, list = {}, {}
  for _, layer in ipairs(segment) do
    local shadow, inputs = { inputs = {}, layer = layer }, form[layer]
    for _, input in ipairs(type(inputs) == "table" and inputs or layer.inputs) do
      shadow.inputs[#shadow.inputs + 1] = shadows[input.layer] and { layer = shadows[input.layer] }
    end
    if inputs == true then shadow = shadow.inputs[1] and shadow.inputs[1].layer else list[#list + 1] = shadow end
    shadows[layer] = shadow
  end
  sorted(list, { { layer = list[#list] } })
  for i, shadow in ipairs(list) do list[i] = shadow.layer end
  return list
end

-- ---- segments ----

-- Splits layers where all that follows takes one of them alone: then what is before it comes first in all forms.
local function segments_of(layers)
  local place, last_use, reach = {}, {}, 0
  for i, layer in ipairs(layers) do
    place[layer] = i
    if #layer.inputs == 0 then reach = i end
    for _, input in ipairs(layer.inputs) do last_use[place[input.layer]] = i end
  end
  local segments, segment = {}, {}
  for i, layer in ipairs(layers) do
    segment[#segment + 1] = layer
    if reach <= i then
      segments[#segments + 1], segment = segment, {}
    end
    reach = math.max(reach, last_use[i] or 0)
  end
  return segments
end

-- ---- the match ----

local Match = {}
Match.__index = Match

function Match:kind_of(layer) return #layer.weights > 0 and (self.slots[""] and "" or layer.class) or nil end

-- The layers of each kind in an order.
function Match:by_kind(order)
  local lists = {}
  for _, layer in ipairs(order) do
    local kind = self:kind_of(layer)
    if kind then
      lists[kind] = lists[kind] or {}
      table.insert(lists[kind], layer)
    end
  end
  return lists
end

-- The paths of the weights of layers, of which each kind is in the order of the file.
function Match:paths_by(lists)
  local paths = {}
  for kind, list in pairs(lists) do
    for i, layer in ipairs(list) do paths[layer] = self.slots[kind][i] or {} end
  end
  return paths
end

-- True if all layers of lists fit what the file has behind those that are done.
function Match:all_fit(lists, done)
  for kind, list in pairs(lists) do
    for i, layer in ipairs(list) do
      local slot = self.slots[kind][(done[kind] or 0) + i]
      if not slot or slot.shapes ~= layer.shapes then return false end
    end
  end
  return true
end

-- Raises if two orders of the same layers differ.
local function check_same(a, b)
  for _, kind in ipairs(check.sorted_keys(a)) do
    for i, layer in ipairs(a[kind]) do
      if b[kind][i] ~= layer then refuse(layer, b[kind][i]) end
    end
  end
end

-- The layers of a segment, by kind, in the only order that fits; nil if none does.
function Match:segment_lists(segment, modes, done, doubtful)
  local found
  for _, mode in ipairs(modes) do
    local choices = choices_of(segment, mode) or refuse(table.unpack(doubtful))
    each_form(choices, 1, {}, function(form)
      local lists = self:by_kind(order_of(segment, form))
      if not self:all_fit(lists, done) then return end
      if found then check_same(found, lists) end
      found = found or lists
    end)
  end
  return found
end

-- The layers by kind, in the only order of any form that fits; nil if none does.
function Match:by_forms(layers, doubtful)
  local modes, lists, done = modes_of(layers, self.file) or refuse(table.unpack(doubtful)), {}, {}
  for _, segment in ipairs(segments_of(layers)) do
    local found = self:segment_lists(segment, modes, done, doubtful)
    if not found then return nil end
    for kind, list in pairs(found) do
      lists[kind] = table.move(list, 1, #list, #(lists[kind] or {}) + 1, lists[kind] or {})
      done[kind] = #lists[kind]
    end
  end
  return lists
end

-- The paths of the weights of each layer of a file, by the class of the layer, or in one list, "", where the file has
-- no classes; with the field shapes, as the layers of the model.
local function slots_of(model, file)
  local in_order, slots = file:paths_in_order(), {}
  if in_order then slots[""] = in_order end
  for _, layer in ipairs(model.layers) do
    layer.shapes = shapes_of_layer(layer)
    local paths = not in_order and file:paths_of(layer.class, layer.name) or nil
    if #layer.weights > 0 and paths then
      slots[layer.class] = slots[layer.class] or {}
      table.insert(slots[layer.class], paths)
    end
  end
  for _, list in pairs(slots) do
    for _, paths in ipairs(list) do paths.shapes = shapes_at(paths, file) end
  end
  return slots
end

--- The paths of weights by layer, in the order of the model if something does not fit. Raises a message without
-- position if several orders fit.
-- @param model from moonbow.exchange.keras.network
-- @param file from moonbow.exchange.keras.file
return function(model, file)
  local self = setmetatable({ file = file, slots = slots_of(model, file) }, Match)
  local as_written, by_shape = self:by_kind(model.layers), self:by_kind(model.layers)
  if file:is_of_moonbow() then return self:paths_by(as_written) end
  local layers, doubtful = table.move(model.layers, 1, #model.layers, 1, {}), nil
  layers[#layers + 1] = { class = "Outputs", inputs = model.outputs, weights = {} }
  local ancestors = ancestors_of(layers)
  for _, kind in ipairs(check.sorted_keys(by_shape)) do
    local fits = order_by_shape(by_shape[kind], self.slots[kind], ancestors)
    if not fits then return self:paths_by(as_written) end
    if fits ~= true then doubtful = doubtful or fits end
  end
  return self:paths_by(not doubtful and by_shape or self:by_forms(layers, doubtful) or as_written)
end
