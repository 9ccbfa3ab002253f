--- What the page of the review says of each claim beside its figures: the claim in a sentence of the talk (its pictures
-- have few words, so that this is our reading), its condition, how it was tested, and what speaks against the test.
--
-- A claim is { number (nil: a question of our own), says, condition, tested, against, others, counter, dots }.
-- others compares with figures of others, and is left out beside a quick run. counter is the setting that counts the
-- values of figures that only some of the seeds have. dots is a list of figures
-- { caption, from (where the axis begins: chance, or 0), to, rows }; a row is { name of the measured figure, label },
-- or a label alone, which heads the rows below it.
local claims = {}

local function rows(format, entries)
  local list = {}
  for i, entry in ipairs(entries) do
    local name, label = entry, entry
    if type(entry) == "table" then name, label = entry[1], entry[2] end
    list[i] = { format:format(name), tostring(label) }
  end
  return list
end

local function groups(...)
  local list = {}
  for _, part in ipairs { ... } do
    if type(part) == "string" then list[#list + 1] = part else table.move(part, 1, #part, #list + 1, list) end
  end
  return list
end

claims.evaluation_dataset = { number = 1,
  says = "On spectra with one peak, whose height determines the class, a convolutional network reaches an accuracy of "
    .. "96 %, a random forest 80 %.",
  condition = "1000 training spectra; the heights of the classes touch but do not overlap, so that only background "
    .. "and noise make them overlap.",
  tested = "The three-layer network of Lee et al. and a random forest of 200 trees, on the same spectra; then with "
    .. "250 to 2000 of them, and against one threshold on the maximum.",
  against = "The gap depends on the number of training spectra: with 2000 the forest came within 0.07. A threshold on "
    .. "the maximum after baseline subtraction was as good as the network: these data do not need one.",
  dots = { { caption = "Accuracy on test spectra.", from = 0.5, to = 1,
    rows = groups("one threshold", { { "threshold, maximum", "maximum" },
      { "threshold, baseline off", "baseline off" } }, "a model", { { "forest, raw", "random forest" },
      { "CNN-3 (Lee)", "CNN-3 (Lee)" } }) } } }

claims.pooling_benefit = { number = 2,
  says = "Pooling is what makes the network good: after one pooling layer a random forest reaches 92 %, after two "
    .. "94 %.",
  condition = "The evaluation data; max-pooling.",
  tested = "The forest gets the spectra pooled by 1, 2, 4, ... points, or the maps of the trained and of an untrained "
    .. "network after each pooling layer.",
  against = "The forest gains more from the maps of a trained network than from pooling alone. Average pooling lowers "
    .. "its accuracy.",
  dots = { { caption = "Accuracy of the forest on pooled spectra, by the pooling size.", from = 0.5, to = 1,
    rows = groups("max-pooling", rows("forest, max-pooled input @ %s", { { 1, "1 (raw)" }, 8, 64 }), "average pooling",
      rows("forest, avg-pooled input @ %s", { 8, 64 })) },
    { caption = "Accuracy of the forest on the maps of the network.", from = 0.5, to = 1,
      rows = groups("untrained", rows("forest, untrained maps @ %s", { "pool 1", "pool 2", "pool 3" }), "trained",
        rows("forest, trained maps @ %s", { "pool 1", "pool 2", "pool 3" }), { { "network", "the network" } }) } } }

claims.feature_maps = { number = 3,
  says = "Convolutions remove background and noise; pooling evens out the shape and the position of peaks.",
  condition = "A network of three convolutions with three poolings by 3, trained on the evaluation data.",
  tested = "How much a map changes if background or noise is added, or if the width or the position of the peak "
    .. "changes, relative to its change when the peak is removed; 0 is best.",
  against = "After the first pooling layer the maps are more sensitive to noise, shifts and widths than the spectrum. "
    .. "After the last, 15 seeds show that they are less sensitive to shifts, and do not show it for widths. Untrained "
    .. "maps are less sensitive to both than trained ones.",
  dots = { { caption = "Change of the map by background, relative to the change by the peak.", from = 0,
    rows = rows("background @ %s", { "raw", "pool 1", "pool 2", "pool 3" }) },
    { caption = "The same by noise.", from = 0, rows = rows("noise @ %s", { "raw", "pool 1", "pool 2", "pool 3" }) },
    { caption = "The same by a shift of 5 points.", from = 0,
      rows = rows("shift @ %s", { "raw", "pool 1", "pool 2", "pool 3" }) } } }

local cases = { { "all", "as they are" }, { "no background", "no background" }, { "background 1", "five times the "
  .. "background" },
  { "peak alone", "the peak alone" } }

claims.convolution_contribution = { number = 3,
  says = "Convolutions add little to pooling.",
  condition = "From the author's abstract: models on the shrunken input are as good as the network.",
  tested = "A network with and without its convolutions, and a random forest after max-pooling by 27, on data with "
    .. "and without background, noise and variation of the width.",
  against = "The network without convolutions is worse than the forest on all data: the comparison says more about its "
    .. "dense layers than about convolutions.",
  dots = { { caption = "Accuracy, by what the spectra hold besides the peak.", from = 0.5, to = 1, rows = {} } } }

for _, case in ipairs(cases) do
  local list = claims.convolution_contribution.dots[1].rows
  list[#list + 1] = case[2]
  list[#list + 1] = { "convolution and pooling @ " .. case[1], "convolutions" }
  list[#list + 1] = { "pooling and forest @ " .. case[1], "pooling, forest" }
end

claims.single_filter = { number = 4,
  says = "A single random filter gives an empty output: if it is negative, ReLU cuts the peak off.",
  condition = "One filter in each of three convolutions; spectra of one peak with a width (sigma) of 5 to 15 points, "
    .. "without noise and without background. The talk names neither width nor noise.",
  tested = "Untrained networks of each kind, 400 in a full run: a network is empty if its last map is 0 for more than "
    .. "99 % of 64 spectra.",
  against = "The share depends on the initial values and on the spectra. With Glorot's values and depth 3 it is 0.035 "
    .. "(14 of 400; 0.021 to 0.058) for the widths of the evaluation data, 2 to 6 points: \"more than 1 in 20\" is not "
    .. "decided there. With noise and background it is 0.010 (4 of 400; 0.004 to 0.025): there it is not true, though "
    .. "0.237 of these networks are blind to the peak. Networks in use have 16 filters or more; with 8 none was empty.",
  dots = { { caption = "Share of networks that are empty.", from = 0, to = 1,
    rows = groups("Glorot's initial values", rows("glorot, %s", { "depth 1", "depth 2", "depth 3" }),
      "PyTorch's", rows("torch, %s", { "depth 1", "depth 2", "depth 3" }), "PyTorch's, depth 3",
      rows("torch, depth 3, %s", { "2 filters", "4 filters", "8 filters" }), "Glorot's, other spectra",
      rows("glorot, depth 3, %s", { "width 2-6", "width 10-30", "noise and background" })) } } }

claims.relu_emptiness = { number = 4, counter = "trained",
  says = "Other initial values and activations keep a single filter alive.",
  condition = "One filter in each convolution; the talk shows peak-shaped filters.",
  tested = "Each remedy in 200 networks: does it keep more than 95 in 100 alive? Some of them are then trained on the "
    .. "evaluation data.",
  against = "A network that is alive need not learn better: the seeds do not decide that. More filters are the surer "
    .. "remedy.",
  dots = { { caption = "Share of networks that are alive before training.", from = 0, to = 1,
    rows = rows("%s @ alive", { { "none (Glorot, ReLU)", "no remedy" }, "He", "batch norm", "positive bias",
      "non-negative",
      "peak-shaped", "leaky ReLU", "ELU", "4 filters" }) },
    { caption = "Accuracy after training.", from = 0.5, to = 1,
      rows = rows("%s @ accuracy", { { "none (Glorot, ReLU)", "no remedy" }, "peak-shaped", "leaky ReLU", "4 filters",
        "16 filters" }) } } }

claims.pooling_resolution = { number = 5,
  says = "Pooling costs the position of a peak.",
  condition = "Two classes that differ by the position of a peak only, left and right of a border that lies inside a "
    .. "pooling window.",
  tested = "One convolution and one pooling layer of 1 to 64 points, with the same settings otherwise; then remedies "
    .. "at 64.",
  against = "If the border lies between two pooling windows, nothing is lost. Real classes rarely differ by a few "
    .. "points only.",
  dots = { { caption = "Accuracy over the stride, flat head.", from = 0.5, to = 1,
    rows = groups("all spectra", rows("flat head @ %s", { 1, 16, 32, 64 }), "near: within 10 points of the border",
      rows("flat head, near @ %s", { 1, 16, 32, 64 })) },
    { caption = "Remedies at stride 64.", from = 0.5, to = 1, rows = { { "flat head @ 64", "none" },
      { "average pooling @ 64", "average pooling" }, { "blurred pooling (Zhang 2019) @ 64", "blurred pooling" },
      { "position channel (CoordConv) @ 64", "position channel" } } } } }

claims.border_peaks = { number = 5,
  says = "Deep residual networks fail where two classes meet at a border; networks with less pooling do not.",
  condition = "Two classes that differ by the position of a peak only, left and right of a border that lies inside a "
    .. "pooling window; 1000 training spectra.",
  tested = "The residual network of Ho et al. with two momenta of batch norm, the networks of Lee et al., one "
    .. "convolution with pooling of 1, 16 and 64 points, and logistic regression.",
  against = "With momentum 0.99 the residual network is hardly better than guessing at every distance from the border, "
    .. "and recomputing the statistics of its batch norm restores the accuracy. Its accuracy before that depends on "
    .. "rounding (0.645, 0.577 and 0.528 with the same seeds on three processors) and says only that the statistics "
    .. "are stale.",
  dots = { { caption = "Accuracy at 1 or 2 points from the border.", from = 0.5, to = 1,
    rows = groups("residual network", { { "ResNet, momentum 0.99 @ 1-2", "momentum 0.99" },
      { "ResNet, 0.99, recalibrated @ 1-2", "0.99, recomputed" }, { "ResNet, momentum 0.9 @ 1-2", "momentum 0.9" } },
      "networks of Lee et al.", rows("%s @ 1-2", { { "CNN-2 (Lee)", "CNN-2" }, { "CNN-3 (Lee)", "CNN-3" } }),
      "one convolution", rows("1 conv, %s @ 1-2", { "max-pool 1", "max-pool 16", "max-pool 64" }), "no convolution",
      { { "logistic regression @ 1-2", "logistic regression" } }) } } }

local norms = { { "without", "none" }, { "with", "momentum 0.9" }, { "stale", "momentum 0.99" },
  { "recomputed", "0.99, recomputed" } }

claims.batch_norm = { number = 6,
  says = "Batch norm is questionable on spectra.",
  condition = "The talk gives none; here 20 epochs on 1000 spectra.",
  tested = "Liu's network and a residual network with and without batch norm, with two momenta, and with the same "
    .. "weights and recomputed statistics.",
  against = "Most of the loss comes from momentum 0.99 with few steps, not from the layer: with momentum 0.9 the "
    .. "residual network reached 0.925, without batch norm 0.948, a difference that these seeds do not decide.",
  dots = { { caption = "Accuracy on the evaluation data, by batch norm.", from = 0.5, to = 1,
    rows = groups("Liu's network", rows("Liu, evaluation @ %s", norms), "residual network",
      rows("ResNet, evaluation @ %s", norms)) } } }

claims.dissimilarity = { number = 7,
  says = "Similarity measures suffer when peaks shift.",
  condition = "The evaluation data, whose peaks shift by up to 50 points.",
  tested = "Five nearest neighbours by each measure; the talk does not try warping.",
  against = "Measures that allow for shifts, such as dynamic time warping, suffer less here. On the border data, where "
    .. "the position of the peak is the class, the other measures reach 0.995 or more, and warping, which evens "
    .. "positions out, 0.943 and 0.859.",
  others = "Our trial found 0.935 and 0.98 for warping with windows of 20 and 60 points, and does not say if its "
    .. "spectra were cropped. On the 200 points around the peaks moonbow reaches 0.947 and 0.951 (two seeds), on "
    .. "whole spectra 0.856 and 0.901: only 0.98 is not reached.",
  dots = { { caption = "Accuracy of five nearest neighbours.", from = 0.5, to = 1,
    rows = rows("%s @ evaluation", { "euclidean", "cosine", "pearson", { "dtw, window 20", "warping, 20 points" },
      { "dtw, window 60", "warping, 60 points" } }) } } }

claims.depth = { number = 8,
  says = "Deeper and more elaborate networks are not better for spectra.",
  condition = "The conclusion of the talk; in the published ranking all networks but one have linear hidden layers.",
  tested = "One to six convolutions and residual networks of one to three stages with the same number of parameters, "
    .. "and at the same cost of training.",
  against = "On the published benchmark the deepest plain network, cnn6, is the best; but kernels and heads differ "
    .. "there, too.",
  dots = { { caption = "Accuracy with the same number of parameters.", from = 0.5, to = 1,
    rows = groups("convolutions", rows("%s conv @ equal parameters", { 1, 2, 3, 4, 5, 6 }), "residual network",
      rows("ResNet, %s @ equal parameters", { "1 stage", "2 stages", "3 stages" })) } } }

claims.smoothing = {
  says = "Is smoothing before a forest as good as a network's first convolution? The talk does not ask it.",
  condition = "The evaluation data, max-pooled by 16 points before a random forest.",
  tested = "The forest with and without Savitzky-Golay smoothing and baseline subtraction, compared with the network.",
  against = "The baseline of these data follows a formula and is easier to subtract than a measured one.",
  dots = { { caption = "Accuracy.", from = 0.5, to = 1,
    rows = groups("forest", { { "nothing", "as they are" }, { "smoothed", "smoothed" }, { "baseline off", "baseline "
      .. "off" },
      { "baseline off, smoothed", "both" } }, "network", { { "network", "CNN-3 (Lee)" } }) } } }

return claims
