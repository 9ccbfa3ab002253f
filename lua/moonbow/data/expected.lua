--- What a loaded model expects of spectra, so that it can prepare them itself.
local check = require "moonbow.check"
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local preprocess = require "moonbow.data.preprocess"
local sets = require "moonbow.spectra.set"

local expected = {}

local infos = setmetatable({}, { __mode = "k" }) -- model -> what mb.load returned beside it

--- Remembers what came with a model. Returns the model.
function expected.remember(model, info)
  infos[model] = info
  return model
end

--- Returns what came with a model, or nil.
function expected.of(model) return infos[model] end

local function check_same(operation, key, name, info, set)
  if info[key] and set[key] and info[key] ~= set[key] then
    check.fail(operation, "the model was trained on %s %s, the spectra have %s; if the files are wrong, say so: "
      .. "spectra:with { %s = '%s' }", name, info[key], set[key], key, info[key])
  end
end

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

--- Returns a set as the model expects it: in its unit and of its kind of values, or it raises; at its axis, which the
-- set must cover; with its preprocessing.
-- @return tensor (N, L, C)
function expected.prepare(operation, info, set)
  check_same(operation, "unit", "an axis in", info, set)
  check_same(operation, "quantity", "values in", info, set)
  local axis = core.is_tensor(info.axis) and core.totable(info.axis) or info.axis
  if axis then set = at_axis(operation, set, axis) end
  if not info.preprocessing then return set.x end
  return preprocess.apply(info.preprocessing, set).x
end

return expected
