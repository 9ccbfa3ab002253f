--- Which test spectra of the benchmark are wrong.
local errors = {}

--- Counts the wrong ones, separately for those that have a rival: { wrong, wrong_ambiguous, pairs = { {true, predicted,
-- count} } } with the authors' numbers of classes, from 0, the smaller first.
-- @param predicted list of class numbers
-- @param test the test set, with y and rival
function errors.of(predicted, test)
  local result, by_pair = { wrong = 0, wrong_ambiguous = 0, pairs = {} }, {}
  for i, guess in ipairs(predicted) do
    local class = test.y[i] // 1 | 0
    guess = guess // 1 | 0
    if class ~= guess then
      result.wrong = result.wrong + 1
      if test.rival[i] > 0 then result.wrong_ambiguous = result.wrong_ambiguous + 1 end
      local low, high = math.min(class, guess) - 1, math.max(class, guess) - 1
      local key = low .. " " .. high
      if not by_pair[key] then
        by_pair[key] = { low, high, 0 }
        table.insert(result.pairs, by_pair[key])
      end
      by_pair[key][3] = by_pair[key][3] + 1
    end
  end
  table.sort(result.pairs, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  return result
end

--- Counts errors on the challenge set: those between classes of one triplet by its kind ("minor", "position",
-- "height"), and those between "other classes".
-- @param found from errors.of
-- @param kinds of the classes, three of each triplet
function errors.by_kind(found, kinds)
  local counts = {}
  for _, pair in ipairs(found.pairs) do
    local low, high, count = table.unpack(pair)
    local kind = low // 3 == high // 3 and kinds[low + 1] or "other classes"
    counts[kind] = (counts[kind] or 0) + count
  end
  return counts
end

return errors
