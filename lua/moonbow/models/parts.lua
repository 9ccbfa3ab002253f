--- Shared by the networks: their options (moonbow.models describes them) and the pieces they are made of.
local nn = require "moonbow.nn"
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local initializers = require "moonbow.nn.initializers"

local parts = {}

local any_initializer = "string|number|function"
local per_layer = "positive integer|table"

-- Default and kinds of each option, by the piece that reads it.
local known = {
  common = { classes = { nil, "positive integer" }, length = { nil, "positive integer" } },
  convolution = {
    activation = { "relu", "string" }, alpha = { nil, "real" },
    initializer = { "glorot_uniform", any_initializer }, bias = { true, "boolean" },
    padding = { "same", "string|integer" }, batch_norm = { false, "boolean" },
  },
  norm = { momentum = { 0.99, "fraction" }, epsilon = { 1e-3, "non-negative real" } },
  body = {
    filters = { 64, per_layer }, kernel = { nil, per_layer }, stride = { 1, per_layer },
    pooling = { "max", { "max", "average" } }, pool = { nil, per_layer }, pool_stride = { nil, per_layer },
    pool_padding = { "valid", { "valid", "same" } }, conv_dropout = { 0, "fraction below 1" },
  },
  head = {
    head = { "flatten", { "flatten", "global", "global_max" } }, units = { {}, "table" },
    dense_activation = { "linear", "string" }, dense_batch_norm = { false, "boolean" },
    dense_initializer = { "glorot_uniform", any_initializer },
    output_initializer = { "glorot_uniform", any_initializer }, dropout = { 0, "fraction below 1" },
  },
}

local required = { classes = true, kernel = true, pool = true }

local function rule(name, default, kinds)
  if type(default) == "table" and getmetatable(default) then return default end
  if type(kinds) == "table" then return check.one_of(default, kinds) end
  if default ~= nil then return check.default(default, kinds) end
  return required[name] and check.required(kinds) or check.optional(kinds)
end

-- Names are checked here, because the message can name the network's option.
local function check_names(operation, options)
  for _, name in ipairs { "activation", "dense_activation", "first_activation" } do
    if options[name] ~= nil then check.name(operation, name, options[name], activations.names) end
  end
  for _, name in ipairs { "initializer", "dense_initializer", "output_initializer" } do
    if options[name] ~= nil then initializers.check(operation, name, options[name]) end
  end
end

--- Returns the defaults of a network, for check.options.
-- @param own defaults that differ from the shared ones, and options of its own
-- @param pieces the names of the pieces whose options it takes
function parts.rules(own, pieces)
  local rules = {}
  for key, value in pairs(own) do rules[key] = value end
  for _, piece in ipairs { "common", table.unpack(pieces) } do
    for key, entry in pairs(known[piece]) do
      local default = own[key]
      if default == nil then default = entry[1] end
      rules[key] = rule(key, default, entry[2])
    end
  end
  return rules
end

--- Returns the options of a network; their field `given` is the table that the user gave.
-- @param rules from parts.rules
function parts.options(operation, given, rules)
  local options = check.options(operation, given, rules)
  options.given = given or {}
  check_names(operation, options)
  if options.given.alpha ~= nil then activations.check_alpha(operation, options.activation, options.alpha) end
  return options
end

--- Returns the alpha of the options, if the activation has one.
function parts.alpha_of(options, activation) return activations.takes_alpha(activation) and options.alpha or nil end

--- Raises unless an option is a list of entries of these kinds, without other keys.
function parts.check_list(operation, name, list, kinds)
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      check.fail(operation, "%s: expected a list, got the key %s", name, check.show(key))
    end
  end
  for i, entry in ipairs(list) do check.kind(operation, ("%s[%d]"):format(name, i), entry, kinds) end
end

-- Returns the common length of the options that are lists; nil if none is a list. Raises if lengths differ.
local function common_length(operation, options, names)
  local count, first
  for _, name in ipairs(names) do
    local value = options[name]
    if type(value) == "table" then
      if #value == 0 then
        check.fail(operation, "%s: expected a number for each convolution, got none", name)
      end
      parts.check_list(operation, name, value, "positive integer")
      if count and #value ~= count then
        check.fail(operation, "%s: expected %d entries, as in %s, got %d%s", name, count, first, #value,
          options.given[name] == nil and " by default; give it, too" or "")
      end
      count, first = count or #value, first or name
    end
  end
  return count
end

--- Replaces numbers by lists, in place, and returns the length of all lists: that of the lists that are given, or else
-- that of the lists in own, whose length a number does not change.
-- @param names of options that are numbers or lists of equal length
-- @param own defaults of the network
function parts.spread(operation, options, names, own)
  local count = common_length(operation, options, names) or common_length(operation, own, names) or 1
  for _, name in ipairs(names) do
    local value, list = options[name], {}
    for i = 1, value and count or 0 do
      list[i] = type(value) == "table" and math.tointeger(value[i]) or value
    end
    options[name] = value and list
  end
  return count
end

--- Appends layers to a list.
function parts.append(list, ...)
  for _, layer in ipairs { ... } do list[#list + 1] = layer end
end

local append = parts.append

--- Appends a convolution, its batch norm and its activation (default: options.activation).
function parts.append_convolution(layers, options, filters, kernel, stride, activation)
  activation = activation or options.activation
  if activation == "linear" then activation = nil end
  local is_apart = options.batch_norm or options.alpha
  append(layers, nn.Conv1d {
    filters = filters, kernel = kernel, stride = stride, padding = options.padding, bias = options.bias,
    initializer = options.initializer, activation = not is_apart and activation or nil,
  })
  if options.batch_norm then
    append(layers, nn.BatchNorm1d {
      momentum = options.momentum, epsilon = options.epsilon, activation = activation,
      alpha = parts.alpha_of(options, activation),
    })
  elseif is_apart and activation then
    append(layers, nn.Activation { name = activation, alpha = parts.alpha_of(options, activation) })
  end
end

local pools = { max = nn.MaxPool1d, average = nn.AvgPool1d }

local function append_pool(layers, options, size, stride)
  if size == 1 and stride == 1 then return end
  append(layers, pools[options.pooling] { size = size, stride = stride, padding = options.pool_padding })
  if options.conv_dropout > 0 then append(layers, nn.Dropout { rate = options.conv_dropout }) end
end

--- Appends convolutions, each with its pooling.
-- @param own defaults of the network, whose lists determine the number of convolutions if no option does
function parts.append_body(layers, options, operation, own)
  local count = parts.spread(operation, options, { "filters", "kernel", "stride", "pool", "pool_stride" }, own)
  for i = 1, count do
    parts.append_convolution(layers, options, options.filters[i], options.kernel[i], options.stride[i])
    append_pool(layers, options, options.pool[i], (options.pool_stride or options.pool)[i])
  end
end

local heads = { flatten = nn.Flatten, global = nn.GlobalAvgPool1d, global_max = nn.GlobalMaxPool1d }

--- Appends the layers that turn maps into logits.
function parts.append_head(layers, options, operation)
  append(layers, heads[options.head] {})
  local function drop()
    if options.dropout > 0 then append(layers, nn.Dropout { rate = options.dropout }) end
  end
  parts.check_list(operation, "units", options.units, "positive integer")
  for _, units in ipairs(options.units) do
    drop()
    append(layers, nn.Dense {
      units = units, activation = options.dense_activation ~= "linear" and options.dense_activation or nil,
      initializer = options.dense_initializer,
    })
    if options.dense_batch_norm then append(layers, nn.BatchNorm1d { momentum = 0.99, epsilon = 1e-3 }) end
  end
  drop()
  append(layers, nn.Dense { units = options.classes, initializer = options.output_initializer })
end

--- Makes a model from a list of layers; builds it if the options give the length.
function parts.finish(layers, options, name)
  layers.name = name
  local model = nn.Sequential(layers)
  if options.length then model:build { options.length, 1 } end
  return model
end

return parts
