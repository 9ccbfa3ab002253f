--- MiniROCKET: features of series by fixed kernels (Dempster, Schmidt and Webb 2021, A Very Fast (Almost) Deterministic
-- Transform for Time Series Classification, KDD; arXiv 2012.08791).
--
-- The 84 kernels of 9 points hold three weights 2 and six -1, with dilations from 1 to as long as a series, spaced
-- exponentially. A feature is the share of the points of a convolution that lie above a bias, which is a quantile of
-- the convolution of one training series. Every second pair of kernel and dilation is padded with zeros.
local check = require "moonbow.check"
local mb = require "moonbow"

local minirocket = {}

local POINTS, KERNELS, MOST_DILATIONS = 9, 84, 32
local GOLDEN = (math.sqrt(5) + 1) / 2
local ROWS = 16 -- series whose convolutions are in memory together

-- The weights of the kernels (9, 1, 42), in two halves: those at even and at odd places, counted from 0.
local function make_kernels()
  local halves, place = { {}, {} }, 0
  for a = 1, POINTS do
    for b = a + 1, POINTS do
      for c = b + 1, POINTS do
        table.insert(halves[place % 2 + 1], { [a] = 2, [b] = 2, [c] = 2 })
        place = place + 1
      end
    end
  end
  for half, kernels in ipairs(halves) do
    local weights = {}
    for i = 1, POINTS do
      weights[i] = { {} }
      for k, kernel in ipairs(kernels) do weights[i][1][k] = kernel[i] or -1 end
    end
    halves[half] = mb.tensor(weights)
  end
  return halves
end

-- Dilations, and the number of features of each kernel with each of them.
local function dilations_of(length, features)
  local each = math.max(1, features // KERNELS)
  local count, last = math.min(each, MOST_DILATIONS), math.log((length - 1) / (POINTS - 1), 2)
  local list, numbers, sum = {}, {}, 0
  for i = 1, count do
    local dilation = math.floor(2 ^ (count > 1 and last * (i - 1) / (count - 1) or 0) + 1e-9)
    if list[#list] ~= dilation then list[#list + 1], numbers[#list + 1] = dilation, 0 end
    numbers[#list] = numbers[#list] + 1
  end
  for j = 1, #list do
    numbers[j] = math.floor(numbers[j] * each / count)
    sum = sum + numbers[j]
  end
  for rest = 0, each - sum - 1 do numbers[rest % #list + 1] = numbers[rest % #list + 1] + 1 end
  return list, numbers
end

-- The convolutions of series with a half of the kernels: padded, or of whole windows only.
local function convolve(x, kernels, dilation, is_padded)
  return x:conv1d(kernels, nil, { dilation = dilation, padding = is_padded and "same" or "valid" })
end

-- Biases (features, 42): for each kernel quantiles of the convolution of one training series.
local function biases_of(x, kernels, dilation, is_padded, quantiles, rng)
  local columns = {}
  for k = 1, kernels:size(3) do
    local series = x:narrow(rng:integers(1, #x + 1), 1)
    local y = convolve(series, kernels:slice(3, k, 1), dilation, is_padded):reshape(-1)
    local row = {}
    for f = 1, #quantiles[k] do row[f] = y:quantile(quantiles[k][f]):item() end
    columns[k] = row
  end
  return mb.tensor(columns):transpose()
end

--- Chooses the biases on training series; returns the transform, for minirocket.apply. Raises for fewer features than
-- kernels, and for series shorter than one.
-- @param x (N, L, 1)
-- @param options features (about as many are made), seed
function minirocket.fit(x, options)
  if options.features < KERNELS then
    check.fail("minirocket.fit", "features: expected at least %d, one a kernel, got %s", KERNELS, options.features)
  elseif x:size(2) < POINTS then
    check.fail("minirocket.fit", "x: expected series of at least %d points, got %d", POINTS, x:size(2))
  end
  local rng, halves, parts, place = mb.rng(options.seed), make_kernels(), {}, 0
  local dilations, numbers = dilations_of(x:size(2), options.features)
  for j, dilation in ipairs(dilations) do
    for half, kernels in ipairs(halves) do
      local quantiles, is_padded = {}, (j - 1 + half - 1) % 2 == 0
      for k = 1, kernels:size(3) do
        quantiles[k] = {}
        for f = 1, numbers[j] do
          place = place + 1
          quantiles[k][f] = place * GOLDEN % 1
        end
      end
      parts[#parts + 1] = { kernels = kernels, dilation = dilation, is_padded = is_padded, numbers = numbers[j],
        biases = biases_of(x, kernels, dilation, is_padded, quantiles, rng) }
    end
  end
  return parts
end

local function features_of(x, part)
  local y, columns = convolve(x, part.kernels, part.dilation, part.is_padded), {}
  for f = 1, part.numbers do columns[f] = y:gt(part.biases:narrow(f, 1):reshape(1, 1, -1)):mean(2) end
  return mb.concat(columns, 2)
end

--- The features (N, F) of series.
-- @param parts from minirocket.fit
-- @param progress function(done, all); optional
function minirocket.apply(parts, x, progress)
  local rows = {}
  for first = 1, #x, ROWS do
    local few, columns = x:narrow(first, math.min(ROWS, #x - first + 1)), {}
    for p, part in ipairs(parts) do columns[p] = features_of(few, part) end
    rows[#rows + 1] = mb.concat(columns, 2)
    if progress then progress(first + #few - 1, #x) end
  end
  return mb.concat(rows, 1)
end

return minirocket
