--- Scales of a panel: limits, tics, labels.
local check = require "moonbow.check"
local gnuplot = require "moonbow.plot.gnuplot"
local style = require "moonbow.plot.style"
local values = require "moonbow.plot.values"

local axes = {}

local GAP = 1.5 -- characters between two labels

local function bounds(operation, name, range, log)
  local low, high = range[1], range[2]
  for key, bound in pairs(range) do
    if key ~= 1 and key ~= 2 then
      check.fail(operation, "%s: expected {low, high}, got an entry [%s]", name, check.printable(tostring(key)))
    end
    if type(bound) ~= "number" or not values.drawable(bound, log) then
      check.fail(operation, "%s: expected %snumbers {low, high}%s, got %s", name, log and "positive " or "",
        log and " above 1e-300" or "", check.show(bound))
    end
  end
  if low and high and high - low < 1e-300 then
    check.fail(operation, "%s: expected low < high, got {%.17g, %.17g}", name, low, high)
  end
  return low, high
end

local function flat(low, high, log)
  if log then return high / low < 1 + 1e-9 end
  return high - low <= math.max(1e-300, 1e-12 * math.abs(low), 1e-12 * math.abs(high))
end

-- Returns limits around a single value, for data without extent.
local function widened(low, high, log)
  if log then return low / 2, high * 2 end
  local greatest = math.max(math.abs(low), math.abs(high))
  local half = greatest < 1e-300 and 1 or 0.1 * greatest
  return low - half, high + half
end

local function padded(low, high, log, pad_low, pad_high)
  if log then
    local extent = math.log(high) - math.log(low) -- high / low may be infinite
    return math.max(1e-305, low * math.exp(-pad_low * extent)), math.min(1e305, high * math.exp(pad_high * extent))
  end
  local extent = high - low
  return low - pad_low * extent, high + pad_high * extent
end

--- Makes an axis from the range that was asked for, whose ends hold as they are, and the least and greatest number to
-- be shown. Set its field whole if only whole numbers have a meaning.
-- @param options option table with <name>_range, log_<name>, <name>_label, reverse_<name>
-- @param pad_low, pad_high margin beyond the data, as a fraction of their extent
function axes.new(operation, name, options, low, high, pad_low, pad_high)
  local log = options["log_" .. name]
  local from, to = bounds(operation, name .. "_range", options[name .. "_range"] or {}, log)
  if not low then low, high = log and 1 or 0, log and 10 or 1 end
  low, high = from or low, to or high
  if low > high then low, high = from or to, from or to end
  if flat(low, high, log) then
    low, high = widened(low, high, log)
  else
    low, high = padded(low, high, log, pad_low, pad_high)
  end
  return {
    name = name, low = from or low, high = to or high, log = log,
    label = options[name .. "_label"], reverse = options["reverse_" .. name],
  }
end

--- Returns the position of v between the ends of the axis: 0 at its left or lower end, 1 at the other.
function axes.fraction(axis, v)
  local f
  if axis.log then
    f = (math.log(v) - math.log(axis.low)) / (math.log(axis.high) - math.log(axis.low))
  else
    f = (v - axis.low) / (axis.high - axis.low)
  end
  return axis.reverse and 1 - f or f
end

function axes.shows(axis, v)
  return values.drawable(v, axis.log) and v >= axis.low and v <= axis.high
end

local none = {}

--- Returns at which parts of the way from a to b, between 0 and 1, an axis begins or ends.
function axes.crossings(axis, a, b)
  local from, to = axes.fraction(axis, a), axes.fraction(axis, b)
  if math.min(from, to) >= 0 and math.max(from, to) <= 1 then return none end
  local parts = {}
  for side = 0, 1 do
    local part = (side - from) / (to - from)
    if part > 0 and part < 1 then parts[#parts + 1] = part end
  end
  return parts
end

--- Returns the number at a part of the way from a to b, on an axis that is logarithmic or not.
function axes.between(a, b, part, log)
  return log and a ^ (1 - part) * b ^ part or a + part * (b - a)
end

local superscripts = {
  ["-"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴", ["5"] = "⁵", ["6"] = "⁶",
  ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹",
}

local function power(digit, exponent)
  if exponent >= -3 and exponent <= 4 then return ("%g"):format(digit * 10.0 ^ exponent) end
  local ten = "10" .. tostring(exponent):gsub(".", superscripts)
  return digit == 1 and ten or digit .. "×" .. ten
end

-- The greatest step of 1, 2 or 5 times a power of ten of which an extent has at least so many.
local function nice_step(extent, count)
  local power_of_ten = 10.0 ^ math.floor(math.log(extent / count, 10))
  for _, digit in ipairs { 5, 2 } do
    if extent / (digit * power_of_ten) >= count then return digit * power_of_ten end
  end
  return power_of_ten
end

-- Tics at equal distances, as on a linear axis, for a logarithmic one of a part of a decade.
local function even_tics(axis)
  local step, tics = nice_step(axis.high - axis.low, 3), {}
  for k = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9) do
    tics[#tics + 1] = ("%s %.15g 0"):format(gnuplot.tic(("%.15g"):format(k * step)), k * step)
  end
  return table.concat(tics, ", ")
end

-- Labels at 1, 2, 5 in narrow ranges and at powers of ten (each n-th) in wide ones; at equal distances if there would
-- be fewer than two: gnuplot labels decades only.
local function log_tics(axis)
  local first, last = math.floor(math.log(axis.low, 10)), math.ceil(math.log(axis.high, 10))
  local decades = math.log(axis.high, 10) - math.log(axis.low, 10)
  local every = math.ceil(decades / 8)
  local tics, labels = {}, 0
  for exponent = first, last do
    for digit = 1, 9 do
      local v = digit * 10.0 ^ exponent
      local labelled = digit == 1 and exponent % every == 0 or decades < 2.5 and (digit == 2 or digit == 5)
      local is_drawn = labelled or decades < 30 -- more tics would be one black bar
      if is_drawn and v >= axis.low * (1 - 1e-9) and v <= axis.high * (1 + 1e-9) then
        local text = labelled and power(digit, exponent) or ""
        tics[#tics + 1] = ("%s %.10g %d"):format(gnuplot.tic(text), v, labelled and 0 or 1)
        labels = labels + (labelled and 1 or 0)
      end
    end
  end
  return labels >= 2 and table.concat(tics, ", ") or even_tics(axis)
end

--- The gnuplot command for the labels of an axis: with more digits if six, gnuplot's own, would make some the same.
-- @param name? of gnuplot's axis; that of the axis unless given
function axes.labels(axis, name)
  local least_step = (axis.high - axis.low) / 20
  local greatest = math.max(math.abs(axis.low), math.abs(axis.high))
  local digits = math.floor(math.log(greatest, 10)) - math.floor(math.log(least_step, 10)) + 1
  return digits > 6 and ("set format %s '%%.%dg'"):format(name or axis.name, math.min(digits, 15)) or ""
end

-- Pixels that labels at multiples of a step take side by side.
local function width_of_labels(axis, step)
  local characters = 0
  for k = math.ceil(axis.low / step), math.floor(axis.high / step) do
    characters = characters + #("%.15g"):format(k * step) + GAP
  end
  return characters * style.character
end

-- The step of tics whose labels fit into a width, if gnuplot's, which are up to ten, may not; or nil.
local function step_that_fits(axis, width)
  for count = 9, 1, -1 do
    local step = nice_step(axis.high - axis.low, count)
    if width_of_labels(axis, step) <= width then return count < 9 and step or nil end
  end
end

--- The gnuplot commands of an axis.
-- @param width? pixels of a horizontal axis, into which its labels have to fit
function axes.commands(axis, width)
  local name, lines = axis.name, {}
  local from, to = axis.low, axis.high
  if axis.reverse then from, to = to, from end
  lines[1] = ("set %srange [%s:%s]"):format(name, values.number(from), values.number(to))
  if axis.label then lines[#lines + 1] = ("set %slabel %s"):format(name, gnuplot.label(axis.label)) end
  local is_counted = axis.whole and axis.high - axis.low < 6 and math.floor(axis.high) >= axis.low
  if is_counted then lines[#lines + 1] = ("set %stics 1"):format(name) end
  if axis.log then
    lines[#lines + 1] = "set logscale " .. name
    lines[#lines + 1] = ("set %stics (%s)"):format(name, log_tics(axis))
  else
    local step = width and not is_counted and step_that_fits(axis, width)
    if step then lines[#lines + 1] = ("set %stics %.10g"):format(name, step) end
    lines[#lines + 1] = axes.labels(axis)
  end
  return table.concat(lines, "\n")
end

return axes
