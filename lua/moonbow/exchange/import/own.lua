--- Networks that mb.export_onnx wrote, as they were: with the layers, their nesting and options, of which a graph does
-- not hold all. The metadata describes them; it is believed only if exporting what it describes, with the weights of
-- the file, gives the same graph again.
local core = require "moonbow.core"
local check = require "moonbow.check"
local json = require "moonbow.io.json"
local nn = require "moonbow.nn"
local store = require "moonbow.io.store"
local export = require "moonbow.exchange.export"
local gates = require "moonbow.exchange.gates"
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"

local own = {}

local weights = { "weight", "bias", "gamma", "beta", "running_mean", "running_var", "squeeze_weight", "squeeze_bias",
  "excite_weight", "excite_bias", "recurrent_weight", "output_weight", "output_bias" }

-- Weights as their layers have them, by name: see moonbow.exchange.layers.
local arrange = {}

function arrange.Conv1d(w) return { weight = core.transpose(w.weight, 1, 3), bias = w.bias } end
arrange.Conv1dTranspose, arrange.LocallyConnected1d = arrange.Conv1d, arrange.Conv1d

function arrange.GroupNorm(w) return { gamma = core.reshape(w.gamma, -1), beta = core.reshape(w.beta, -1) } end

for _, kind in ipairs { "LSTM", "GRU" } do
  arrange[kind] = function(w) return gates.read(kind, w.weight, w.recurrent_weight, w.bias) end
end

local function weights_of(network, constants)
  local tensors = {}
  network:visit(function(layer, path)
    local scope, prefix = path == "" and "network/" or "network/" .. path .. "/", path == "" and "" or path .. "."
    local found = {}
    for _, name in ipairs(weights) do found[name] = (constants[scope .. name] or {}).tensor end
    for name, tensor in pairs(arrange[layer.type] and arrange[layer.type](found) or found) do
      tensors[prefix .. name] = tensor
    end
  end)
  return tensors
end

-- True if the chunks of a message, strings and tensors, are the bytes of a text from a place on.
local function equals(chunks, text, first, last)
  if chunks.size ~= last - first + 1 then return false end
  for _, chunk in ipairs(chunks) do
    local bytes = core.is_tensor(chunk) and core.tobytes(chunk) or chunk
    if text:sub(first, first + #bytes - 1) ~= bytes then return false end
    first = first + #bytes
  end
  return true
end

local function rebuild(description, file)
  local options = description.options
  local info = { classes = options.classes, axis = options.axis, unit = options.unit, quantity = options.quantity,
    note = options.note, preprocessing = options.preprocessing, training = options.training,
    validation = options.validation }
  store.check_info(info)
  local network = nn.from_config(description.config)
  network:restore(description.input_shape, weights_of(network, file.constants)):eval()
  return network, info, export.describe(network, { classes = info.classes, axis = info.axis, unit = info.unit,
    quantity = info.quantity, note = info.note, preprocessing = info.preprocessing,
    probabilities = options.probabilities, fold_batch_norm = false, channels = 1 }).graph
end

--- The network that a file describes, and what mb.export_onnx was given beside it; nil if the file was written by
-- another program, or changed.
-- @param file from moonbow.exchange.import.file
-- @param text its bytes
function own.read(file, text)
  local description = json.decode(file.metadata[export.OWN] or "null")
  if type(description) ~= "table" or type(description.options) ~= "table" then return nil end
  local ok, network, info, graph = check.refusal(rebuild, description, file)
  if not ok or not equals(protobuf.encode(schema, "Graph", graph), text, table.unpack(file.graph)) then return nil end
  return network, info
end

return own
