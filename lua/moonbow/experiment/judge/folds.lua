--- The folds of a judgement: those of mb.cross_validate, dealt again.
local dealing = require "moonbow.train.dealing"
local problem = require "moonbow.pipeline.problem"

local folds = {}

--- Returns the folds { train, test } of a repeat, without the warnings of the comparison.
-- @param read problem
-- @param about { folds, options (with the seed) }
-- @param round number of the repeat
function folds.of(read, about, round)
  return (dealing.folds("k_fold", read.n, about.folds, { stratify = problem.class_list(read), groups = read.groups,
    seed = { about.options.seed, round } }))
end

--- Returns the set of the classes that rows have, and a list of them.
function folds.classes(read, rows)
  local found, list = {}, {}
  for _, row in ipairs(rows) do
    local class = read.y[row]
    if not found[class] then found[class], list[#list + 1] = true, class end
  end
  return found, list
end

--- Returns the class to which the rows to train on of a fold are confined; nil if each fold has at least two.
-- @param about { folds, repeats, options }
function folds.confined(read, about)
  for round = 1, about.repeats do
    for _, fold in ipairs(folds.of(read, about, round)) do
      local _, list = folds.classes(read, problem.rows(fold.train))
      if #list < 2 then return read.names[list[1]] end
    end
  end
end

return folds
