--- How the network that follows from the review is trained, and data to choose its shape and training on: classes like
-- those of the challenge set and like the closest ones of the general set, at other places and heights.
local mb = require "moonbow"

local small_network = {}

local NEAR, ENDS = 260, 300 -- points between two peaks of a class at least; at the ends, without peaks
local MINOR = 0.035 -- height of a minor peak
local SHIFT, STEP = 70, 0.075 -- between neighbours of a triplet: points, height
local APART, HEIGHT_APART = 110, 0.2 -- at most between the peaks of a pair

--- What was chosen on other classes for each set of the benchmark: points of warping, rate of dropout. Where classes
-- overlap as often as in the challenge set, more warping is right more often, and dropout less often.
small_network.chosen = {
  ["challenge set"] = { warp = 60, dropout = 0 }, ["general set"] = { warp = 30, dropout = 0.1 },
}

--- Trains mb.models.moonbow, or a given model, on a set.
-- @param options { epochs, seed, warp (points; 0: none), dropout, model }
-- @return the model; the seconds that it took
function small_network.train(set, options)
  local model = options.model or mb.models.moonbow { classes = #set.classes, dropout = options.dropout }
  local seconds, warp = 0, options.warp
  local history = mb.fit(model, set.train, { epochs = options.epochs, batch_size = 128, seed = options.seed,
    optimizer = mb.optim.Adam { lr = 3e-3 }, schedule = { "cosine", per = "step" },
    augment = warp > 0 and { { "warp", points = warp, knots = 25 } } or nil, verbose = false })
  for _, record in ipairs(history) do seconds = seconds + record.seconds end
  return model, seconds
end

-- ---- other classes ----

local function between(rng, low, high) return math.tointeger(rng:integers(low, high + 1)) end

-- So many positions, ascending, none near another.
local function positions(rng, count)
  while true do
    local list, is_apart = {}, true
    for i = 1, count do list[i] = between(rng, ENDS, 5000 - ENDS) end
    table.sort(list)
    for i = 2, count do is_apart = is_apart and list[i] - list[i - 1] >= NEAR end
    if is_apart then return list end
  end
end

-- Heights, one of which is 1; its number.
local function heights(rng, count)
  local list, highest = {}, between(rng, 1, count)
  for i = 1, count do list[i] = i == highest and 1 or between(rng, 15, 100) / 100 end
  return list, highest
end

local function class(places, sizes) return { positions = places, heights = sizes } end

local function copy(list) return { table.unpack(list) } end

local kinds = {
  minor = function(rng)
    local p, h = positions(rng, 4), heights(rng, 2)
    return class({ p[1], p[3] }, copy(h)), class({ p[1], p[2], p[3] }, { h[1], MINOR, h[2] }),
      class({ p[1], p[3], p[4] }, { h[1], h[2], MINOR })
  end,
  position = function(rng)
    local count = between(rng, 2, 3)
    local p, h, moved, list = positions(rng, count), heights(rng, count), between(rng, 1, count), {}
    for i = 1, 3 do
      list[i] = class(copy(p), copy(h))
      list[i].positions[moved] = p[moved] + (i - 2) * SHIFT
    end
    return table.unpack(list)
  end,
  height = function(rng)
    local count, list = between(rng, 2, 3), {}
    local p, h, highest = positions(rng, count), heights(rng, count)
    local changed, least = highest % count + 1, between(rng, 8, 80) / 100
    for i = 1, 3 do
      list[i] = class(copy(p), copy(h))
      list[i].heights[changed] = least + (i - 1) * STEP
    end
    return table.unpack(list)
  end,
}

--- Nine triplets, three of each kind, as mb.data.challenge takes them.
-- @param seed an integer
function small_network.triplets(seed)
  local rng, list = mb.rng { seed, 77 }, {}
  for _, kind in ipairs { "minor", "position", "height" } do
    for _ = 1, 3 do
      list[#list + 1] = { kind = kind, kinds[kind](rng) }
    end
  end
  return list
end

-- True if a training spectrum of one class may be hard to distinguish from one of the other.
local function are_near(a, b)
  if #a.positions ~= #b.positions then return false end
  for i, position in ipairs(a.positions) do
    if math.abs(position - b.positions[i]) > APART or math.abs(a.heights[i] - b.heights[i]) > HEIGHT_APART then
      return false
    end
  end
  return true
end

-- The first class behind number i that is near to it and not taken.
local function partner(list, i, taken)
  for j = i + 1, taken[i] and 0 or #list do
    if not taken[j] and are_near(list[i], list[j]) then return j end
  end
end

--- Pairs of near classes, the first ones among 3000 drawn as those of the general set: a list of classes, as
-- mb.data.universal takes it.
-- @param seed an integer
-- @param count how many pairs
function small_network.pairs(seed, count)
  local drawn = mb.data.universal { classes = 3000, class_seed = seed, train = 1, validation = 1 }.peaks
  local taken, list = {}, {}
  for i = 1, #drawn do
    local j = #list < 2 * count and partner(drawn, i, taken)
    if j then
      taken[i], taken[j] = true, true
      list[#list + 1], list[#list + 2] = drawn[i], drawn[j]
    end
  end
  return list
end

return small_network
