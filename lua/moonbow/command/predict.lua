--- The command moonbow predict: what a saved model makes of files of spectra, as CSV or JSON.
local mb = require "moonbow" -- as a whole, so that messages name no place in its sources
local core = require "moonbow.core"
local check = require "moonbow.check"
local json = require "moonbow.io.json"
local Layer = require "moonbow.nn.layer"
local sets = require "moonbow.spectra.set"

local function fail(format, ...) error({ command = format:format(...) }, 0) end

local usage = [[
usage: moonbow predict [--json] [--] MODEL FILE...
MODEL is a file that mb.save wrote; FILE are files or folders of spectra, of any format that
mb.spectra.read takes; each spectrum is brought to the axis of the model by itself.
Prints the name of each spectrum, its class, and the probability of each class (the score, for models
that have no probabilities; the numbers, for models of numbers), as CSV, or as JSON. Of labels of which
several may hold, class has all that do, with "; " between them.]]

-- Returns the options and the other arguments.
local function parse(arguments)
  local options, others = {}, {}
  for _, argument in ipairs(arguments) do
    if options.ended then others[#others + 1] = argument
    elseif argument == "--" then options.ended = true
    elseif argument == "--json" then options.json = true
    elseif argument == "--help" or argument == "-h" then options.help = true
    elseif argument:find "^%-." then fail("unknown option %s\n%s", check.printable(argument), usage)
    else others[#others + 1] = argument end
  end
  return options, others
end

local function name_of(class, classes) return tostring(classes and classes[class] or class) end

-- The name of a class; or those of the labels that hold, of marks of 0 and 1.
local function class_text(found, classes)
  if type(found) == "number" then return name_of(found // 1 | 0, classes) end
  local names = {}
  for k, mark in ipairs(found) do names[#names + 1] = mark == 1 and name_of(k, classes) or nil end
  return table.concat(names, "; ")
end

-- The rows of a set: { name, class (nil for numbers), values }.
local function rows_of(model, set, classes)
  local predicted, scores = mb.predict(model, set)
  local values, rows = core.totable(scores or core.reshape(predicted, #set.names, -1)), {}
  local found = scores and core.totable(predicted)
  for n, name in ipairs(set.names) do
    rows[n] = { name = name, class = found and class_text(found[n], classes), values = values[n] }
  end
  return rows
end

-- The names of the columns of values.
local function columns_of(rows, classes)
  local names, count = {}, #rows[1].values
  for k = 1, count do
    names[k] = rows[1].class and tostring(classes and classes[k] or k) or count == 1 and "value" or "value " .. k
  end
  return names
end

local function quote(text)
  return text:find '[,"\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

local function as_csv(rows, columns)
  local lines = {}
  local function add(cells)
    for i, cell in ipairs(cells) do cells[i] = type(cell) == "number" and ("%.7g"):format(cell) or quote(cell) end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  add { "name", table.unpack(rows[1].class and { "class", table.unpack(columns) } or { table.unpack(columns) }) }
  for _, row in ipairs(rows) do add { row.name, table.unpack(row.class and { row.class, table.unpack(row.values) }
    or row.values) } end
  return table.concat(lines, "\n")
end

-- What the values of a model are.
local function kind_of(model, row)
  if not row.class then return "values" end
  local has_probabilities = Layer.is_layer(model) or model.loss ~= "svm" and model.predict_proba
  return has_probabilities and "probabilities" or "scores"
end

local function as_json(rows, columns, kind)
  check.distinct("--json", "classes", columns) -- files of older versions may have names that do not
  local list = {}
  for n, row in ipairs(rows) do
    local values = {}
    for k, column in ipairs(columns) do values[column] = row.values[k] end
    list[n] = { name = row.name, class = row.class, [kind] = values }
  end
  local text, err = json.encode(list)
  return text or fail("%s", err)
end

local function run(arguments)
  local options, others = parse(arguments)
  if options.help then return usage end
  if #others < 2 then fail("a model and a file are needed\n%s", usage) end
  local model, info = mb.load(others[1])
  if not model then fail("%s", info) end
  local rows = {}
  for i = 2, #others do
    local list, err = sets.read_apart(others[i])
    if not list then fail("%s", err) end
    for _, set in ipairs(list) do table.move(rows_of(model, set, info.classes), 1, #set.names, #rows + 1, rows) end
  end
  local columns = columns_of(rows, info.classes)
  return options.json and as_json(rows, columns, kind_of(model, rows[1])) or as_csv(rows, columns)
end

--- Runs the command and ends the process: with code 0, or with 1 and a message.
-- @param arguments list of texts
return function(arguments)
  local ok, text = pcall(run, arguments)
  if ok then
    local is_written, why = io.stdout:write(text, "\n")
    if is_written then is_written, why = io.stdout:flush() end
    if is_written then os.exit(0, true) end
    text = { command = ("the output cannot be written: %s"):format(why) }
  end
  text = type(text) == "table" and text.command or check.reason(text)
  text = text:gsub("; if the files are wrong, say so: .*$", "") -- by a call, which a shell has not
  io.stderr:write("moonbow predict: ", text, "\n")
  os.exit(1, true)
end
