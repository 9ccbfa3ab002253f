--- Networks and spectra for the specs of mb.audit: small ones; any model separates the two classes of `easy`.
local mb = require "moonbow"
local nn = mb.nn

local LENGTH = 100 -- points

-- ---- networks ----

local function net(layers, length)
  local model = nn.Sequential(layers)
  model:build({ length or LENGTH, 1 }, mb.rng(1))
  return model
end

local function conv(options)
  local all = { filters = 4, kernel = 3, padding = "same", activation = "relu" }
  for key, value in pairs(options or {}) do all[key] = value end
  return nn.Conv1d(all)
end

local function with_body(...)
  local layers = { ... }
  layers[#layers + 1], layers[#layers + 2] = nn.Flatten {}, nn.Dense { units = 2 }
  return net(layers)
end

local function set_values(tensor, values)
  mb.no_grad(function()
    local flat = tensor:reshape(-1)
    for i, value in ipairs(values) do flat[i] = value end
  end)
end

-- Right for class 1 if the greatest value is below the middle.
local function by_height(middle, slope)
  local model = net { nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
  set_values(model.layers[2].weight, { -slope, slope })
  set_values(model.layers[2].bias, { slope * middle, -slope * middle })
  return model
end

-- ---- data ----

local function gaussian(values, at, height, width)
  for i = 1, #values do values[i] = values[i] + height * math.exp(-(i - at) ^ 2 / 2 / width ^ 2) end
end

-- n spectra, classes in turn; draw(values, class, rng, i) adds to zeros.
local function spectra(n, seed, draw, length)
  local rng, x, y = mb.rng(seed), {}, {}
  for i = 1, n do
    local class, values = i % 2 + 1, {}
    for k = 1, length or LENGTH do values[k] = 0 end
    draw(values, class, rng, i)
    for k = 1, #values do values[k] = { values[k] } end
    x[i], y[i] = values, class
  end
  return { x = mb.tensor(x), y = mb.tensor(y) }
end

local function both(n, draw, test, length)
  return { train = spectra(n, 1, draw, length), test = spectra(test or n, 2, draw, length) }
end

local function noise(values, rng, sd)
  for k = 1, #values do values[k] = values[k] + rng:normal(0, sd) end
end

-- Spectra of one peak each: class_of(i) gives the class and the height of it.
local function peaks(n, seed, class_of)
  local y = {}
  local part = spectra(n, seed, function(values, _, rng, i)
    local class, height = class_of(i)
    y[i] = class
    gaussian(values, rng:integers(30, 70), height, 2)
    noise(values, rng, 0.002)
  end)
  return { x = part.x, y = y }
end

local function easy_draw(values, class, rng)
  gaussian(values, class == 1 and 25 or 65, class, 4)
  noise(values, rng, 0.02)
end

local easy = both(60, easy_draw, 150)

local function trained(model, set, epochs)
  mb.fit(model, set.train, { epochs = epochs or 30, seed = 1, verbose = false })
  return model
end

local function linear() return net { nn.Flatten {}, nn.Dense { units = 2 } } end

local easy_network = trained(linear(), easy)

local function normed(momentum)
  return net { conv { activation = "linear" }, nn.BatchNorm1d { momentum = momentum, activation = "relu" },
    nn.Flatten {},
    nn.Dense { units = 2 } }
end

local function changed(part, changes)
  local copy = { x = part.x, y = part.y }
  for key, value in pairs(changes) do copy[key] = value end
  return copy
end

local function lists(n, f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return list
end

local function flipped(row)
  local y = easy.train.y:totable()
  y[row] = 3 - y[row]
  return { train = changed(easy.train, { y = y }), test = easy.test }
end

local function twice(label) -- the first spectrum again, with a label
  return { x = mb.concat({ easy.train.x, easy.train.x:narrow(1, 1) }, 1),
    y = mb.concat({ easy.train.y, mb.tensor { label } }, 1) }
end

local function with_background(size)
  local set = mb.data.single_peak { n = 100, test = 10, validation = 10, length = 400, position = 200, shift = 2,
    background = size, noise = 0.01, seed = 1 }
  return set.train
end

local unbalanced = lists(60, function(i) return i % 10 == 0 and 2 or 1 end)
local nan = changed(easy.train, { x = easy.train.x * 1 })
set_values(nan.x, { 0 / 0 })

return { LENGTH = LENGTH, net = net, conv = conv, with_body = with_body, set_values = set_values,
  by_height = by_height, gaussian = gaussian, spectra = spectra, both = both, noise = noise, peaks = peaks,
  easy_draw = easy_draw, easy = easy, trained = trained, linear = linear, easy_network = easy_network,
  normed = normed, changed = changed, lists = lists, flipped = flipped, twice = twice,
  with_background = with_background, unbalanced = unbalanced, nan = nan }
