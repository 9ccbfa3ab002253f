--- Several inputs of what is explained: tables by name of spectra, options and results.
local check = require "moonbow.check"
local named = require "moonbow.train.named"
local shown = require "moonbow.shown"
local values_of = require "moonbow.data.values_of"
local Layer = require "moonbow.nn.layer"

local inputs = {}

local function is_by_name(value) return named.is_table(value) and type(next(value)) == "string" end

--- The option of an input: one of a table by name, or the one that was given if the option input asks for this input.
-- @param key of the option
-- @param name of the input; nil for a single one
-- @param is_shared true: one value may be that of all inputs
function inputs.option(operation, options, key, name, is_shared)
  local given = options[key]
  if given == nil or name == nil then return given end
  if is_by_name(given) then return given[name] end
  if options.input == name or is_shared then return given end
  if options.input then return nil end
  check.fail(operation, "%s: expected a table by the names of inputs, or the option input, got %s", key,
    check.show(given))
end

--- Raises unless data are a tensor or a set, or a table of these by name that a network takes, and the option input
-- and the names of other options are among them.
-- @param name of the data in messages
function inputs.check(operation, name, model, data, options)
  if not named.is_table(data) then
    if options.input then check.fail(operation, "input: there is only one, without a name") end
    return check.kind(operation, name, values_of(data), "tensor")
  end
  if not (type(model) == "table" and Layer.is_layer(model) and model.takes_named) then
    check.kind(operation, name, data, "tensor", data.x and "give set.x" or nil)
  end
  local names = {}
  for key in pairs(data) do names[#names + 1] = tostring(key) end
  table.sort(names)
  if options.input then check.name(operation, "input", options.input, names) end
  for key, value in pairs(options) do
    for input in pairs(is_by_name(value) and value or {}) do check.name(operation, key, input, names) end
  end
end

--- Calls f(part, name) for each input that the option input asks for, all unless given, and returns its results: by
-- name, but of one that was asked for, or has no name, alone.
function inputs.of_asked(options, x, f)
  if options.input then return f(x[options.input], options.input) end
  return named.map(x, f)
end

--- Results by the names of inputs, which print each; a single result as it is.
local several = shown.kind("explanations by input", function(results)
  local lines = check.sorted_keys(results)
  for i, name in ipairs(lines) do lines[i] = ("%s: %s"):format(check.printable(name), tostring(results[name])) end
  return table.concat(lines, "\n")
end)

function inputs.results(results) return named.is_table(results) and several(results) or results end

return inputs
