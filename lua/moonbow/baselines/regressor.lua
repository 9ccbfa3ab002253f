--- Shared by the models that predict numbers: arguments of fit, and the quality of predictions.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local moments = require "moonbow.moments"

local regressor = {}

-- A list of numbers, or of rows of as many numbers each.
local function read_table(operation, y)
  if type(y[1]) ~= "table" then return check.numbers(operation, "y", y) end
  local rows = {}
  for i, row in ipairs(check.list(operation, "y", y)) do
    rows[i] = check.numbers(operation, ("y[%d]"):format(i), row)
    if #rows[i] ~= #rows[1] then
      check.fail(operation, "y[%d]: expected %s, as in y[1], got %d", i, check.show_count(#rows[1], "number"), #rows[i])
    end
  end
  return rows
end

-- Reads the numbers to predict as a tensor (N, M); the second result is true if there is one for each row.
local function targets(operation, y, n)
  check.kind(operation, "y", y, "tensor|table")
  if not core.is_tensor(y) then y = core.tensor(read_table(operation, y)) end
  local shape = core.shape(y)
  if #shape > 2 or shape[1] ~= n then
    check.fail(operation, "y: expected numbers (N) or (N, M) for the %d rows of x, got shape %s", n,
      check.show_shape(shape))
  end
  return core.reshape(y, n, shape[2] or 1), #shape == 1
end

--- Reads the arguments of fit: the options, x as rows, y as a tensor (N, M), and whether y is (N).
-- @param known for check.options
function regressor.arguments(operation, x, y, options, known)
  options = check.options(operation, options, known)
  x = classifier.rows(operation, "x", x)
  local single
  y, single = targets(operation, y, core.size(x, 1))
  return options, x, y, single
end

--- R2 of predictions of one target.
-- @param truth, got lists of numbers
function regressor.r2(truth, got)
  local errors, _, spread = 0, moments.mean_and_squares(truth)
  for i, value in ipairs(truth) do errors = errors + (value - got[i]) ^ 2 end
  return spread > 0 and 1 - errors / spread or errors == 0 and 1 or 0
end

local function column(x, c) return core.totable(core.reshape(core.slice(x, 2, c, 1), -1)) end

--- R2 of a model's predictions, the mean over the columns of y.
function regressor.score(kind, model, x, y)
  local got = model:predict(x)
  local n = core.size(got, 1)
  local truth = targets(kind .. ":score", y, n)
  got = core.reshape(got, n, -1)
  local columns, sum = core.size(got, 2), 0
  if core.size(truth, 2) ~= columns then
    check.fail(kind .. ":score", "y: expected %d numbers, got %d", n * columns, core.count(truth))
  end
  for c = 1, columns do sum = sum + regressor.r2(column(truth, c), column(got, c)) end
  return sum / columns
end

--- Returns the metatable of a kind of model, which predicts numbers with its inner method scores(x) -> (N, M).
function regressor.of_kind(kind)
  local Regressor = { __name = kind, kind = kind }
  Regressor.__index = Regressor

  --- Scores predictions: R2, 1 less the ratio of the squared errors to those of the mean; the mean over the columns
  -- of y, as scikit-learn has it.
  -- @param x tensor spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
  -- @param y tensor|table (N) or (N, M) numbers
  -- @return number at most 1
  function Regressor.score(model, x, y) return regressor.score(kind, model, x, y) end

  return Regressor
end

--- Predictions (N, M) as (N) if y was (N) in fit.
function regressor.shaped(y, single) return single and core.reshape(y, core.size(y, 1)) or y end

return regressor
