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

local function check_same(operation, key, name, wanted, got)
  if wanted and got and wanted ~= got then
    check.fail(operation, "the model was trained on %s %s, the spectra have %s; if the files are wrong, say so: "
      .. "spectra:with { %s = '%s' }", name, wanted, got, key, wanted)
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
    check.fail(operation, "the spectra do not cover the axis of the model: %s", why)
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

--- Returns a set as the model expects it: in its unit and of its kind of values, or it raises; at its axis, which the
-- set must cover; with its preprocessing. Also returns the set before it.
function expected.prepared(operation, info, set)
  local steps = info.preprocessing
  check_raw(operation, info, set)
  check_same(operation, "unit", "an axis in", info.unit, set.unit)
  check_same(operation, "quantity", "values in", info.quantity, expected.quantity(set))
  local axis = core.is_tensor(info.axis) and core.totable(info.axis) or info.axis
  if axis then set = at_axis(operation, set, axis) end
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
