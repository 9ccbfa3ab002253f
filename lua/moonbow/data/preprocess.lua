--- Preprocessing of spectra in steps, which are fitted on training data and stored with the model. Tensors (N, L, C)
-- give tensors, sets of spectra give sets.
--
-- A step is a name, or a table with a name and options: mb.preprocess.fit({ "snv", { "savitzky_golay", window = 15 }
-- }, x). Each has its page: mb.help 'step "snv"'. mb.preprocess.names lists them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local autograd = require "moonbow.autograd"
local interrupt = require "moonbow.interrupt"
local steps = require "moonbow.data.steps"
local values_of = require "moonbow.data.values_of"
local axes = require "moonbow.spectra.axes"
local sets = require "moonbow.spectra.set"

local preprocess = {}

--- The names of all steps of preprocessing, sorted.
preprocess.names = {}
for name in pairs(steps) do preprocess.names[#preprocess.names + 1] = name end
table.sort(preprocess.names)

local function check_x(operation, x)
  x = check.kind(operation, "x", values_of(x), "tensor")
  if core.rank(x) ~= 3 then
    check.fail(operation, "x: expected spectra (N, L, C), got shape %s", check.show_shape(core.shape(x)))
  end
  core.check_finite(operation, "x", x)
  return x
end

local function read_options(operation, name, given)
  local options = check.options(operation .. " " .. name, given, steps[name].options or {})
  if steps[name].prepare then steps[name].prepare(options) end
  return next(options) and options
end

-- Raises for the option axis if it is not that of the set, which apply would take in its place.
local function check_axis(i, step, axis)
  local why = axes.difference(axis, step.options.axis)
  if why then
    check.fail("preprocess.fit", "step %d (%s): axis: expected that of the set, or none (for another axis, make "
      .. "another set): %s", i, step.name, why)
  end
end

-- Lets a step that works on percent or on fractions know what the values of a set are, if there is one, or raises.
local function set_percent(name, options, set)
  local percent_of = set and steps[name].percent_of
  if percent_of then options.percent = percent_of(set, options.percent) end
end

-- Reads a name, or { name, option = value }. Returns the step without fitted values.
-- @param axis of the spectra, if it is known
-- @param set in whose scale the values are, if it is known
local function read_step(i, given, axis, set)
  local options, name = {}, given
  if type(given) == "table" then
    for key, value in pairs(given) do
      if key == 1 then name = value else options[key] = value end
    end
  end
  check.name("preprocess.fit", "step " .. i, name, preprocess.names)
  local takes_axis = steps[name].takes_axis and axis
  if takes_axis then options.axis = options.axis or axis end
  set_percent(name, options, set)
  local step = { name = name, options = read_options("preprocess.fit", name, options) }
  if takes_axis then check_axis(i, step, axis) end
  return step
end

-- Raises for a grid of a fitted step by its ends: fit gives a list, and few bytes of a file would stand for millions of
-- points.
local function check_grid(operation, where, grid)
  if type(grid) == "table" and #grid == 0 then
    check.fail(operation, "%s: grid: expected a list of positions, as preprocess.fit gives it, got %s", where,
      next(grid) and "another table" or "none")
  end
end

-- Reads the fitted values of a step, as fit or a file gave them.
local function read_fitted(operation, i, step)
  local where = "step " .. i
  check.kind(operation, where, step, "table")
  check.name(operation, where, step.name, preprocess.names)
  local known = { name = check.required "string", options = check.optional "table" }
  local learned = steps[step.name].learned or {}
  for _, key in ipairs(learned) do
    known[key] = check.required "table"
    check.kind(operation .. " " .. where, key, step[key], "table")
  end
  local fitted = check.options(operation .. " " .. where, step, known)
  for _, key in ipairs(learned) do
    fitted[key] = check.numbers(operation .. " " .. where, key, step[key])
    if #fitted[key] ~= #fitted[learned[1]] then
      check.fail(operation, "%s: %s: expected as many numbers as for %s, got %d", where, key, learned[1], #fitted[key])
    end
  end
  check.each(operation .. " " .. where, "sd", fitted.sd or {}, "non-negative")
  check_grid(operation, where, (step.options or {}).grid)
  fitted.options = read_options(operation, step.name, step.options)
  return fitted
end

local function apply_step(operation, fitted, x)
  local M = core.size(x, 2) * core.size(x, 3)
  if fitted.mean and #fitted.mean ~= M then
    check.fail("preprocess", "%s was fitted on %d points, the spectra have %d", fitted.name, #fitted.mean, M)
  end
  local y = steps[fitted.name].apply(x, fitted.options, fitted)
  core.check_finite(operation, "the result of " .. fitted.name, y)
  interrupt.check()
  return y
end

-- Returns a step with its options as text: "snv", or "savitzky_golay{ window = 9 }".
local function show_step(step)
  local options = {}
  for name, value in pairs(step.options or {}) do
    options[#options + 1] = ("%s = %s"):format(name, type(value) == "table" and "{ ... }" or check.show(value))
  end
  table.sort(options)
  return step.name .. (#options > 0 and "{ " .. table.concat(options, ", ") .. " }" or "")
end

local chain = shown.kind("preprocessing", function(all)
  local texts = {}
  for i, step in ipairs(all) do texts[i] = show_step(step) end
  return "preprocessing: " .. table.concat(texts, ", then ")
end)

-- Returns the axis of spectra after a step; nil if it is not known before.
local function axis_after(step, axis)
  local new_axis = steps[step.name].new_axis
  return axis and new_axis and new_axis(step.options) or axis
end

-- Gives a step the axis of a set; one that is the same but for rounding leaves each point on its side of an edge.
local function take_axis(step, axis)
  if axis and steps[step.name].takes_axis and axes.difference(step.options.axis, axis) then
    step.options.axis = axis
    step.options = read_options("preprocess.apply", step.name, step.options)
  end
end

-- Returns the set in whose scale the values are after a step; nil if there is none.
local function scale_after(step, set) return not steps[step.name].rescales and set or nil end

-- Returns what steps made of x: a set if x is one, else the tensor.
local function result(x, values, axis, all)
  if not sets.is(x) then return values end
  local names, changed = {}, { x = values, axis = axis }
  for i, step in ipairs(all) do
    names[i] = step.name
    if not steps[step.name].new_axis then changed.quantity, changed.percent = "preprocessed", false end
  end
  if changed.quantity then changed.decided = table.concat(names, ", ") end
  return sets.like(x, changed)
end

--- Fits steps on training spectra. Raises for NaN and infinity in x and in the result of a step.
-- @param names table a list of steps, each a name or a table { name, option = value, ... }
-- @param x tensor|spectra (N, L, C); the axis of a set is that of steps with an option axis, which need not be given;
--   another one raises
-- @return table the fitted steps, for preprocess.apply and mb.save
-- @return tensor|spectra (N, L, C), the processed spectra
-- @usage local steps, x = mb.preprocess.fit({ "als_baseline", "snv" }, set.train.x)
function preprocess.fit(names, x)
  check.list("preprocess.fit", "names", names)
  local values, axis = check_x("preprocess.fit", x), sets.is(x) and x.axis or nil
  local guard <close> = interrupt.catch "preprocess.fit" -- luacheck: ignore 211
  local all, set = {}, sets.is(x) and x or nil
  for i, given in ipairs(names) do
    local step = read_step(i, given, axis, set)
    for key, value in pairs(steps[step.name].fit and steps[step.name].fit(values) or {}) do step[key] = value end
    all[i], set = step, scale_after(step, set)
    values, axis = autograd.no_grad(apply_step, "preprocess.fit", step, values), axis_after(step, axis)
  end
  return chain(all), result(x, values, axis, all)
end

--- Checks fitted steps, perhaps from a file. Raises unless the steps are known, complete and finite.
-- @param operation string for the message
-- @param fitted table the steps to check
-- @return table a copy
function preprocess.check(operation, fitted)
  check.kind("preprocess.check", "operation", operation, "string")
  check.list(operation, "fitted", fitted)
  local checked = {}
  for i, step in ipairs(fitted) do checked[i] = read_fitted(operation, i, step) end
  return checked
end

--- Applies fitted steps to spectra. Raises for NaN and infinity in x and in the result of a step.
-- @param fitted table the steps from preprocess.fit
-- @param x tensor|spectra (N, L, C); steps with an option axis take that of a set in place of the one they were fitted
--   on, if they differ by more than a ten-thousandth of a step, and raise as in fit if it does not suit them
-- @return tensor|spectra (N, L, C)
function preprocess.apply(fitted, x)
  fitted = preprocess.check("preprocess.apply", fitted)
  local values, axis = check_x("preprocess.apply", x), sets.is(x) and x.axis or nil
  local guard <close> = interrupt.catch "preprocess.apply" -- luacheck: ignore 211
  local set = sets.is(x) and x or nil
  for _, step in ipairs(fitted) do
    set_percent(step.name, step.options, set)
    set = scale_after(step, set)
    take_axis(step, axis)
    values, axis = autograd.no_grad(apply_step, "preprocess.apply", step, values), axis_after(step, axis)
  end
  return result(x, values, axis, fitted)
end

return preprocess
