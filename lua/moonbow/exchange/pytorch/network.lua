--- A network as a module of PyTorch.
local modules = require "moonbow.exchange.pytorch.modules"
local layers = require "moonbow.exchange.pytorch.layers"
local Layer = require "moonbow.nn.layer"

local function indented(code) return "    " .. code:gsub("\n", "\n    ") end

-- A module of others, which have the names of parts: { name, module }.
-- @param arguments codes before the parts
local function container(name, parts, arguments)
  local codes, tensors = {}, {}
  for i, code in ipairs(arguments or {}) do codes[i] = indented(code) .. "," end
  for _, part in ipairs(parts) do
    codes[#codes + 1] = part.module and indented(part.module.code) .. "," or "    None,"
    for _, entry in ipairs(part.module and part.module.tensors or {}) do
      local copy = {}
      for key, value in pairs(entry) do copy[key] = value end
      copy.name = part.name .. "." .. entry.name
      copy.beside = entry.beside and part.name .. "." .. entry.beside
      tensors[#tensors + 1] = copy
    end
  end
  local code = ("%s(\n%s\n)"):format(name, table.concat(codes, "\n"))
  return { code = code, class = name, tensors = tensors, parts = parts }
end

local function sequential(list)
  local parts = {}
  for i, inner in ipairs(list) do parts[i] = { name = tostring(i - 1), module = inner } end
  return container("nn.Sequential", parts)
end

local containers = {}

-- Returns the modules of the layer at a path, and the order of the features behind them. shapes: of the input and
-- output of each path.
local function write(layer, order, path, shapes)
  local place = path == "" and layer.type or ("layer %s (%s)"):format(path, layer.type)
  if containers[layer.type] then return containers[layer.type](layer, order, place, shapes, path) end
  local writer = layers[layer.type]
  if not writer then modules.refuse(place, "moonbow has no module of PyTorch for it") end
  return writer(layer, order, place, shapes[path].input)
end

-- Part i of a container as one module.
local function write_part(layer, i, order, shapes, path)
  local list, after = write(layer.layers[i], order, Layer.path_of_part(path, i), shapes)
  return #list == 1 and list[1] or sequential(list), after
end

function containers.Sequential(layer, order, _, shapes, path)
  local list = {}
  for i, part in ipairs(layer.layers) do
    local inner
    inner, order = write(part, order, Layer.path_of_part(path, i), shapes)
    table.move(inner, 1, #inner, #list + 1, list)
  end
  return { sequential(list) }, order
end

local function same_order(one, other)
  for j = 1, math.max(one and #one or 0, other and #other or 0) do
    if (one and one[j] or j) ~= (other and other[j] or j) then return false end
  end
  return true
end

function containers.Residual(layer, order, place, shapes, path)
  local body, after = write_part(layer, 1, order, shapes, path)
  local short, beside = nil, order
  if layer.layers[2] then short, beside = write_part(layer, 2, order, shapes, path) end
  if not same_order(after, beside) then
    modules.refuse(place, "behind Flatten, PyTorch has the features of its two branches in different orders")
  end
  local sum = container("Residual", { { name = "body", module = body }, { name = "shortcut", module = short } })
  return modules.activate({ sum }, layer.options.activation, layer.options.alpha, place), after
end

-- The order of features side by side: counts gives the number of each branch, orders their order.
local function joined_order(counts, orders)
  local list, before = {}, 0
  for i, count in ipairs(counts) do
    for j = 1, count do list[#list + 1] = before + (orders[i] and orders[i][j] or j) end
    before = before + count
  end
  return list
end

function containers.Concat(layer, order, _, shapes, path)
  local parts, counts, orders = {}, {}, {}
  for i = 1, #layer.layers do
    local part, after = write_part(layer, i, order, shapes, path)
    local shape = shapes[Layer.path_of_part(path, i)].output
    parts[i], counts[i], orders[i] = { name = tostring(i - 1), module = part }, shape[#shape], after or false
  end
  local is_reordered = false
  for _, after in ipairs(orders) do is_reordered = is_reordered or after ~= false end
  return { container("Concat", parts) }, is_reordered and joined_order(counts, orders) or nil
end

-- ---- graphs ----

local function quoted(name)
  return ('"%s"'):format(name:gsub('[\\"%c]', function(c) return ("\\x%02x"):format(c:byte()) end))
end

local function names_of(list)
  local names = {}
  for i, name in ipairs(list) do names[i] = quoted(name) end
  return ("[%s]"):format(table.concat(names, ", "))
end

local function code_of(node)
  return ("    (%s, %s, %s, %s),"):format(quoted(node.name), names_of(node.from), quoted(node.join),
    node.layer and node.layer - 1 or "None")
end

-- The order of the features of several values as one, of which counts has the numbers.
local function order_after(node, place, orders, counts)
  if node.join == "concat" and #node.from > 1 then
    local is_reordered = false
    for _, order in ipairs(orders) do is_reordered = is_reordered or order ~= false end
    return is_reordered and joined_order(counts, orders) or nil
  end
  for i = 2, #orders do
    if not same_order(orders[1] or nil, orders[i] or nil) then
      modules.refuse(("%s > node '%s'"):format(place, node.name),
        "behind Flatten, PyTorch has the features of its inputs in different orders")
    end
  end
  return orders[1] or nil
end

-- The module of a node's layer, once for all nodes that it is in.
local function node_module(layer, node, order, place, shapes, path, made)
  local before = made[node.layer]
  if not before then
    local inner, after = write_part(layer, node.layer, order, shapes, path)
    before = { module = inner, order = order, after = after }
    made[node.layer] = before
  elseif not same_order(before.order, order) then
    modules.refuse(("%s > node '%s'"):format(place, node.name),
      "behind Flatten, its layer gets features in another order than in another node")
  end
  return before.after
end

function containers.Graph(layer, order, place, shapes, path)
  local codes, made, order_of, count_of, parts = {}, {}, {}, {}, {}
  local input = shapes[path].input
  for _, name in ipairs(layer.inputs) do
    local shape = #input > 0 and input or input[name]
    order_of[name], count_of[name] = order or false, shape[#shape]
  end
  for i, node in ipairs(layer.nodes) do
    local orders, counts, count = {}, {}, 0
    for k, name in ipairs(node.from) do
      orders[k], counts[k] = order_of[name], count_of[name]
      count = node.join == "concat" and count + counts[k] or counts[k]
    end
    local after = order_after(node, place, orders, counts)
    if node.layer then
      after = node_module(layer, node, after, place, shapes, path, made)
      local output = shapes[Layer.path_of_part(path, node.layer)].output
      count = output[#output]
    end
    codes[i], order_of[node.name], count_of[node.name] = code_of(node), after or false, count
  end
  for i = 1, #layer.layers do parts[i] = { name = ("layers.%d"):format(i - 1), module = made[i].module } end
  return { container("Graph", parts, { names_of(layer.inputs), names_of(layer.outputs),
    ("[\n%s\n]"):format(table.concat(codes, "\n")) }) }, #layer.outputs == 1 and order_of[layer.outputs[1]] or nil
end

--- The module of a built network: { code, class, tensors, parts }.
return function(network)
  local shapes = {}
  for _, step in ipairs(network:trace()) do shapes[step.path] = step end
  local list = write(network, nil, "", shapes)
  return #list == 1 and list[1] or sequential(list)
end
