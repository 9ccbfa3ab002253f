--- Networks from the bytes of files of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local read_file = require("moonbow.exchange.import.file").read
local whole = require("moonbow.exchange.import.inputs").whole
local integers = require "moonbow.exchange.import.integers"
local own = require "moonbow.exchange.import.own"
local operators = require "moonbow.exchange.import.operators"
local as_network = require "moonbow.exchange.import.graph"
local values = require "moonbow.exchange.import.values"

local MOST_NODES = 5000
local MOST_READINGS = 64 -- of all inputs, each of which may be read in two ways or so
local MOST_MADE = 1 << 24 -- numbers of weights that are not in the file: zeros and ones
local BYTES = 4 -- of a weight

local Import = {}
Import.__index = Import

--- Raises if more numbers are made than a network needs whose weights stand in its file.
function Import:make(count)
  self.made = self.made + count
  if self.made > MOST_MADE then error("it needs too many weights that are not in the file", 0) end
end

-- Counts the weights of a layer, which are its own: raises if nodes share those of the file too often.
function Import:hold(tensors)
  for _, tensor in pairs(tensors) do self.held = self.held + core.count(tensor) end
  local copied = BYTES * (self.held - self.made - self.file.weights)
  if copied > limits.unpacked then
    error(("copies of weights that nodes share have %d bytes; limits.unpacked = %d"):format(copied, limits.unpacked), 0)
  end
end

--- Adds a step, of moonbow.exchange.import.graph, and returns its number.
function Import:step(node, type, options, tensors, inputs)
  self:hold(tensors)
  self.steps[#self.steps + 1] = { type = type, options = options, tensors = tensors, inputs = inputs, node = node,
    name = node.operator:lower() }
  return #self.steps
end

--- Adds a layer behind x, and returns its output: x with some fields changed.
function Import:layer(node, type, options, tensors, x, changed)
  local y = values.like(x, changed)
  y.step = self:step(node, type, options, tensors, { x.step })
  return y
end

--- Adds a layer of several branches that end in a list of values, and returns its output: the first of them with some
-- fields changed.
function Import:merge(node, type, list, changed)
  local inputs = {}
  for i, part in ipairs(list) do inputs[i] = part.step end
  if #inputs == 1 then return list[1] end
  local y = values.like(list[1], changed)
  y.step = self:step(node, type, {}, {}, inputs)
  return y
end

-- ---- nodes ----

local function is_number_list(x) return x == nil or x.integers ~= nil end

-- The inputs that an operator needs, if it is not one.
local needs = { Conv = 2, ConvTranspose = 2, MatMul = 2, Gemm = 2, Add = 2, Sub = 2, Mul = 2, Div = 2, PRelu = 2,
  Reshape = 2, Gather = 2, Slice = 3, LayerNormalization = 2, BatchNormalization = 5, LSTM = 3, GRU = 3, Expand = 2,
  Upsample = 2 }

-- Returns the values of a node's outputs, by the arithmetic of shapes if all of its inputs are integers.
local function run_node(import, node, inputs)
  local count, all_integers = #node.inputs, true
  for i = 1, node.operator == "Concat" and math.max(count, 1) or needs[node.operator] or 1 do
    if inputs[i] == nil then error(("input %d is missing"):format(i), 0) end
  end
  for i = 1, count do all_integers = all_integers and is_number_list(inputs[i]) end
  local of_integers = all_integers and count > 0 and integers[node.operator]
  if of_integers then return of_integers(node, table.unpack(inputs, 1, count)) end
  local operator = operators[node.operator] or error("moonbow has no layer for it", 0)
  return operator(import, node, table.unpack(inputs, 1, count))
end

local function run_nodes(import, known)
  for place, node in ipairs(import.file.nodes) do
    local inputs = {}
    import.place = place
    for i, name in ipairs(node.inputs) do
      if name ~= "" then
        inputs[i] = known[name] or error({ node = node, message = ("its input %s is not made before"):format(
          check.show(name)) })
      end
    end
    local results = { check.refusal(run_node, import, node, inputs) }
    if not results[1] then
      local message = results[2]
      if type(message) == "table" then import.place, message = place - 0.5, message.layout end
      error { node = node, message = message }
    end
    for i, name in ipairs(node.outputs) do
      if name ~= "" then known[name] = results[i + 1] end
    end
  end
end

-- ---- the input ----

-- What the dimensions of the input may stand for, the likeliest first: { tags, shape of the network's input }.
local function readings(dims)
  local ones, others = {}, {}
  for i = 2, #dims do table.insert(dims[i] == 1 and ones or others, i) end
  if #dims == 2 then
    return { { tags = { "N", "C" }, channels = dims[2] }, { tags = { "N", "L" }, length = dims[2], channels = 1 } }
  end
  local last = { tags = { "N", "L", "C" }, length = dims[2], channels = dims[3] }
  local first = { tags = { "N", "C", "L" }, length = dims[3], channels = dims[2] }
  if #dims == 3 then
    local list = dims[2] == 1 and { first, last } or dims[2] and { last, first } or {}
    -- The points first, as recurrent layers have them.
    if dims[1] then
      list[#list + 1] = { tags = { "L", "N", "C" }, length = dims[1], channels = dims[3], batch = dims[2] or "batch" }
    end
    return list
  end
  if #others > 2 or #dims > 6 then return {} end
  local found, tags = {}, { "N" }
  for i = 2, #dims do tags[i] = "1" end
  local function reading(l, c)
    local copy = { table.unpack(tags) }
    if l then copy[l] = "L" end
    if c then copy[c] = "C" end
    found[#found + 1] = { tags = copy, length = l and dims[l] or 1, channels = c and dims[c] or 1 }
  end
  reading(others[2] or others[1], others[2] and others[1])
  reading(others[1], others[2])
  return found
end

local function check_dims(input, length)
  local dims = { table.unpack(input.dims) }
  if #dims < 2 then error(("its input %s has %d dimensions"):format(check.show(input.name), #dims), 0) end
  local is_second = #dims == 3 and dims[1] and not (dims[2] or length) -- the spectra
  for i = 1, #dims do
    if i ~= (is_second and 2 or 1) then
      dims[i] = dims[i] or length or error(("dimension %d of its input %s is free; give the option length"):format(i,
        check.show(input.name)), 0)
    end
    if dims[i] and (dims[i] < 1 or dims[i] > 1 << 31) then error("its input has an impossible shape", 0) end
  end
  return dims
end

-- The layout of a reading of maps: "NCL" or "NLC"; nil if it has no channels or no length of more than one.
local function layout_of(reading)
  local l, c = values.find(reading, "L"), values.find(reading, "C")
  if not (l and c and reading.length > 1 and reading.channels > 1) then return nil end
  return c < l and "NCL" or "NLC"
end

-- Ways to read all inputs, the likeliest first; each is a list of readings.
-- @param layout of maps; nil: either
local function readings_of(inputs, length, layout)
  local found = { {} }
  for _, input in ipairs(inputs) do
    local longer = {}
    for _, before in ipairs(found) do
      for _, reading in ipairs(readings(check_dims(input, length))) do
        if (layout_of(reading) or layout) == layout or not layout then
          longer[#longer + 1] = { table.unpack(before) }
          table.insert(longer[#longer], reading)
        end
      end
    end
    found = longer
    if #found > MOST_READINGS then error("it has too many inputs", 0) end
  end
  return found
end

-- ---- the network ----

-- The list of { name, step } of the outputs.
local function outputs_of(import, known)
  local list = {}
  for i, output in ipairs(import.file.outputs) do
    local value = known[output.name]
    if not (value and value.tags) then error("its output is made by no layer", 0) end
    whole(value)
    if value.pad then error("its output is no output of a layer", 0) end
    if value.order then error("its output is a Flatten of (N, C, L), whose order is not moonbow's", 0) end
    if values.find(value, "D") then error("its output has states of two directions that are not side by side", 0) end
    if value.tags[1] ~= "N" and not import.is_recurrent then
      error("the spectra do not stay in the first dimension of its output", 0)
    end
    list[i] = { name = output.name, step = value.step }
  end
  return list
end

-- The network of a file by one reading of each input. Raises { place, message }.
local function read_as(file, list)
  local import = setmetatable({ file = file, opset = file.opset, steps = {}, place = 0, made = 0, held = 0 },
    Import)
  local known, inputs = setmetatable({}, { __index = file.constants }), {}
  for i, reading in ipairs(list) do
    local input = file.inputs[i]
    import.steps[i] = { inputs = {} }
    known[input.name] = { tags = reading.tags, length = reading.length, channels = reading.channels, step = i,
      batch = reading.batch or input.dims[1] }
    local shape = reading.length and { reading.length, reading.channels } or { reading.channels }
    inputs[i] = { name = input.name, shape = shape }
  end
  local ok, result = check.refusal(function()
    run_nodes(import, known)
    if list[1].batch and not import.is_recurrent then error("spectra stand second", 0) end
    return as_network(import.steps, inputs, outputs_of(import, known))
  end)
  if ok then return result end
  return nil, { place = import.place, message = result }
end

local function text_of(err)
  if type(err) ~= "table" then return check.reason(err) end
  return ("%s: %s"):format(err.node and err.node.where or "the graph", text_of(err.message))
end

-- Raises if an input has another layout in another reading that gives a network, too.
local function check_layouts(file, list, other)
  for i, reading in ipairs(list) do
    local a, b = layout_of(reading), layout_of(other[i])
    if a and b and a ~= b then
      local first, last = reading.length, reading.channels
      if a == "NCL" then first, last = last, first end
      error(("its input %s of shape {N, %d, %d} may be (N, C, L) or (N, L, C), and no node tells; give the option "
        .. "layout = 'NCL' or 'NLC'"):format(check.show(file.inputs[i].name), first, last), 0)
    end
  end
end

local function network_of(file, length, layout)
  if #file.inputs == 0 or #file.outputs == 0 then
    error(("it has %d inputs and %d outputs"):format(#file.inputs, #file.outputs), 0)
  end
  if #file.nodes > MOST_NODES then error(("it has more than %d nodes"):format(MOST_NODES), 0) end
  local worst, found, found_list
  for _, list in ipairs(readings_of(file.inputs, length, layout)) do
    local network, err = read_as(file, list)
    if network and found then check_layouts(file, found_list, list) end
    if network and not found then found, found_list = network, list end
    if err and (not worst or err.place > worst.place) then worst = err end
  end
  return found or error(worst and text_of(worst.message) or "its inputs are no spectra", 0)
end

--- The network in the bytes of a file, and what mb.export_onnx was given beside it, if it wrote the file. Raises a
-- message for what is damaged or no network of moonbow's layers.
-- @param length of spectra that the file leaves open; nil: unknown
-- @param layout of maps in the file, "NCL" or "NLC"; nil: moonbow's, or what the nodes tell
return function(text, length, layout)
  local file = read_file(text)
  local network, info = own.read(file, text)
  if network then return network, info end
  layout = layout or file.metadata["moonbow.version"] and "NLC"
  return network_of(file, length, layout), {}
end
