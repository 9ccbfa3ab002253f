--- mb.export_onnx: models as files of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local nn = require "moonbow.nn"
local inputs = require "moonbow.nn.inputs"
local preprocess = require "moonbow.data.preprocess"
local losses = require "moonbow.train.losses"
local record = require "moonbow.train.record"
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"
local Graph = require "moonbow.exchange.graph"
local baselines = require "moonbow.exchange.baselines"
local trees = require "moonbow.exchange.trees"
local activate = require "moonbow.exchange.activations"
local write_layer = require "moonbow.exchange.layers"
local write_steps = require "moonbow.exchange.steps"

local export = {}

--- The key of the metadata that holds a network as mb.import_onnx takes it back.
export.OWN = "moonbow.network"

local IR, OPSET = 8, 17 -- what ONNX Runtime reads from 1.12 on
local FLOAT = 1
local MOST_BYTES = 2 ^ 31 - 1 -- of a message, by the definition of protocol buffers

local known = {
  classes = check.optional "table", axis = check.optional "tensor|table", preprocessing = check.optional "table",
  note = check.optional "string", unit = check.optional "string", quantity = check.optional "string",
  probabilities = check.optional "boolean", fold_batch_norm = false,
  channels = check.default(1, "positive integer"),
  training = check.optional "table", validation = check.optional "table",
}

-- ---- what goes in ----

-- A fitted pipeline is its model, and what it knows besides are options.
local function unwrap(model, given)
  if type(model) ~= "table" or not (model.pipeline and model.preprocessing) then return model, given end
  local options = { preprocessing = model.preprocessing, classes = model.names, axis = model.axis, unit = model.unit,
    quantity = model.quantity }
  for key, value in pairs(given or {}) do options[key] = value end
  return model.model, options
end

local function shown_model(model)
  if type(model) == "table" and model.temperature then
    return ("one that is calibrated; export what was calibrated with probabilities = false, and take the softmax of "
      .. "its logits / %.6g"):format(model.temperature)
  end
  if type(model) ~= "table" or not model.kind then return check.show(model) end
  return ("mb.%s, which cannot be exported"):format(check.printable(tostring(model.kind)))
end

local function check_rank(shape)
  if #shape > 2 then
    check.fail("export_onnx", "the model takes inputs of shape {N, %s}; ONNX gets (N, L, C) or (N, C)",
      table.concat(shape, ", "))
  end
end

-- Returns the shape of the input of the model, { length, channels } or { channels }, or those of several by name, and
-- the form of a fitted one.
local function read_model(model, options)
  if nn.is_layer(model) then
    if not model.input_shape then
      check.fail("export_onnx", "the model has no weights yet; build or train it first")
    end
    inputs.map(model.input_shape, check_rank)
    return model.input_shape
  end
  local form = type(model) == "table" and baselines.form(model)
  if not form then
    check.fail("export_onnx", "model: expected a network or a fitted model, got %s", shown_model(model))
  end
  local points = form.points
  if points % options.channels ~= 0 then
    check.fail("export_onnx", "channels: %d does not divide the %d points of the model", options.channels, points)
  end
  return { points // options.channels, options.channels }, form
end

-- The length of spectra before the steps: the first that changes it knows the axis before it.
local function raw_length(steps, length)
  for _, step in ipairs(steps) do
    local changes = step.name == "resample" or step.name == "bin" or step.name == "crop"
    if changes then return #step.options.axis end
  end
  return length
end

-- Returns what the model gets: a value, or values by the names of several inputs; and the list of the graph's inputs.
local function add_inputs(graph, model, steps, shape)
  local list, got, names = {}, {}, model.type == "Graph" and model.inputs or { "spectra" }
  local is_single = #shape > 0
  if #steps > 0 and (not is_single or #shape == 1) then
    check.fail("export_onnx", "preprocessing: it takes spectra (N, L, C), the model takes %s",
      is_single and ("rows (N, %d)"):format(shape[1]) or "several inputs; apply it before")
  end
  for i, name in ipairs(names) do
    graph:reserve(name)
    local own = is_single and shape or shape[name]
    list[i] = { name = name, length = #own == 2 and raw_length(steps, own[1]) or nil, channels = own[#own] }
    got[name] = list[i]
  end
  if not is_single then return got, list end
  local x = write_steps(graph, steps, list[1])
  if x.length ~= (shape[2] and shape[1]) then
    check.fail("export_onnx", "preprocessing gives %d points, the model takes %d", x.length, shape[1])
  end
  return x, list
end

-- ---- what comes out ----

local function ends_in_softmax(model) return not check.refusal(losses.check_logits, "export_onnx", model) end

-- True if probabilities of the classes shall be the output.
local function gives_probabilities(model, form, options)
  local can
  if form then can = form.probabilities ~= nil else can = not ends_in_softmax(model) end
  if options.probabilities and not can then
    check.fail("export_onnx", "probabilities: %s", form and "this model has none"
      or "the network ends in a softmax already; leave the option out")
  end
  if options.probabilities ~= nil then return options.probabilities end
  return can and (form or options.classes) ~= nil
end

-- Names the outputs of a Graph that has several, and returns their list.
local function write_outputs(graph, model, values, options)
  for _, name in ipairs { "classes", "probabilities" } do
    if options[name] then check.fail("export_onnx", "%s: expected none for a network of several outputs", name) end
  end
  local list = {}
  for i, name in ipairs(model.outputs) do
    graph.scope = "output"
    list[i] = graph:output(graph:channels_last(values[name]), name, "output/" .. name)
  end
  return list
end

-- Writes the model behind x and returns the list of the graph's outputs.
local function write_model(graph, model, form, x, options)
  local names = model.type == "Graph" and model.outputs or { "output" }
  local with_softmax = #names == 1 and gives_probabilities(model, form, options)
  if with_softmax then names = { "probabilities" } end
  for _, name in ipairs(names) do graph:reserve(name) end
  local y = form and baselines.write(graph, form, x) or write_layer(graph, model, x, "")
  if #names > 1 then return write_outputs(graph, model, y, options) end
  if options.classes and #options.classes ~= y.channels then
    check.fail("export_onnx", "classes: expected %d, one per output of the model, got %d", y.channels, #options.classes)
  end
  y, graph.scope = graph:channels_last(y), "output"
  if with_softmax then
    y = form and baselines.write_probabilities(graph, form, y) or activate(graph, y, "softmax")
  end
  return { graph:output(y, names[1], "output") }
end

-- ---- the file ----

local function value_info(value)
  local dims = { { dim_param = "batch" } }
  if value.length then dims[2] = { dim_value = value.length } end
  dims[#dims + 1] = { dim_value = value.channels }
  return { name = value.name, type = { tensor_type = { elem_type = FLOAT, shape = { dim = dims } } } }
end

local function value_infos(values)
  local list = {}
  for i, value in ipairs(values) do list[i] = value_info(value) end
  return list
end

local function opsets_of(graph)
  local list = { { domain = "", version = OPSET } }
  for _, node in ipairs(graph.nodes) do
    if node.domain == trees.domain then list[2] = { domain = trees.domain, version = trees.opset } end
  end
  return list
end

-- Returns the metadata as a list: lists are JSON, and texts are what JSON can say: UTF-8.
local function metadata_of(model, options, steps)
  local names = {}
  for i, step in ipairs(steps) do names[i] = step.name end
  local found = { axis = options.axis, classes = options.classes, unit = options.unit, quantity = options.quantity,
    note = options.note, training = options.training, validation = options.validation,
    preprocessing = #names > 0 and names or nil, ["moonbow.version"] = core.version,
    inputs = model.type == "Graph" and model.inputs or nil, outputs = model.type == "Graph" and model.outputs or nil }
  local list = {}
  for key, value in pairs(found) do
    local text, err = json.encode(value)
    if not text then check.fail("export_onnx", "%s: %s", key, err) end
    list[#list + 1] = { key = key, value = type(value) == "table" and text or value }
  end
  table.sort(list, function(a, b) return a.key < b.key end)
  return list
end

-- Adds the description of a network to the metadata, which export.describe and the weights in the file make again.
-- Left out if the weights are not its own ones, or it holds what JSON cannot.
local function add_own(list, model, options)
  if options.fold_batch_norm or not nn.is_layer(model) then return end
  local given = {}
  for key, value in pairs(options) do given[key] = value end
  given.fold_batch_norm, given.channels = nil, nil
  local ok, config = check.refusal(model.config, model)
  local text = ok and json.encode { config = config, input_shape = model.input_shape, options = given }
  if text then table.insert(list, { key = export.OWN, value = text }) end
end

--- The file of a model as a table, by the messages of moonbow.exchange.onnx_schema.
-- @param options checked, with the axis as a list
function export.describe(model, options)
  local shape, form = read_model(model, options)
  local steps = preprocess.check("export_onnx", options.preprocessing or {})
  local graph = Graph.new()
  graph.folds_batch_norm = options.fold_batch_norm
  local x, given = add_inputs(graph, model, steps, shape)
  local made = write_model(graph, model, form, x, options)
  local metadata = metadata_of(model, options, steps)
  add_own(metadata, model, options)
  return {
    ir_version = IR, producer_name = "moonbow", producer_version = core.version,
    opset_import = opsets_of(graph), metadata_props = metadata,
    graph = { name = "moonbow", node = graph.nodes, initializer = graph.initializers,
      input = value_infos(given), output = value_infos(made) },
  }
end

local function write(path, model)
  local bytes = protobuf.encode(schema, "Model", model)
  if bytes.size > MOST_BYTES then
    check.fail("export_onnx", "the file would have %.1f GB; one file of ONNX holds at most 2.1 GB", bytes.size / 1e9)
  end
  return files.write(path, function(put)
    for _, chunk in ipairs(bytes) do put(core.is_tensor(chunk) and core.tobytes(chunk) or chunk) end
  end)
end

--- Writes a model as a file of ONNX (opset 17, IR 8), which other programs run: see docs/exchange.md. The raw spectra
-- go in, as "spectra" (batch, length, channels); preprocessing, network and softmax are in the graph. The output is
-- "probabilities" (batch, classes), or else "output"; an nn.Graph has inputs and outputs of its own names. What mb.load
-- gives beside a model is what this takes as options. Takes networks of moonbow's layers, mb.forest, mb.linear,
-- mb.logistic, mb.pca (scores), mb.pls, mb.plsda, mb.ridge, and fitted pipelines of these. Raises for what ONNX cannot
-- say, with its place: functions in Lua, layers of nn.class, steps that iterate.
-- @param model layer|forest|linear|logistic|pca|pls|plsda|ridge|fitted the model, built or fitted
-- @param path string of the file
-- @option classes names in order, as many as the model has outputs, all different: metadata
-- @option axis of the raw spectra, a tensor or list: metadata
-- @option unit of the axis: metadata
-- @option quantity what the values are: metadata
-- @option note a text: metadata
-- @option preprocessing fitted steps, from mb.preprocess.fit
-- @option training how the model was trained: metadata, unless its weights were replaced since
-- @option validation of mb.cross_validate: its figures, as mb.load gives them: metadata, with the same condition
-- @option probabilities true: the softmax of the logits is the output; unless given, for fitted classifiers that have
--   probabilities, and for networks that do not end in one if there are classes
-- @option fold_batch_norm true: what stands behind a convolution becomes part of its weights
-- @option channels of the spectra, for fitted models, which know the number of values only
-- @return boolean true; or nil and a message
-- @usage
-- local model, info = assert(mb.load "model.safetensors")
-- assert(mb.export_onnx(model, "model.onnx", info))
function export.export_onnx(model, path, options)
  check.kind("export_onnx", "path", path, "string")
  model, options = unwrap(model, options)
  options = check.options("export_onnx", options, known)
  check.distinct("export_onnx", "classes", options.classes or {})
  options.axis = options.axis and check.numbers("export_onnx", "axis", options.axis)
  for _, claim in ipairs { "training", "validation" } do options[claim] = record.valid(model, options[claim]) end
  return write(path, export.describe(model, options))
end

check.takes(export.export_onnx, 3, known)

return export
