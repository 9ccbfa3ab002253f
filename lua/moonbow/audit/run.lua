--- Runs the rules of an audit.
local core = require "moonbow.core"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local evaluate = require "moonbow.train.evaluate"
local facts = require "moonbow.audit.facts"
local network = require "moonbow.audit.network"
local parts = require "moonbow.audit.parts"
local record = require "moonbow.train.record"
local row_losses = require "moonbow.train.row_losses"
local rules = require "moonbow.audit.rules"

-- Why a rule cannot look, by what it needs; nil if it can.
local why_not = {}

function why_not.network() end

why_not["any data"] = function(a) return not a.train and "no training spectra" or nil end

function why_not.plan(a) return why_not["any data"](a) end

function why_not.data(a)
  local is_bad = a.train and a.train.bad + (a.other and a.other.bad or 0) > 0
  return why_not["any data"](a) or is_bad and "the spectra hold NaN or infinite values" or nil
end

function why_not.classes(a)
  return why_not.data(a) or not a.parts.is_of_classes and "no classes, but numbers" or a.train_classes < 2
    and "the training spectra are of one class" or not a.varies and "the training spectra are all the same" or nil
end

why_not["other data"] = function(a)
  return why_not.data(a) or not a.other and "no test or validation spectra" or nil
end

function why_not.trained(a)
  return why_not.data(a) or not a.is_trained and "the network is not trained" or a.train.n < 2
    and "only one training spectrum" or nil
end

function why_not.judged(a)
  return why_not.classes(a) or why_not["other data"](a) or why_not.trained(a) or not a.fits
    and "the network has other outputs than one for each class" or nil
end

-- ---- reading ----

-- True for classes of a set of spectra, and for class numbers, of which binary_cross_entropy has 0 and 1 instead.
local function holds_classes(set)
  local train = set and (set.train or set)
  local y = type(train) == "table" and rawget(train, "y")
  if core.is_tensor(y) then return core.count(y) == core.size(y, 1) and core.describe(y).min >= 1 end
  for _, label in ipairs(type(y) == "table" and y or {}) do
    if type(label) ~= "number" or label < 1 then return false end
  end
  return true
end

-- What the network was trained for, by its loss; "class" if that is not known.
local function task_of(model, set)
  local kind = row_losses.kinds[(record.of(model) or {}).loss]
  if not kind or kind.reads ~= "targets" or kind.unit and holds_classes(set) then return "class" end
  return "number"
end

local function shape_of(model, train)
  if train then return { table.unpack(core.shape(train.x), 2) } end
  local shape = model.input_shape
  if shape and #shape == 0 then
    check.fail("audit", "model: expected a network of one input, spectra (N, L, C), got one of several by name")
  end
  if shape then return shape end
  check.fail("audit", "set: without one the network must have been built: model:build{ L, C }")
end

local function check_shapes(a)
  for _, name in ipairs { "validation", "test" } do
    local part = a.parts[name]
    local shape = part and core.shape(part.x)
    if part and (shape[2] ~= a.shape[1] or shape[3] ~= a.shape[2]) then
      check.fail("audit", "%s.x: expected spectra (N, %d, %d), as those of the training, got shape %s", name,
        a.shape[1], a.shape[2], check.show_shape(shape))
    end
  end
end

local function chosen_rules(names)
  if not names then return rules end
  local known, chosen = {}, {}
  for i, rule in ipairs(rules) do known[i] = rule.name end
  for i, name in ipairs(check.list("audit", "rules", names)) do check.name("audit", ("rules[%d]"):format(i), name,
    known) end
  for _, rule in ipairs(rules) do
    for _, name in ipairs(names) do
      if rule.name == name then chosen[#chosen + 1] = rule end
    end
  end
  return chosen
end

local function title_of(a)
  local model = a.model.name or "a network"
  local train = a.train
  local points = check.show_count(a.shape[1], "point")
  if not train then return ("%s for %s"):format(model, points) end
  return ("%s on %s of %s"):format(model, check.show_count(train.n, "training spectrum", "training spectra"), points)
end

-- ---- asking ----

-- What a finding says of how many spectra, if not of all.
local function text_of(a, rule, found)
  local text, seen = found.text, {}
  for _, part in ipairs(found.looked or rule.needs == "judged" and { a.judged_part } or {}) do
    local told = parts.tell(part)
    if not seen[told] then text, seen[told] = text .. told, true end
  end
  return text
end

local function finding_of(a, rule, found)
  local paths
  if found.layers then
    paths = {}
    for i, part in ipairs(found.layers) do paths[i] = part.path end
  end
  local where = found.layers and network.name(found.layers)
  return { name = rule.name, group = rule.group, is_fault = rule.is_fault or false, text = text_of(a, rule, found),
    advice = found.advice or rule.advice, source = rule.source, value = found.value, layers = paths, where = where,
    rows = found.rows }
end

local function ask(a, chosen)
  local faults, remarks, skipped, looked = {}, {}, {}, 0
  for _, rule in ipairs(chosen) do
    local why = why_not[rule.needs](a)
    local found
    if not why then found, why = rule.find(a) end
    if why then
      skipped[#skipped + 1] = { name = rule.name, why = why }
    else
      looked = looked + 1
      if found then table.insert(rule.is_fault and faults or remarks, finding_of(a, rule, found)) end
    end
  end
  return table.move(remarks, 1, #remarks, #faults + 1, faults), skipped, looked
end

--- Audits a network: returns what mb.audit returns, without its methods.
-- @param options as mb.audit has checked them
return function(model, set, options)
  local began = clock()
  evaluate.check_model("audit", model)
  options.task = options.task or task_of(model, set)
  local read = parts.read(model, set, options)
  read.is_of_classes = options.task == "class"
  local a = facts { model = model, options = options, parts = read }
  a.shape = shape_of(model, a.train)
  check_shapes(a)
  local ok, flow = pcall(network.flow, model, a.shape)
  if not ok then check.rethrow("audit: set.x: ", flow) end
  a.flow = flow
  a.fits = a.train and read.is_of_classes and #flow.outputs == 2 and flow.outputs[2] >= a.classes
  a.is_judged = why_not.judged(a) == nil
  function a.row_of(i) return a.train.rows and a.train.rows[i] or i end
  local _ <close> = model:keep_modes()
  local findings, skipped, looked = ask(a, options.rules and chosen_rules(options.rules) or rules)
  return { findings = findings, skipped = skipped, looked = looked, title = title_of(a), seconds = clock() - began }
end
