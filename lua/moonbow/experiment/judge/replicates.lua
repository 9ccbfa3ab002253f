--- Replicates: several spectra of one sample, which must not be both trained on and tested.
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local near_copies = require "moonbow.baselines.near_copies"
local moments = require "moonbow.moments"

local replicates = {}

local MOST_COMPARED = 3000 -- spectra, of which all distances are computed

local words = {}
for word in ("sample group replicate specimen patient subject donor individual batch lot tablet probe plant animal "
  .. "measurement series"):gmatch "%a+" do words[word] = true end

local function is_named_so(column)
  for word in column:lower():gmatch "%a+" do
    if words[word] or words[word:match "^(.-)s$" or ""] then return true end
  end
  return false
end

--- Returns the columns that by their name and their repeated cells may name replicates.
-- @param title label or target, which is left out
-- @param folds the least number of groups
function replicates.suspects(spectra, title, folds)
  local names = {}
  for _, column in ipairs(spectra.columns) do
    local count = labels.count_different(spectra.labels[column])
    if column ~= title and is_named_so(column) and count >= folds and count < #spectra then
      names[#names + 1] = column
    end
  end
  return names
end

--- Counts the pairs of nearly identical spectra that no group joins.
-- @param groups one of each spectrum, or nil
-- @return the number, and the names of the first pair; nil for very large sets
function replicates.twins(spectra, groups)
  if #spectra > MOST_COMPARED then return nil end
  local count, first = near_copies.pairs(spectra.x, near_copies.limit(spectra.x), function(i, j)
    return not (groups and groups[i] == groups[j])
  end)
  return count, first and { spectra.names[first[1]], spectra.names[first[2]] }
end

--- Counts the test spectra with a replicate among the training spectra.
-- @return number that share a group (0 without groups), number that are nearly identical to a training spectrum
function replicates.leaks(spectra, train, test, groups)
  local trained, shared = {}, 0
  for _, row in ipairs(train) do trained[groups and groups[row] or row] = true end
  for _, row in ipairs(test) do
    if groups and trained[groups[row]] then shared = shared + 1 end
  end
  return shared, near_copies.count(spectra:select(test).x, spectra:select(train).x)
end

-- Lists of rows by group, those with several only.
local function members_of(groups)
  local by_group, list = {}, {}
  for i, group in ipairs(groups) do
    if not by_group[group] then
      by_group[group] = {}
      list[#list + 1] = by_group[group]
    end
    table.insert(by_group[group], i)
  end
  local several = {}
  for _, members in ipairs(list) do
    if #members > 1 then several[#several + 1] = members end
  end
  return several
end

--- Finds groups of spectra of different classes.
-- @param classes, groups one of each spectrum
-- @return their number, that of all groups with several spectra, the share of the spectra of these that are in groups
--   of different classes, and two spectra of the first such group
function replicates.mixed(classes, groups)
  local count, several, inside, all, first = 0, members_of(groups), 0, 0, nil
  for _, members in ipairs(several) do
    local other
    for _, row in ipairs(members) do other = other or classes[row] ~= classes[members[1]] and row or nil end
    all = all + #members
    if other then count, inside, first = count + 1, inside + #members, first or { members[1], other } end
  end
  return count, #several, inside / math.max(all, 1), first
end

-- The share of pairs of replicates with the same value.
local function agreement(values, several)
  local same, pairs_of = 0, 0
  for _, members in ipairs(several) do
    for i = 2, #members do
      for j = 1, i - 1 do
        pairs_of = pairs_of + 1
        if values[members[i]] == values[members[j]] then same = same + 1 end
      end
    end
  end
  return same / pairs_of
end

-- The pooled standard deviation of values within groups.
local function spread_within(values, several)
  local squares, freedom = 0, 0
  for _, members in ipairs(several) do
    local own = {}
    for i, row in ipairs(members) do own[i] = values[row] end
    squares = squares + select(2, moments.mean_and_squares(own))
    freedom = freedom + #members - 1
  end
  return math.sqrt(squares / freedom)
end

-- The best accuracy of a model that says the same of all replicates of a sample: their most frequent label.
local function best_accuracy(truth, groups)
  local counts, right = {}, 0
  for i, group in ipairs(groups) do
    counts[group] = counts[group] or {}
    counts[group][truth[i]] = (counts[group][truth[i]] or 0) + 1
  end
  for _, by_label in pairs(counts) do
    local most = 0
    for _, count in pairs(by_label) do most = math.max(most, count) end
    right = right + most
  end
  return right / #truth
end

--- The ceiling that replicates set, as { limit, agreement, text }; nil if no sample has replicates, or if most
-- replicates are in groups that mix classes, which are no samples. Of classes: the best accuracy by their labels, and
-- the share of pairs of replicates that are predicted alike. Of numbers: the standard deviation within replicates of
-- the targets and of the predictions.
-- @param truth, predicted lists; numbers of one target
function replicates.ceiling(task, truth, predicted, groups)
  local several = members_of(groups)
  if #several == 0 or task == "class" and select(3, replicates.mixed(truth, groups)) > 0.5 then return nil end
  local samples = check.show_count(#several, "sample")
  if task == "class" then
    local limit, alike = best_accuracy(truth, groups), agreement(predicted, several)
    return { limit = limit, agreement = alike, text = ("Ceiling by the replicates of %s: their labels allow an "
      .. "accuracy of %.3f; %.1f %% of their pairs are predicted alike."):format(samples, limit, 100 * alike) }
  end
  local limit, alike = spread_within(truth, several), spread_within(predicted, several)
  return { limit = limit, agreement = alike, text = ("Ceiling by the replicates of %s: their targets differ by a "
    .. "standard deviation of %.4g, their predictions by %.4g."):format(samples, limit, alike) }
end

return replicates
