--- Splits a data set in two parts or in k folds. The results are tensors of row numbers, for x:index.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local splits = require "moonbow.train.splits"
local text_table = require "moonbow.text_table"

local split = {}

local MOST_FOLDS = 20 -- at most this many are shown

local shown_folds = shown.kind("folds", function(folds)
  local rows = { { "fold", "train", "test" } }
  for f = 1, math.min(#folds, MOST_FOLDS) do
    rows[f + 1] = { f, core.count(folds[f].train), core.count(folds[f].test) }
  end
  local rest = #folds > MOST_FOLDS and ("\n(%d of %d folds)"):format(MOST_FOLDS, #folds) or ""
  return text_table.format(rows, { left = 0 }) .. rest
end)

-- ---- k folds, and one split ----

-- Returns the number of rows; a user who passes the rows themselves is told how to count them.
local function row_count(operation, n)
  local holder = core.is_tensor(n) and "x" or type(n) == "table" and (n.x and "set.x" or "rows")
  return check.kind(operation, "n", n, "positive integer",
    holder and ("it is the number of rows: write mb.split.%s(#%s, ...)"):format(operation, holder) or nil)
end

local known = {
  stratify = check.optional "tensor|table", groups = check.optional "tensor|table",
  seed = check.seed(0),
}

--- k folds of n rows for cross-validation. Classes that are missing from the test rows of a fold, or from its training
-- rows, are named in a warning.
-- @param n integer number of rows, up to 2^24
-- @param k integer number of folds, from 2 on
-- @option stratify one label per row: every fold gets its share of each class. A list of numbers, strings or booleans,
--   or a tensor (N) or (N, 1); nil, NaN and blank strings raise
-- @option groups one label per row: rows of one group stay together. The largest groups are dealt first, which makes
--   the folds as even as possible in this order; seed decides among groups of equal size only. Raises if groups leave
--   no class on both sides of a split
-- @option seed an integer, or a table of integers, for the order of rows
-- @return table a list of k { train = , test = }: tensors of row numbers, for x:index
-- @usage
-- for _, fold in ipairs(mb.split.k_fold(#x, 5, { stratify = y })) do
--   local x_train, x_test = x:index(fold.train), x:index(fold.test)
-- end
function split.k_fold(n, k, options)
  n = row_count("k_fold", n)
  k = check.kind("k_fold", "k", k, "positive integer")
  options = check.options("k_fold", options, known)
  return shown_folds(splits.k_fold("k_fold", "k", n, k, options))
end

--- One split of n rows in two parts.
-- @param n integer number of rows, up to 2^24
-- @param share number above 0 and below 1: share of the rows in the second part, approximately; the part has at least
--   one unit (a row or a group) and not all
-- @return tensor row numbers of the first part, for training
-- @return tensor row numbers of the second part, for tests
-- @see split.k_fold
function split.holdout(n, share, options)
  n = row_count("holdout", n)
  check.kind("holdout", "share", share, "number")
  if not (share > 0 and share < 1) then
    check.fail("holdout", "share: expected a number above 0 and below 1, got %s", check.show(share))
  end
  options = check.options("holdout", options, known)
  return splits.holdout("holdout", n, share, options)
end

check.takes(split.k_fold, 3, known)
check.takes(split.holdout, 3, known)

return split
