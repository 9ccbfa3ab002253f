--- Weights of the points of spectra, as the functions of mb.explain give them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"

--- How much each point of some spectra counts for an output of a model. print(attribution) names the points that count
-- most on average.
--
-- @class attribution
-- @field method string "saliency", "integrated_gradients", "grad_cam" or "occlusion"
-- @field values tensor (N, L): the weight of each point
-- @field axis table the position of each point; 1, 2, ... for a tensor without an axis
-- @field target table for each spectrum the number of the output that is explained: a class, of classes
-- @field x tensor (N, L): the spectra as the model got them, the mean of their channels
-- @field gap number of integrated_gradients: the largest difference between the sum of a spectrum's weights and the
--   change of its output, as a share of the mean change
local Attribution = {}

local MOST_NAMED = 5

local function mean_weight(attribution) return core.totable(core.mean(core.abs(attribution.values), 1)) end

-- The points of which the mean weight is largest, one for each hump.
local function strongest(attribution)
  local weights, order, names = mean_weight(attribution), {}, {}
  for i, weight in ipairs(weights) do
    local left, right = weights[i - 1] or -1, weights[i + 1] or -1
    if weight > left and weight >= right and weight > 0 then order[#order + 1] = i end
  end
  table.sort(order, function(a, b) return weights[a] > weights[b] or weights[a] == weights[b] and a < b end)
  for k = 1, math.min(MOST_NAMED, #order) do names[k] = ("%.6g"):format(attribution.axis[order[k]]) end
  return #names > 0 and table.concat(names, ", ") or "no point"
end

local function show(attribution)
  return ("%s of %s, %s; most weight on average at %s"):format(attribution.method,
    check.show_count(core.size(attribution.values, 1), "spectrum", "spectra"),
    check.show_count(#attribution.axis, "point"), strongest(attribution))
end

-- A border of each spectrum: one number for all, or one for each.
local function borders(attribution, name, value)
  local n, list = core.size(attribution.values, 1), {}
  if type(value) == "number" then
    for i = 1, n do list[i] = check.kind("attribution:share", name, value, "finite") end
    return list
  end
  list = check.numbers("attribution:share", name, check.kind("attribution:share", name, value, "table|tensor"))
  if #list ~= n then
    check.fail("attribution:share", "%s: expected a number, or %d of them, one per spectrum, got %d", name, n, #list)
  end
  return list
end

--- The share of each spectrum's weight, regardless of sign, that lies between two positions of the axis, which are
-- taken in either order.
-- @param low number|table|tensor one end, one for all spectra or one for each
-- @param high number|table|tensor the other end, likewise
-- @return tensor (N) from 0 to 1; 0 for a spectrum without any weight
-- @usage local share = mb.explain.saliency(model, x):share(450, 550):mean():item()
function Attribution:share(low, high)
  low, high = core.tensor(borders(self, "low", low)), core.tensor(borders(self, "high", high))
  local axis, n = core.reshape(core.tensor(self.axis), 1, -1), core.size(self.values, 1)
  local least, most = core.reshape(core.minimum(low, high), n, 1), core.reshape(core.maximum(low, high), n, 1)
  local inside = core.mul(core.ge(axis, least), core.le(axis, most))
  local weights = core.abs(self.values)
  local total = core.sum(weights, 2)
  return core.div(core.sum(core.mul(weights, inside), 2), core.maximum(total, 1e-30))
end

local known = { row = check.optional "positive integer", title = check.optional "string",
  width = check.default(640, "positive integer"), height = check.default(260, "positive integer") }

--- Draws a spectrum above its weights, on the same axis: the means over all spectra, or one of them.
-- @option row the spectrum; all unless given
-- @option title above the plot
-- @option width in pixels of 1/96 inch
-- @option height of each of both panels
-- @return figure
-- @usage mb.explain.saliency(model, x):plot { row = 1 }:save "saliency.svg"
function Attribution:plot(options)
  options = check.options("attribution:plot", options, known)
  local n, row = core.size(self.values, 1), options.row
  if row and row > n then check.fail("attribution:plot", "row: expected at most %d, got %d", n, row) end
  local function panel(x, label, title)
    return require("moonbow.plot").lines { x = self.axis, y = row and core.row(x, row) or core.mean(x, 1),
      x_label = self.x_label, y_label = label, reverse_x = self.falls, title = title, width = options.width,
      height = options.height }
  end
  local name = self.method:gsub("_", " ")
  local of_what = row and ("spectrum %d, output %d"):format(row, self.target[row])
    or ("mean of %s"):format(check.show_count(n, "spectrum", "spectra"))
  return require("moonbow.plot").grid { columns = 1, panels = {
    panel(self.x, "intensity", options.title or ("%s: %s"):format(name, of_what)), panel(self.values, "weight") } }
end

check.takes(Attribution.plot, 1, known)

local make = shown.kind("attribution", show, Attribution)
counted.methods(Attribution, "attribution:")

return make
