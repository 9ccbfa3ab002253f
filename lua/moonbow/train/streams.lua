--- The random streams of a training. Each has a generator of its own, seeded by the training's seed and the stream's
-- number, so that none depends on how much another has drawn.
local core = require "moonbow.core"

local streams = {}

local numbers = { batches = 1, weights = 2, layers = 3, augment = 4, holdout = 5 }

--- Returns the seed of a stream, a list of integers.
-- @param seed integer|table of the training
-- @param name of the stream
-- @param ... further integers, such as the epoch
function streams.seed(seed, name, ...)
  local parts = type(seed) == "table" and { table.unpack(seed) } or { seed }
  return table.move({ numbers[name], ... }, 1, 1 + select("#", ...), #parts + 1, parts)
end

--- Returns the generator of a stream.
function streams.rng(...) return core.rng(streams.seed(...)) end

return streams
