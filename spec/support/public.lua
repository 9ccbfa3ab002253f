-- Every public function: those of mb, and the methods of the objects that they make.
local mb = require "moonbow"

-- Returns the functions in a table, and in the tables without a metatable inside it, by their paths.
local function add(found, path, functions, deep)
  for key, value in pairs(functions) do
    if type(value) == "function" and key:sub(1, 2) ~= "__" then
      found[path .. key] = value
    elseif deep and type(value) == "table" and not getmetatable(value) then
      add(found, path .. key .. ".", value, deep)
    end
  end
  return found
end

local crystal = require("moonbow.xrd.crystal").new { name = "a", cell = { 4, 4, 4, 90, 90, 90 }, space_group = "P 1",
  number = 1, sites = {}, notes = {} }

local x, y = mb.tensor { { 1, 2 }, { 3, 4 } }, { 1, 2 }

local public = { functions = add({}, "", mb, true) }

--- Objects with methods, by the name of their kind.
public.objects = {
  tensor = x, rng = mb.rng(1), layer = mb.nn.ReLU {}, optimizer = mb.optim.SGD {},
  forest = mb.forest.fit(x, y, { trees = 1 }), linear = mb.linear.fit(x, y),
  neighbours = mb.neighbours.fit(x, y, { k = 1 }),
  logistic = mb.logistic.fit(x, y), ridge = mb.ridge.fit(x, y), pls = mb.pls.fit(x, y, { components = 1 }),
  plsda = mb.plsda.fit(x, y, { components = 1 }), pca = mb.pca.fit(x, { components = 1 }),
  pipeline = mb.pipeline { "logistic" }, fitted = mb.pipeline { "ridge", }:fit({ x = mb.tensor { { { 1 } }, { { 2 } },
    { { 4 } }, { { 5 } } }, y = { 1, 2, 3, 4 } }, { task = "number" }),
  comparison = mb.compare({ { { "ridge", alpha = 1 } } }, { x = mb.tensor { { { 1 } }, { { 2 } }, { { 4 } },
    { { 5 } } }, y = { 1, 2, 3, 4 } }, { folds = 2 }),
  validation = mb.cross_validate({ { "ridge", alpha = 1 } }, { x = mb.tensor { { { 1 } }, { { 2 } }, { { 4 } },
    { { 5 } } }, y = { 1, 2, 3, 4 } }, { folds = 2 }),
  figure = mb.plot.lines { y = { 1, 2 } },
  history = require "moonbow.train.history" { { epoch = 1, loss = 1 }, best_epoch = 1 },
  evaluation = require "moonbow.train.evaluation" { accuracy = 1, loss = 0, macro_f1 = 1, confusion = { { 1 } },
    precision = { 1 }, recall = { 1 }, f1 = { 1 } },
  spectra = require("moonbow.spectra.set").new { x = mb.zeros(1, 2, 1), axis = { 1, 2 }, names = { "a" }, labels = {},
    columns = {}, sources = { "a" }, metadata = { {} }, notes = {}, decided = "given" },
  crystal = crystal, audit = mb.audit(mb.nn.ReLU {}, { x = mb.ones(2, 3, 1), y = { 1, 2 } }, { rules = { "chance" } }),
  peaks = require("moonbow.xrd.peaks").new { crystal = crystal, radiation = {}, settings = "none", notes = {} },
  identifier = require("moonbow.xrd.network").new { model = mb.nn.Flatten {}, crystals = {}, axis = { 1, 2 },
    options = {} },
  calibrated = mb.calibrate(mb.logistic.fit(x, y), { x = x, y = y }), ensemble = mb.ensemble { mb.ridge.fit(x, y) },
  reliability = mb.reliability(mb.logistic.fit(x, y), { x = x, y = y }),
  votes = mb.dropout_votes(mb.nn.Sequential { mb.nn.Dropout { rate = 0.5 }, mb.nn.Dense { units = 2 } }, x),
  conformal = mb.conformal(mb.logistic.fit(x, y), { x = x, y = y }, { coverage = 0.5 }),
  maps = mb.nn.ReLU {}:maps(x), attribution = mb.explain.saliency(mb.nn.Dense { units = 2 }, x),
  importance = mb.explain.importance(mb.ridge.fit(x, y), { x = x, y = y }),
  filters = mb.explain.filters(mb.models.cnn { classes = 2, length = 40 }),
  mixture = require("moonbow.xrd.mixture").new { method = "fit", phases = {}, tried = 0, settings = "none" },
}

local core = require "moonbow.core"
local tables = { tensor = core.tensor_methods, rng = core.rng_methods, layer = require "moonbow.nn.layer",
  spectra = require("moonbow.spectra.set").class }

--- The methods of the objects: { layer = { build = ... }, ... }.
public.methods = {}
for kind, object in pairs(public.objects) do
  public.methods[kind] = add({}, "", tables[kind] or getmetatable(object).__index)
end

return public
