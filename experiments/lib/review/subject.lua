--- What the review is about: the talk, the data, the networks, the words; as parts of its page.
local mb = require "moonbow"
local html = require "moonbow.page"
local drawing = require "lib.review.drawing"

local subject = {}

local SHOWN, WIDTH, HEIGHT = 3, 380, 230

subject.citation = [[
<p>J. Schuetzke, N. J. Szymanski, G. Ceder and M. Reischl: <cite>A Critical Review of Neural Networks for the Use with
Spectroscopic Data</cite>. European Crystallographic Meeting (ECM), Versailles, August 2022, doi
10.5445/IR/1000151442. Its slides state their claims by pictures with few words and settings; the sentences and
conditions below are our reading, numbered 1 to 8. The publication behind it is J. Schuetzke, N. J. Szymanski and M.
Reischl: <cite>Validating neural networks for spectroscopic classification on a universal synthetic dataset</cite>,
npj Computational Materials 9:100 (2023).</p><p>Three sources of figures are kept apart: the <b>talk</b>; the
<b>publication</b>; and <b>our trial</b>, an earlier test of one to five seeds in PyTorch and scikit-learn, which the
measurements here replace. The publication measured other data, of 27 and 500 classes: none of its figures stands beside
these (<code>docs/measurements/benchmark.md</code> compares them).</p>]]

local words = {
  { "@", "stands between what was measured and for what: forest @ pool 1; in drawings of networks between the number "
    .. "of filters and their points" },
  { "first, last", "the least and the greatest position of a peak in the border data; those from the border on are "
    .. "class 2" },
  { "crop", "points of the window that is cut from each spectrum of the border data" },
  { "align", "points of the border's cell that lie before the border; cells are 64 points from the first of the window "
    .. "on, so that poolings of up to 64 points see the border inside a window" },
  { "pool 1, pool 2, pool 3", "the maps of a network behind its first, second and third pooling; raw: the spectrum" },
  { "max-pool 64, stride 64", "pooling that keeps the greatest of each 64 points, one value for 64 points" },
  { "stride", "points of the spectrum between two neighbouring values of a map" },
  { "sees (receptive field)", "points of the spectrum that one value of a map depends on" },
  { "near", "test spectra whose peak is within 10 points of the border between the classes" },
  { "1-2", "test spectra whose peak is 1 or 2 points from the border" },
  { "flat head, global head", "the last maps go into the output as they are, with their positions; or as one number "
    .. "each" },
  { "empty, alive", "a network is empty if its last map is 0 for more than 99 % of the spectra, else alive" },
  { "untrained", "with the initial weights" },
  { "momentum 0.99, 0.9", "the share of the old statistics that batch norm keeps in each step of training" },
  { "at chance", "the share of trained networks with an accuracy below 0.6" },
  { "blind", "the share of networks whose last map is the same without the peak, for more than half of the spectra" },
  { "without, with", "without batch norm; with it, at momentum 0.9" },
  { "spikes", "the share of epochs with a validation loss above twice the least before" },
  { "variance @ stale", "the running variance behind the first convolution, divided by the recomputed one" },
  { "stale, recomputed", "with the statistics that training left; with those of the training spectra, same weights" },
  { "ceiling", "the best accuracy that any classifier can reach on these data" },
  { "95 % interval", "of the mean over seeds by Student's t, of a share of networks by Wilson's method; Student's t "
    .. "knows no bounds, so that the interval of a few accuracies near 1 may reach beyond 1" },
  { "chance", "the accuracy of guessing: 0.5 for two classes of equal number" },
}

--- The words as a list.
function subject.words()
  local items = {}
  for i, entry in ipairs(words) do
    items[i] = ("<dt>%s</dt><dd>%s</dd>"):format(html.escape(entry[1]), html.escape(entry[2]))
  end
  return "<dl>" .. table.concat(items, "\n") .. "</dl>"
end

-- ---- data ----

local sets = {
  { name = "evaluation data", make = function() return mb.data.single_peak { n = 40, validation = 2, test = 2,
    seed = 1 } end,
    about = "One peak on a background; its height is the class. The peak is within 50 points of the middle.",
    parameters = { "length", "heights", "shift", "width", "background", "noise" } },
  { name = "border data", make = function()
    return mb.data.border_peaks { n = 40, validation = 2, test = 2, crop = 320, seed = 1 }
  end, about = "One peak whose position is the class: below point 1000, or from it on. The axis shows a window of 320 "
    .. "points, placed so that the border lies inside a pooling window.",
    parameters = { "length", "crop", "first", "border", "last", "align", "height", "width", "background", "noise" } },
}

local function show(value)
  if type(value) == "table" then return table.concat(value, " to ") end
  return ("%.5g"):format(value)
end

-- The heights are one of each class, not the ends of a range.
local function show_parameter(name, options)
  if name ~= "heights" then return show(options[name]) end
  return ("class 1: %g, class 2: %g, each ± %g"):format(options.heights[1], options.heights[2], options.variation)
end

local function series_of(set)
  local series, shown = {}, { 0, 0 }
  for i = 1, #set.train.y do
    local class = set.train.y[i] // 1 | 0
    if shown[class] < SHOWN then
      shown[class] = shown[class] + 1
      series[#series + 1] = { x = set.axis, y = set.train.x[i]:reshape(-1), class = class }
    end
  end
  table.sort(series, function(a, b) return a.class < b.class end)
  return series
end

-- A panel for each class: lines of two classes in one would need a legend on top of them.
local function figure_of(set)
  local panels = {}
  for class = 1, 2 do
    local own = {}
    for _, entry in ipairs(series_of(set)) do
      if entry.class == class then own[#own + 1] = { x = entry.x, y = entry.y } end
    end
    panels[class] = mb.plot.lines { series = own, title = ("class %d: %s"):format(class, set.classes[class]),
      x_label = class == 2 and "point" or nil, y_range = { -0.1, 1.3 }, width = WIDTH, height = HEIGHT }
  end
  return mb.plot.grid { panels = panels, columns = 1 }
end

--- The data: for each set a paragraph, its parameters, and a figure.
function subject.data()
  local parts = {}
  for i, entry in ipairs(sets) do
    local set, rows = entry.make(), {}
    for k, name in ipairs(entry.parameters) do rows[k] = { name, show_parameter(name, set.options) } end
    local figure = html.figure(figure_of(set), "data-" .. i, "Spectra of both classes of the " .. entry.name)
    parts[i] = ("<h3>The %s</h3><p>%s</p>%s%s<p class=\"soft\">%d spectra of each class.</p>"):format(entry.name,
      html.escape(entry.about), html.table({ "parameter", "value" }, rows, 1),
      '<div class="data">' .. figure .. "</div>", SHOWN)
  end
  return table.concat(parts, "\n")
end

-- ---- networks ----

local function filters_of_one()
  local layers = {}
  for _, kernel in ipairs { 20, 15, 10 } do
    layers[#layers + 1] = mb.nn.Conv1d { filters = 1, kernel = kernel, padding = "same", activation = "relu" }
    layers[#layers + 1] = mb.nn.MaxPool1d { size = 2 }
  end
  layers[#layers + 1], layers[#layers + 2] = mb.nn.Flatten {}, mb.nn.Dense { units = 2 }
  return mb.nn.Sequential(layers)
end

-- Name, constructor, points, where it is used.
local networks = {
  { "CNN-3 (Lee et al. 2020)", function() return mb.models.lee2020_cnn3 { classes = 2 } end, 1000,
    "Claims 1, 2 and 5 (there for 320 points), and smoothing." },
  { "CNN-3 with three poolings by 3", function()
    return mb.models.lee2020_cnn3 { classes = 2, stride = 1, pool = 3, pool_stride = 3 }
  end, 1000, "Claim 3: the maps. The network that shows what convolutions add has the same convolutions and poolings, "
    .. "one hidden layer of 256 with ReLU, and no dropout." },
  { "CNN-2 (Lee et al. 2020)", function() return mb.models.lee2020_cnn2 { classes = 2 } end, 320, "Claim 5." },
  { "Liu et al. 2017, with 256 hidden units", function()
    return mb.models.liu2017 { classes = 2, units = { 256 } }
  end, 1000, "Claim 6, there for 320 points, too. Published: 2048 hidden units." },
  { "residual network (Ho et al. 2019)", function()
    return mb.models.ho2019_resnet { classes = 2, filters = 100, first_filters = 64 }
  end, 320, "Claim 5. Claim 6 uses it with 32 filters in each convolution, for 1000 and for 320 points, claim 8 with "
    .. "one to three stages of stride 4 and without dropout." },
  { "one convolution, max-pool 64", function() return mb.models.one_convolution { classes = 2, pool = 64 } end, 320,
    "Claim 5, there also with other poolings." },
  { "single filters", filters_of_one, 1000,
    "Claim 4, there also with one or two of the convolutions, and with more filters." },
}

--- The networks: a drawing of each.
function subject.networks()
  local parts = { "<p>Each row is a layer (batch norm and activation stand in the row before them, flattening has "
    .. "none); the bar is as long as the map, on a logarithmic scale, beside positions x channels. conv 64@20: 64 "
    .. "filters of 20 points; / 2: with stride 2; norm: batch norm; leaky: leaky ReLU; block 2 x 100@5 / 2, norm: two "
    .. "convolutions of 100 filters of 5 points, each with batch norm, only the first with stride 2, and a connection "
    .. "past them. Both last columns are in points of the spectrum.</p>" }
  for _, entry in ipairs(networks) do
    local title = ("%s, for %d points"):format(entry[1], entry[3])
    parts[#parts + 1] = ("<h3>%s</h3><p>%s</p>%s"):format(html.escape(title), html.escape(entry[4]),
      drawing.draw(entry[2](), { entry[3], 1 }, title))
  end
  return table.concat(parts, "\n")
end

return subject
