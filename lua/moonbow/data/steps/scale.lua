--- Steps that scale spectra, or take the scatter of light out of them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local in_percent = require "moonbow.spectra.percent"
local scatter = require "moonbow.data.scatter"
local units = require "moonbow.spectra.units"

local function scaled(name) return function(x) return core.scale(x, name) end end

-- The mean absolute value or the maximum of each spectrum and channel within points first to first + count - 1.
local function size_of(x, first, count, by)
  local part = core.slice(x, 2, first, count)
  if by == "max" then return core.max(part, 2) end
  return core.mean(core.abs(part), 2)
end

local no_reflectance = { absorbance = true, ["log(1/R)"] = true, ["Kubelka-Munk"] = true }

-- Returns the option percent for the reflectance of a set, which must not contradict it; given is nil to ask the set.
local function percent_of(set, given)
  local name = "kubelka_munk"
  if no_reflectance[set.quantity] then check.fail(name, "expected reflectance, the set holds %s", set.quantity) end
  if given == nil and set.quantity == "preprocessed" then
    check.fail(name, "percent: expected true or false, since a preprocessed set does not say")
  end
  if given == nil then return set.percent or in_percent(set.quantity, { set.x }) end
  if not given and set.percent then
    check.fail(name, "percent: expected values from 0 to 1, the set says that its are in percent")
  elseif given and units.is_percentage[set.quantity] and not (set.percent or in_percent(set.quantity, { set.x })) then
    check.fail(name, "percent: expected values in percent, the set says that its are from 0 to 1; if it is wrong, say "
      .. "so: spectra:with { percent = true }")
  end
  return given
end

return {
  --- Standard normal variate: each spectrum to mean 0 and sd 1 (Barnes et al. 1989). The sd of n points is that of all
  -- (divided by n), where Barnes et al. divide by n - 1: values are larger by the factor sqrt(n / (n - 1)).
  snv = { rescales = true, apply = scaled "snv" },
  --- Each spectrum to minimum 0 and maximum 1.
  min_max = { rescales = true, apply = scaled "min_max" },
  --- Each spectrum to maximum 1. Raises for one with values below 0 and none above: division would turn it upside down.
  max = { rescales = true, apply = scaled "max" },
  --- Each spectrum to mean absolute value 1.
  area = { rescales = true, apply = scaled "area" },
  --- Each spectrum to mean absolute value 1, or maximum 1, within a band of the axis, such as that of a standard.
  -- @option low one end of the band, in the axis' unit
  -- @option high the other end
  -- @option by the mean absolute value within the band ("area"), or the maximum ("max")
  -- @option axis a list or tensor with the position of each point; a set of spectra knows it
  normalize_band = {
    rescales = true,
    takes_axis = true,
    options = { low = check.required "number", high = check.required "number", axis = check.required "table|tensor",
      by = check.one_of("area", { "area", "max" }) },
    prepare = function(options) options.axis = check.numbers("normalize_band", "axis", options.axis) end,
    apply = function(x, options)
      if core.size(x, 2) ~= #options.axis then
        check.fail("normalize_band", "the axis has %d points, the spectra have %d", #options.axis, core.size(x, 2))
      end
      local first, last = axes.within(options.axis, options.low, options.high)
      if not first then
        check.fail("normalize_band", "no point of the axis lies within %g to %g", options.low, options.high)
      end
      local size = size_of(x, first, last - first + 1, options.by)
      if core.describe(size).min <= 0 then
        check.fail("normalize_band", "a spectrum is not above 0 within the band")
      end
      return core.div(x, core.reshape(size, core.size(x, 1), 1, core.size(x, 3)))
    end,
  },
  --- Each point to mean 0 and sd 1 over the training spectra.
  standardize = {
    rescales = true,
    learned = { "mean", "sd" },
    fit = function(x)
      local mean, sd = core.column_statistics(x)
      return { mean = mean, sd = sd }
    end,
    apply = function(x, _, fitted) return core.standardize(x, fitted.mean, fitted.sd) end,
  },
  --- Multiplicative scatter correction: each spectrum less its offset and divided by its slope against the mean of the
  -- training spectra (Geladi, MacDougall and Martens 1985). Raises for a spectrum that falls where the mean rises.
  msc = {
    learned = { "reference" },
    fit = scatter.reference,
    apply = function(x, _, fitted) return scatter.correct("msc", x, fitted.reference, 0) end,
  },
  --- Extended multiplicative scatter correction: also less a polynomial along the points (Martens and Stark 1991).
  -- @option degree of the polynomial, at most 8; 0 is msc
  emsc = {
    options = { degree = check.default(2, "non-negative integer") },
    learned = { "reference" },
    prepare = function(options)
      if options.degree > 8 then check.fail("emsc", "degree: expected at most 8, got %d", options.degree) end
    end,
    fit = scatter.reference,
    apply = function(x, options, fitted) return scatter.correct("emsc", x, fitted.reference, options.degree) end,
  },
  --- Reflectance R to (1 - R)^2 / (2 R), which is proportional to concentration (Kubelka and Munk 1931). Raises for
  -- reflectance that is not above 0, for a set of absorbance, and for a set in percent if it was fitted on values from
  -- 0 to 1, or the reverse.
  -- @option percent true: the values are in percent; a set of raw spectra knows it. Default for a tensor: false
  kubelka_munk = {
    rescales = true,
    percent_of = percent_of,
    options = { percent = check.optional "boolean" },
    prepare = function(options) options.percent = options.percent or false end,
    apply = function(x, options)
      local r = options.percent and core.mul(x, 0.01) or x
      local least = core.describe(r).min
      if least <= 0 then check.fail("kubelka_munk", "expected reflectance above 0, got %g", least) end
      local rest = core.sub(1, r)
      return core.div(core.mul(rest, rest), core.mul(r, 2))
    end,
  },
}
