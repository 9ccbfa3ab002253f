--- What is to be predicted from which spectra: read from a set and the options label, target and groups.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local regressor = require "moonbow.baselines.regressor"
local trained = require "moonbow.train.sets"
local values_of = require "moonbow.data.values_of"

local problem = {}

--- The options, for those who read a problem. task: what y of a table is, "class" or "number", if the model predicts
-- both.
problem.known = {
  label = check.optional "string", target = check.optional "string|table",
  groups = check.optional "string|table|tensor", task = check.optional "string",
}

local function is_set(data) return values_of(data) ~= data end

-- Classes or numbers of a set by the names of its labels.
local function read_set(operation, data, options, names)
  if (options.label == nil) == (options.target == nil) then
    check.fail(operation, "expected either label (classes) or target (numbers), got %s", options.label and "both"
      or "neither")
  end
  if options.label then
    local y, order = data:classes(options.label, names)
    local list = core.totable(y)
    for i, class in ipairs(list) do list[i] = class // 1 | 0 end
    return { task = "class", y = list, names = order, title = options.label }
  end
  local y = data:targets(options.target)
  local title = type(options.target) == "table" and table.concat(options.target, ", ") or options.target
  return { task = "number", y = y, title = title }
end

-- What a model is to predict: of one that predicts both classes, unless the options say otherwise.
local function read_task(operation, y, task, given)
  if given then check.name(operation, "task", given, { "class", "number" }) end
  if task ~= "both" and given and given ~= task then
    check.fail(operation, "task: the model predicts %s, got %s", task == "class" and "classes" or "numbers",
      check.show(given))
  end
  if task ~= "both" or given then return given or task end
  for i, value in ipairs(core.is_tensor(y) and core.totable(core.reshape(y, -1)) or type(y) == "table" and y or {}) do
    if type(value) == "number" and not math.tointeger(value) then
      check.fail(operation, "data.y: row %d: expected a class number, got %s; for numbers give task = 'number'", i,
        check.show(value))
    end
  end
  return "class"
end

-- Classes or numbers of a table { x, y }, by what the model predicts.
local function read_table(operation, data, options, task)
  check.kind(operation, "data.x", data.x, "tensor")
  if options.label or options.target then
    check.fail(operation, "label and target name the labels of a set of spectra; a table has y")
  end
  trained.without_weights(operation, "data", data)
  local n = core.size(data.x, 1)
  task = read_task(operation, data.y, task, options.task)
  if task ~= "number" then
    local names = trained.class_names(operation, "data", data)
    local y, largest = labels.classes(operation, "y", data.y, n, names and #names)
    return { task = "class", y = y, classes = names and #names or largest, names = names, title = "class" }
  end
  local _, _, y = regressor.arguments(operation, data.x, data.y, {}, {})
  return { task = "number", y = y, title = "y" }
end

-- The names of labels of a set; nil for groups of the rows, which a list of as many entries as there are rows holds
-- unless all of them name labels.
local function columns_of(operation, data, given, n)
  if type(given) == "string" and not is_set(data) then
    check.fail(operation, "groups: expected one group for each row, got %s; only a set has labels", check.show(given))
  end
  if type(given) == "string" then return { given } end
  if not is_set(data) or core.is_tensor(given) then return nil end
  for _, column in ipairs(given) do
    if #given == n and not data.labels[column] then return nil end
  end
  return given
end

-- One group for each row, from names of labels, or a list or tensor; nil without groups.
local function read_groups(operation, data, given, n)
  if given == nil then return nil end
  local columns = columns_of(operation, data, given, n)
  if not columns then return labels.list(operation, "groups", given, n) end
  local lists = {}
  for c, column in ipairs(columns) do
    lists[c] = data.labels[column]
    if not lists[c] then
      check.fail(operation, "groups: no label %s; there are: %s", check.show(column), table.concat(data.columns, ", "))
    end
  end
  return labels.combined(lists)
end

--- Reads a problem.
-- @param data a set of spectra, or { x = (N, L, C), y = class numbers or numbers, classes = names (optional) }
-- @param options { label, target, groups, task }
-- @param task of the pipeline: "class", "number" or "both"
-- @param names? of the classes in the order of a fitted model's outputs
-- @return { data, x, task, y (list of class numbers, or tensor (N, M)), classes, names, groups, n, title }
function problem.read(operation, data, options, task, names)
  check.kind(operation, "data", data, "table")
  local read = is_set(data) and read_set(operation, data, options, names) or read_table(operation, data, options, task)
  if task ~= "both" and task ~= read.task then
    check.fail(operation, "the model predicts %s, the data hold %s", task == "class" and "classes" or "numbers",
      read.task == "class" and "classes (label)" or "numbers (target)")
  end
  read.data, read.x = is_set(data) and data or data.x, values_of(is_set(data) and data or data.x)
  read.n = core.size(read.x, 1)
  read.groups = read_groups(operation, data, options.groups, read.n)
  read.classes = read.names and #read.names or read.classes
  return read
end

--- The class of each row, by name if the classes have names, so that warnings can say it; nil for numbers.
function problem.class_list(read)
  if read.task ~= "class" then return nil end
  local list = {}
  for i, class in ipairs(read.y) do list[i] = read.names and read.names[class] or class end
  return list
end

local function pick(list, rows)
  local picked = {}
  for i, row in ipairs(rows) do picked[i] = list[row] end
  return picked
end

--- The rows of a problem as lists of whole numbers.
function problem.rows(tensor)
  local rows = core.totable(tensor)
  for i, row in ipairs(rows) do rows[i] = row // 1 | 0 end
  return rows
end

--- The part of a problem with some rows, as data, y and about for pipelines.fit_rows.
function problem.part(read, rows, seed)
  local data = is_set(read.data) and read.data:select(rows) or core.index(read.x, core.tensor(rows))
  local y = read.task == "class" and pick(read.y, rows) or core.index(read.y, core.tensor(rows))
  return data, y, { task = read.task, classes = read.classes, seed = seed, names = read.names,
    groups = read.groups and pick(read.groups, rows) or nil }
end

return problem
