--- What a loaded model expects of spectra, so that it can prepare them itself.
local check = require "moonbow.check"
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local preprocess = require "moonbow.data.preprocess"
local sets = require "moonbow.spectra.set"
local known_steps = require "moonbow.data.steps"

local expected = {}

local infos = setmetatable({}, { __mode = "k" }) -- model -> what mb.load returned beside it

--- Remembers what came with a model. Returns the model.
function expected.remember(model, info)
  infos[model] = info
  return model
end

--- Returns what came with a model, or nil.
function expected.of(model) return infos[model] end

-- "a.csv: " if all spectra are from this file, else "".
local function file_of(set)
  for _, source in ipairs(set.sources) do
    if source == "" or source ~= set.sources[1] then return "" end
  end
  return check.printable(set.sources[1]) .. ": "
end

local function check_same(operation, set, key, name, wanted, got)
  if wanted and got and wanted ~= got then
    check.fail(operation, "%sthe model was trained on %s %s, the spectra have %s; if the files are wrong, say so: "
      .. "spectra:with { %s = '%s' }", file_of(set), name, wanted, got, key, wanted)
  end
end

--- What the values of a set are, as the option quantity of spectra:with takes it: "absorbance", "%transmittance".
function expected.quantity(set) return set.quantity and (set.percent and "%" or "") .. set.quantity end

-- The set at the model's axis: its points in the other order, or interpolated.
local function at_axis(operation, set, axis)
  if #axis > 1 and axes.direction(axis) ~= set.direction then set = set:flip() end
  if not axes.difference(axis, set.axis) then return set end
  local resampled, why = sets.resampled(set, axis)
  if not resampled then
    check.fail(operation, "%sthe spectra do not cover the axis of the model: %s", file_of(set), why)
  end
  return resampled
end

-- Raises if steps of the model were applied to a set already: they would be twice. Others may have come before them.
local function check_raw(operation, info, set)
  if set.quantity ~= "preprocessed" or info.quantity == "preprocessed" then return end
  local own = {}
  for _, step in ipairs(info.preprocessing or {}) do own[step.name] = true end
  for name in set.decided:gmatch "[%w_]+" do
    if own[name] then
      check.fail(operation, "the spectra are preprocessed already (%s), and the model does it itself: give it the raw "
        .. "ones, or the tensor set.x of these", check.printable(set.decided))
    end
  end
end

--- The axis of a model as a list; nil if it has none.
function expected.axis(info) return core.is_tensor(info.axis) and core.totable(info.axis) or info.axis end

--- Returns a set at the axis of the model, which the set must cover, or raises if it is not in its unit or not of its
-- kind of values.
function expected.placed(operation, info, set)
  check_same(operation, set, "unit", "an axis in", info.unit, set.unit)
  check_same(operation, set, "quantity", "values in", info.quantity, expected.quantity(set))
  local axis = expected.axis(info)
  return axis and at_axis(operation, set, axis) or set
end

--- Returns a set as the model expects it: as expected.placed does, and with its preprocessing. Also returns the set
-- before it.
function expected.prepared(operation, info, set)
  local steps = info.preprocessing
  check_raw(operation, info, set)
  set = expected.placed(operation, info, set)
  return steps and preprocess.apply(steps, set) or set, set
end

--- Returns a set as a model from mb.load expects it; anything else as it is, and for any other model.
function expected.of_loaded(operation, model, x)
  local info = infos[model]
  return info and sets.is(x) and expected.prepared(operation, info, x) or x
end

--- Returns raw spectra, a tensor or a set, as a fitted pipeline expects them. One of a fold knows nothing of its set.
function expected.of_pipeline(operation, fitted, x)
  if sets.is(x) and fitted.axis then return (expected.prepared(operation, fitted, x)) end
  return preprocess.apply(fitted.preprocessing, x)
end

--- The axes of spectra before and after of_pipeline or of_loaded prepared them: of a set those of the sets, of a tensor
-- those of the steps that change the axis; nil if none does.
-- @param x raw spectra
-- @param prepared what became of them
function expected.axes(model, x, prepared)
  if sets.is(x) then return x.axis, prepared.axis end
  local before, after
  for _, step in ipairs(model.preprocessing) do
    local new_axis = known_steps[step.name].new_axis
    if new_axis then before, after = before or step.options.axis, new_axis(step.options) end
  end
  return before, after
end

--- Returns the spectra (N, L, C) of a set as the model expects it.
function expected.prepare(operation, info, set) return expected.prepared(operation, info, set).x end

return expected
