--- The topics of the reference, and the entries of each.
local topics = {}

-- A title and its entries: paths, or beginnings of paths up to ".", ":" or a blank.
local list = {
  { "Tensors", "tensor", "zeros", "ones", "full", "arange", "linspace", "rand", "randn", "concat", "stack", "where",
    "one_hot", "is_tensor", "class tensor", "tensor:" },
  { "Random numbers", "rng", "seed", "class rng", "rng:" },
  { "Gradients", "no_grad", "operation", "gradcheck" },
  { "Layers", "nn", "nn.", "class layer", "layer:", "nn.activations", "activation ", "nn.initializers",
    "initializer " },
  { "Published networks", "models", "models." },
  { "Training", "fit", "evaluate", "predict", "recalibrate", "class history", "history:", "class evaluation",
    "evaluation:", "profile", "probe", "loss ", "schedule ", "augment", "augmentation ",
    "optim", "optim.", "class optimizer", "optimizer:" },
  { "Looking inside", "explain", "explain.", "class attribution", "attribution:", "class importance", "importance:",
    "class filters", "filters:", "class maps", "maps:" },
  { "Judging", "reliability", "class reliability", "reliability:", "calibrate", "class calibrated", "calibrated:",
    "ensemble", "class ensemble", "ensemble:", "dropout_votes", "class votes", "votes:", "conformal", "class conformal",
    "conformal:" },
  { "Measured spectra", "spectra", "spectra.", "class spectra", "spectra:" },
  { "Powder diffraction", "xrd", "xrd.", "mixture:", "class identifier", "class crystal", "class peaks",
    "class mixture" },
  { "Data sets", "data", "data.", "class_numbers", "class_names", "split", "split.", "preprocess", "preprocess.",
    "step " },
  { "Pipelines and cross-validation", "pipeline", "class pipeline", "pipeline:", "class fitted", "fitted:",
    "cross_validate", "class validation", "validation:", "compare", "class comparison", "comparison:" },
  { "Models without gradients", "forest", "forest.", "class forest", "forest:", "linear", "linear.", "class linear",
    "linear:", "logistic", "logistic.", "class logistic", "logistic:", "neighbours", "neighbours.", "class neighbours",
    "neighbours:", "pca", "pca.", "class pca", "pca:", "pls", "pls.", "class pls", "pls:", "plsda", "plsda.",
    "class plsda", "plsda:", "ridge", "ridge.", "class ridge", "ridge:" },
  { "What is wrong with a network", "audit", "class audit", "audit:" },
  { "Plots", "plot", "plot.", "class figure", "figure:" },
  { "Files", "save", "load", "card", "save_npy", "load_npy", "save_npz", "load_npz", "safetensors", "safetensors.",
    "limits" },
  { "Models for other programs", "export_onnx", "import_onnx", "export_keras", "import_keras",
    "export_pytorch", "import_pytorch" },
  { "Experiments", "experiment", "experiment.", "class run", "run:" },
  { "Sweeps", "sweep", "sweep." },
  { "Settings and help", "help", "threads", "memory", "release_memory", "convolution_algorithm", "VERSION" },
}

local place_of = {}
for number, topic in ipairs(list) do
  for i = 2, #topic do place_of[topic[i]] = number * 100 + i end
end

-- The place of an entry in the reference: by its path, or by its module.
local function place(entry)
  return place_of[entry.path] or place_of[entry.path:match "^.*[.: ]" or false] or #list * 100 + 99
end

--- Gives each entry its topic, and returns the list in the order of topics, and by name within each.
function topics.sort(entries)
  for _, entry in ipairs(entries) do
    entry.place = place(entry)
    entry.topic = list[entry.place // 100][1]
    entry.is_sorted = entry.place % 100 ~= 99
  end
  table.sort(entries, function(a, b)
    if a.place ~= b.place then return a.place < b.place end
    return a.path < b.path
  end)
  return entries
end

--- The titles, in order.
topics.titles = {}
for number, topic in ipairs(list) do topics.titles[number] = topic[1] end

return topics
