--- The filters of a convolution and their frequency response.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

--- The filters of a convolution, each with its frequency response. print(filters) shows the norm, the sum and the
-- frequency that each lets through best.
--
-- @class filters
-- @field layer string the path of the layer
-- @field weight tensor (filters, channels, kernel)
-- @field dilation integer points of the layer's input between two points of a filter
-- @field frequency table in cycles per point of the layer's input, from 0 to 0.5
-- @field response tensor (filters, frequencies): the amplitude by which a filter multiplies a sine of this frequency,
--   the root of the sum of squares over the channels
local Filters = {}

local MOST_SHOWN = 12

local function best_frequency(filters, f)
  return filters.frequency[core.argmax(core.row(filters.response, f), 1)[1] // 1 | 0]
end

local function show(filters)
  local count = core.size(filters.weight, 1)
  local rows = { { "filter", "norm", "sum", "best frequency", "period (points)" } }
  for f = 1, math.min(count, MOST_SHOWN) do
    local weight, best = core.row(filters.weight, f), best_frequency(filters, f)
    rows[f + 1] = { f, ("%.4g"):format(math.sqrt(core.sum_squares(weight))), ("%.4g"):format(core.sum(weight):item()),
      ("%.3g"):format(best), best > 0 and ("%.3g"):format(1 / best) or "constant" }
  end
  return ("layer %s: %s of %s%s\n%s%s"):format(filters.layer, check.show_count(count, "filter"),
    check.show_count(core.size(filters.weight, 3), "point"),
    filters.dilation > 1 and (", %d apart"):format(filters.dilation) or "", text_table.format(rows),
    count > MOST_SHOWN and ("\n(the first %d)"):format(MOST_SHOWN) or "")
end

local known = { filters = check.optional "table", width = check.default(640, "positive integer"),
  height = check.default(300, "positive integer") }

local function chosen_filters(filters, given)
  local list, count = {}, core.size(filters.weight, 1)
  for f = 1, math.min(count, 4) do list[f] = f end
  list = given and check.list("filters:plot", "filters", given) or list
  if #list == 0 then check.fail("filters:plot", "filters: expected at least one, got none") end
  for i, f in ipairs(list) do
    check.kind("filters:plot", ("filters[%d]"):format(i), f, "positive integer")
    if f > count then check.fail("filters:plot", "filters[%d]: expected at most %d, got %d", i, count, f) end
  end
  return list
end

--- Draws filters, the mean over their channels, above their frequency responses.
-- @option filters a list of their numbers; the first four unless given
-- @option width in pixels of 1/96 inch
-- @option height of each of both panels
-- @return figure
-- @usage mb.explain.filters(mb.models.cnn { classes = 2, length = 100 }):plot():save "filters.svg"
function Filters:plot(options)
  options = check.options("filters:plot", options, known)
  local points, responses, x = {}, {}, {}
  for k = 1, core.size(self.weight, 3) do x[k] = (k - 1) * self.dilation + 1 end
  for i, f in ipairs(chosen_filters(self, options.filters)) do
    points[i] = { x = x, y = core.mean(core.row(self.weight, f), 1), label = ("filter %d"):format(f), style = "both" }
    responses[i] = { x = self.frequency, y = core.row(self.response, f), label = ("filter %d"):format(f) }
  end
  local plot = require "moonbow.plot"
  return plot.grid { columns = 1, panels = {
    plot.lines { series = points, x_label = "point", y_label = "weight", title = "layer " .. self.layer,
      width = options.width, height = options.height },
    plot.lines { series = responses, x_label = "frequency (cycles per point)", y_label = "response",
      width = options.width, height = options.height },
  } }
end

check.takes(Filters.plot, 1, known)

local make = shown.kind("filters", show, Filters)
counted.methods(Filters, "filters:")

-- (kernel, frequencies): cosines, or sines, at the points that a filter reads.
local function waves(f, kernel, dilation, frequencies)
  local points = core.reshape(core.arange(0, dilation, kernel), kernel, 1)
  return f(core.mul(core.mul(points, core.reshape(core.tensor(frequencies), 1, -1)), 2 * math.pi))
end

local function convolution(network, path)
  local found, paths
  network:visit(function(part, at)
    if part.type ~= "Conv1d" then return end
    paths = paths or {}
    paths[#paths + 1] = at
    if not found and (path == nil or at == path) then found = { layer = part, path = at } end
  end)
  if not paths then check.fail("explain.filters", "the network has no Conv1d") end
  if not found then check.name("explain.filters", "layer", path, paths) end
  if not found.layer.made then
    check.fail("explain.filters", "the layer has no weights yet; build the network first")
  end
  return found.layer, found.path
end

return function(network, options)
  local layer, path = convolution(network, options.layer)
  local weight, dilation = core.transpose(core.copy(layer.weight), 1, 3), layer.options.dilation
  local count, channels, kernel = table.unpack(core.shape(weight))
  local frequency = {}
  for i = 0, options.frequencies - 1 do frequency[i + 1] = 0.5 * i / math.max(options.frequencies - 1, 1) end
  local rows, squares = core.reshape(weight, count * channels, kernel), nil
  for _, f in ipairs { core.cos, core.sin } do
    local part = core.matmul(rows, waves(f, kernel, dilation, frequency))
    local square = core.sum(core.reshape(core.mul(part, part), count, channels, options.frequencies), 2)
    squares = squares and core.add(squares, square) or square
  end
  return make { layer = path, weight = weight, dilation = dilation, frequency = frequency,
    response = core.sqrt(squares) }
end
