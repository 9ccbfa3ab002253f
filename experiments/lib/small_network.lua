--- How the network that follows from the review is trained, and data to choose its shape and training on: triplets of
-- classes like those of the challenge set, at other places and heights.
local mb = require "moonbow"

local small_network = {}

local NEAR, ENDS = 260, 300 -- points between two peaks of a class at least; at the ends, without peaks
local MINOR = 0.035 -- height of a minor peak
local SHIFT, STEP = 70, 0.075 -- between neighbours of a triplet: points, height

--- Trains mb.models.moonbow, or a given model, on a set.
-- @param options { epochs, seed, model, warp (points, 60 unless given; 0: none) }
-- @return the model; the seconds that it took
function small_network.train(set, options)
  local model = options.model or mb.models.moonbow { classes = #set.classes }
  local warp, seconds = options.warp or 60, 0
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

return small_network
