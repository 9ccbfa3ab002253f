--- What each layer makes of a batch.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local inputs = require "moonbow.nn.inputs"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"
local Layer = require "moonbow.nn.layer"

--- The outputs of all layers for a batch, in the order of their use: a list of { path, layer, output }. maps["2.1"] is
-- the output of the layer at that path; a layer that stands in several places has one in each. print(maps) shows
-- shapes and ranges.
--
-- @class maps
local Maps = {}

local function share_of_zeros(x) return core.mean(core.eq(x, 0)):item() end

local function show(maps)
  local rows = { { "layer", "type", "output", "least", "mean", "greatest", "zeros" } }
  for i, map in ipairs(maps) do
    local stats = core.describe(map.output)
    rows[i + 1] = { map.path, map.layer.type, table.concat(core.shape(map.output), " x "), ("%.4g"):format(stats.min),
      ("%.4g"):format(stats.mean), ("%.4g"):format(stats.max), ("%.0f %%"):format(100 * share_of_zeros(map.output)) }
  end
  return text_table.format(rows, { left = 3 })
end

-- The output at a path, as one spectrum's (L, C).
local function map_of(maps, path, row)
  local map, paths = nil, {}
  for i, entry in ipairs(maps) do
    paths[i] = entry.path
    if entry.path == path then map = entry.output end
  end
  if not map then check.name("maps:plot", "path", path, paths) end
  if core.rank(map) ~= 3 then
    check.fail("maps:plot", "layer %s: expected a map (N, L, C), got shape %s", path, check.show_shape(core.shape(map)))
  end
  if row > core.size(map, 1) then
    check.fail("maps:plot", "row: expected at most %d, got %d", core.size(map, 1), row)
  end
  return core.row(map, row)
end

local known = { row = check.default(1, "positive integer"), axis = check.optional "table|tensor",
  x_label = check.optional "string" }

--- Draws the map of a layer for one spectrum: the position along the spectrum to the right, a channel in each row.
-- @param path string of the layer
-- @option row of the batch
-- @option axis of the spectra, a number for each point; 1, 2, ... unless given
-- @option x_label text, units included
-- @return figure
-- @usage mb.models.cnn { classes = 2 }:maps(x):plot("1"):save "maps.svg"
function Maps:plot(path, options)
  options = check.options("maps:plot", options, known)
  local map = map_of(self, path, options.row)
  return require("moonbow.plot").heatmap { z = core.transpose(map, 1, 2),
    x = self.positions(path, options.axis),
    x_label = options.x_label, y_label = "channel", title = ("layer %s"):format(path) }
end

check.takes(Maps.plot, 2, known)

local make = shown.kind("maps", show, Maps)
Maps.__index = Maps
counted.methods(Maps, "maps:")

-- The points of the spectrum, from 1, on which the outputs of a layer are centred, as positions on an axis.
local function positions_by(nodes)
  return function(path, axis)
    local list = axis and check.numbers("maps:plot", "axis", axis)
    local centres, points
    if nodes[path] then centres, points = Layer.centres(nodes[path]) end
    if not centres then check.fail("maps:plot", "layer %s: it is not known which input leads to it", path) end
    if list and #list ~= points then
      check.fail("maps:plot", "axis: expected %d numbers, one for each point, got %d", points, #list)
    end
    for i, centre in ipairs(list and centres or {}) do
      local low = math.max(1, math.min(#list - 1, centre // 1 | 0))
      centres[i] = #list > 1 and list[low] + (centre - low) * (list[low + 1] - list[low]) or list[1]
    end
    return centres
  end
end

-- The paths of the places in which each layer stands, in the order of their use; and the nodes by path.
local function places_of(layer, shape)
  local paths, nodes, steps = {}, {}, layer:trace(shape, "maps")
  layer:wired(steps)
  for _, step in ipairs(steps) do
    local node, own = step.value or step, paths[step.layer] or {}
    own[#own + 1], paths[step.layer] = step.path, own
    nodes[step.path] = node.from and node or nil
  end
  return paths, nodes
end

-- Gives maps, in the order of their use, the paths of their places; a layer that no trace tells of has that of its
-- first place.
local function placed(maps, layer, shape)
  local paths, nodes = places_of(layer, shape)
  local first, uses = {}, {}
  layer:visit(function(part, path) first[part] = path end)
  for _, map in ipairs(maps) do
    local use = (uses[map.layer] or 0) + 1
    uses[map.layer] = use
    map.path = (paths[map.layer] or {})[use] or first[map.layer] or "?"
    maps[map.path] = map.output
  end
  maps.positions = positions_by(nodes)
  return maps
end

--- Runs the layer on x in evaluation mode, unfused and unrecorded, and keeps what each layer in it makes.
-- @param x tensor|table (N, L, C); a Graph of several inputs takes tensors by their names
-- @return maps
-- @usage print(model:maps(x)["1"]:shape())
function Layer.maps(layer, x)
  if not core.is_tensor(x) then
    x = layer.takes_named and inputs.read(layer, x) or check.kind("maps", "x", x, "tensor")
  end
  local shape = inputs.map(x, function(part) return { table.unpack(core.shape(part), 2) } end)
  local _ <close> = layer:keep_modes()
  layer:eval()
  if not layer.made then layer:build(shape) end
  local maps = {}
  Layer.traced_apart(function(part, _, y)
    if part ~= layer or not part.layers then maps[#maps + 1] = { layer = part, output = y } end
  end, autograd.no_grad, layer, x)
  return make(placed(maps, layer, shape))
end
