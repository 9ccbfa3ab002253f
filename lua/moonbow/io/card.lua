--- mb.card: what a saved model is, as a text.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local nn = require "moonbow.nn"
local shown = require "moonbow.shown"
local store = require "moonbow.io.store"

-- ---- the lines ----

-- "(N, 1000, 1)"; of several inputs by name "c (N, 2), x (N, 1000, 1)".
local function show_input(shape)
  if #shape > 0 then return ("(N, %s)"):format(table.concat(shape, ", ")) end
  local texts = {}
  for name, one in pairs(shape) do texts[#texts + 1] = ("%s %s"):format(check.printable(name), show_input(one)) end
  table.sort(texts)
  return table.concat(texts, ", ")
end

local function model_line(card)
  local shape = card.shape and "; takes " .. show_input(card.shape) or ""
  if card.kind ~= "network" then return "mb." .. card.kind .. shape end
  return ("network of %s, %s%s"):format(check.show_count(card.layers, "layer"),
    check.show_count(card.parameters, "parameter"), shape)
end

local function axis_line(card)
  local axis = card.axis
  return axis and ("%g to %g%s, %s"):format(axis[1], axis[#axis], card.unit and " " .. card.unit or "",
    check.show_count(#axis, "point")) or card.unit
end

local function steps_line(steps)
  local names = {}
  for i, step in ipairs(steps or {}) do names[i] = step.name end
  return #names > 0 and table.concat(names, ", ") or nil
end

local order = { "pipeline", "epochs", "most_epochs", "best_epoch", "stopped", "batch_size", "optimizer", "lr", "loss",
  "schedule", "patience", "l2", "clip_norm", "class_weights", "seed" }
local of_data = { data = true, rows = true, validation_rows = true }

-- "epochs 20, batch_size 32, ...": the known names first, then the others.
local function training_line(training)
  local texts, is_known, others = {}, {}, {}
  local function add(name)
    local value = training[name]
    if type(value) == "number" then value = ("%.6g"):format(value) end
    if value ~= nil then texts[#texts + 1] = ("%s %s"):format(name, tostring(value)) end
  end
  for _, name in ipairs(order) do
    is_known[name] = true
    add(name)
  end
  for name in pairs(training) do others[#others + 1] = not is_known[name] and not of_data[name] and name or nil end
  table.sort(others)
  for _, name in ipairs(others) do add(name) end
  return #texts > 0 and table.concat(texts, ", ") or nil
end

local function data_line(training)
  if not training.data then return nil end
  return ("%s%s, digest %s"):format(check.show_count(math.tointeger(training.rows) or 0, "spectrum", "spectra"),
    training.validation_rows and (" and %g to validate"):format(training.validation_rows) or "", training.data)
end

-- The figures of a cross-validation: a line for each metric.
local function validation_lines(validation)
  if not validation then return {} end
  local lines = { ("%s by %s: %s, %d folds%s"):format(validation.title, validation.pipeline,
    check.show_count(validation.n, "spectrum", "spectra"), validation.folds,
    validation.repeats > 1 and (", %d times"):format(validation.repeats) or "") }
  local names = check.sorted_keys(validation.mean)
  for _, name in ipairs(names) do
    local interval = validation.interval[name]
    lines[#lines + 1] = ("%s %.4g%s"):format((name:gsub("_", " ")), validation.mean[name],
      interval and (", 95 %% interval %.4g to %.4g"):format(interval[1], interval[2]) or "")
  end
  return lines
end

local WIDTH = 17 -- of the names before the texts

local function text_of(card)
  local lines, training = {}, card.training or {}
  local function add(name, text)
    if text then lines[#lines + 1] = (name .. (" "):rep(WIDTH - #name) .. check.printable(tostring(text))) end
  end
  add("model", model_line(card))
  add("classes", card.classes and shown.list(card.classes, 20))
  add("axis", axis_line(card))
  add("values", card.quantity)
  add("preprocessing", steps_line(card.preprocessing))
  add("training", training_line(training))
  add("data", data_line(training))
  for i, line in ipairs(validation_lines(card.validation)) do add(i == 1 and "cross-validated" or "", line) end
  add("note", card.note)
  add("moonbow", card.version)
  add("digest", card.digest)
  return table.concat(lines, "\n")
end

-- ---- the card ----

local make = shown.kind("card", text_of)

local function texts(list)
  local copy = {}
  for i, value in ipairs(list) do copy[i] = tostring(value) end
  return copy
end

--- What a model that mb.save wrote is: print shows its kind and size, classes, axis, unit, preprocessing, how it was
-- trained (options, seed, digest of the data), cross-validated figures if mb.save was given some, the version of
-- moonbow that wrote it, and the digest of the file. mb.save keeps what mb.fit and pipelines know of the training by
-- itself, as long as the weights are those of that training.
-- @param path string of the file
-- @return table the card, with what is printed as fields: kind, layers, parameters, shape, classes, axis, unit,
--   quantity, preprocessing, training, validation, note, version, digest; or nil and a message
-- @usage
-- assert(mb.save(model, "model.safetensors"))
-- print(mb.card "model.safetensors")
return function(path)
  check.kind("card", "path", path, "string")
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  local model, info, version = store.load(path)
  if not model then return nil, info end
  local is_layer, layers = nn.is_layer(model), 0
  if is_layer then
    model:visit(function(layer) layers = layers + (layer.layers and 0 or 1) end)
  end
  return make { kind = is_layer and "network" or model.kind, layers = is_layer and layers or nil,
    parameters = is_layer and model:count_parameters() or nil, shape = model.input_shape,
    classes = info.classes and texts(info.classes),
    axis = core.is_tensor(info.axis) and core.totable(info.axis) or info.axis, unit = info.unit,
    quantity = info.quantity, preprocessing = info.preprocessing, training = info.training,
    validation = info.validation, note = info.note, version = version,
    digest = ("%016x"):format(core.digest(bytes, 0)) }
end
