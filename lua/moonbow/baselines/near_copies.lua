--- Spectra that are nearly identical: copies of one spectrum, or replicates of a sample with little noise. They are
-- closer than a hundredth of the usual distance, and of their own size about their mean: where intensities range over
-- decades, all weak spectra are close to each other by the distances of the strong ones.
local core = require "moonbow.core"
local neighbours = require "moonbow.baselines.neighbours"

local near_copies = {}

local NEAR = 0.01 -- of the median distance, and of the size of the spectra
local MOST_SAMPLED = 500 -- spectra, of whose distances the median is taken
local ROWS = 256 -- whose distances to others are in memory at the same time

-- At most MOST_SAMPLED rows, evenly spaced, since rows are often sorted by class; and their row numbers.
local function sampled(x)
  local rows, n = {}, core.size(x, 1)
  local count = math.min(n, MOST_SAMPLED)
  for i = 1, count do rows[i] = (i - 1) * n // count + 1 end
  return count == n and x or core.index(x, core.tensor(rows)), rows
end

-- The distance of each spectrum from its own mean, as a list.
local function sizes(x)
  local rows = core.reshape(x, core.size(x, 1), -1)
  local rest = core.sub(rows, core.reshape(core.mean(rows, 2), -1, 1))
  return core.totable(core.sqrt(core.sum(core.mul(rest, rest), 2)))
end

local function distances(a, b) return core.totable(neighbours.distances(a, b, { verbose = false })) end

--- Returns the distance up to which two spectra that are large enough are nearly identical: a hundredth of the median
-- distance. Distances of 0 do not count: of many copies the median would be 0.
-- @param x (N, L, C)
-- @param y? a list of class numbers: only distances within a class count
function near_copies.limit(x, y)
  local sample, rows = sampled(x)
  local all = {}
  for i, row in ipairs(distances(sample, sample)) do
    for j = 1, i - 1 do
      local is_within = not y or y[rows[i]] == y[rows[j]]
      if is_within and row[j] > 0 then all[#all + 1] = row[j] end
    end
  end
  table.sort(all)
  return NEAR * (all[#all // 2 + 1] or 0)
end

--- Counts the spectra of a that are nearly identical to one of b.
function near_copies.count(a, b)
  local limit, count, size_of = near_copies.limit(b), 0, sizes(a)
  local examples = neighbours.fit(b, core.full(1, { core.size(b, 1) }), { k = 1, verbose = false })
  for i, distance in ipairs(core.totable(core.reshape(examples:nearest(a), -1))) do
    if distance <= math.min(limit, NEAR * size_of[i]) then count = count + 1 end
  end
  return count
end

--- Counts the pairs of nearly identical spectra, and returns the first as { j, i }, row numbers.
-- @param limit from near_copies.limit
-- @param counts function(i, j) that says if a pair counts
function near_copies.pairs(x, limit, counts)
  local count, first, size_of, n = 0, nil, sizes(x), core.size(x, 1)
  for before = 0, n - 1, ROWS do
    local rows = math.min(ROWS, n - before)
    for k, row in ipairs(distances(core.narrow(x, before + 1, rows), core.narrow(x, 1, before + rows))) do
      local i = before + k
      local near = math.min(limit, NEAR * size_of[i])
      for j = 1, i - 1 do
        if row[j] <= near and counts(i, j) then count, first = count + 1, first or { j, i } end
      end
    end
  end
  return count, first
end

return near_copies
