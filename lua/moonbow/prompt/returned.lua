--- The classes of the results of functions, for completion behind a call that has not run yet. The reference has them
-- for all functions, but reading it takes longer than the 20 ms of Tab.
local counted = require "moonbow.counted"

-- Classes, with the functions and methods that return them; "nn.*": functions of mb.nn with a capital letter;
-- "models.+": all of mb.models.
local makers = {
  tensor = "tensor zeros ones full arange linspace rand randn concat", rng = "rng rng:copy", history = "fit",
  evaluation = "evaluate", optimizer = "optim.*", run = "experiment.start",
  layer = "nn.* nn.from_config models.+ import_onnx import_keras import_pytorch recalibrate layer:first layer:train "
    .. "layer:eval layer:freeze layer:unfreeze layer:load_state layer:restore layer:set_rng",
  figure = "plot.+ attribution:plot evaluation:plot figure:show filters:plot history:plot importance:plot maps:plot "
    .. "mixture:plot reliability:plot spectra:plot validation:plot",
  spectra = "spectra.read spectra.set spectra.concat xrd.pattern mixture:spectra spectra:crop spectra:flip "
    .. "spectra:holdout spectra:join spectra:resample spectra:rising spectra:select spectra:with",
  attribution = "explain.grad_cam explain.integrated_gradients explain.occlusion explain.saliency",
  filters = "explain.filters", importance = "explain.importance", maps = "layer:maps", audit = "audit",
  calibrated = "calibrate", conformal = "conformal", ensemble = "ensemble", reliability = "reliability",
  votes = "dropout_votes", pipeline = "pipeline", fitted = "pipeline:fit", validation = "cross_validate",
  comparison = "compare", crystal = "xrd.read xrd.parse", peaks = "xrd.peaks", mixture = "xrd.fit xrd.identify",
  identifier = "xrd.train",
}
for name in ("forest linear logistic neighbours pca pls plsda ridge"):gmatch "%a+" do
  makers[name] = name .. ".fit " .. name .. ".from_state"
end

local returned = {}

local function add_module(found, module, class, pattern)
  for name, f in next, module do
    if type(f) == "function" and name:find(pattern) then found[counted.original(f)] = class end
  end
end

local function find_all()
  local mb, found = require "moonbow", {}
  for class, paths in pairs(makers) do
    for path in paths:gmatch "%S+" do
      local owner, separator, name = path:match "^(%w+)([.:])(.+)$"
      local where = separator == ":" and counted.classes[owner] or owner and mb[owner] or mb
      if name == "*" or name == "+" then
        add_module(found, where, class, name == "*" and "^%u" or "")
      else
        found[counted.original(where[name or path])] = class
      end
    end
  end
  return found
end

local cache

--- The class of the result of a function, by its name in the reference; nil if it is not known.
function returned.class(f)
  return returned.all()[counted.original(f)]
end

--- All known functions, with the class of the result of each.
function returned.all()
  cache = cache or find_all()
  return cache
end

return returned
