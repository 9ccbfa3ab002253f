--- The audit of the best network of a judgement, on a fold that it has not seen.
local core = require "moonbow.core"
local audit = require "moonbow.audit"
local folds = require "moonbow.experiment.judge.folds"
local official = require "moonbow.experiment.judge.official"
local preprocess = require "moonbow.data.preprocess"
local problem = require "moonbow.pipeline.problem"
local report = require "moonbow.audit.report"
local words = require "moonbow.experiment.judge.words"

local audited = {}

-- The first fold whose rows to train on lack the fewest classes.
local function fold_of(read, about)
  local list, chosen, most = folds.of(read, about, 1), nil, -1
  if read.task == "number" then return list[1] end
  for _, fold in ipairs(list) do
    local _, classes = folds.classes(read, problem.rows(fold.train))
    if #classes > most then chosen, most = fold, #classes end
  end
  return chosen
end

-- Rows to train on, and rows that are not seen: those of a fold, or of an official split.
local function rows_of(read, about)
  if about.train then return about.train, official.test_rows(about.parts) end
  local fold = fold_of(read, about)
  return problem.rows(fold.train), problem.rows(fold.test)
end

-- The rows whose classes are among those of the rows to train on: a network says nothing of others.
local function known_rows(read, train, rows)
  if read.task == "number" then return rows end
  local known, list = folds.classes(read, train), {}
  for _, row in ipairs(rows) do
    if known[read.y[row]] then list[#list + 1] = row end
  end
  return list
end

-- Spectra as the pipeline prepares them, with what is known of them.
local function part_of(fitted, set, read, about, rows)
  local chosen = set:select(rows)
  local part = { groups = {}, files = chosen.sources }
  local prepared = preprocess.apply(fitted.preprocessing, chosen)
  part.x, part.axis, part.steps = prepared.x, prepared.axis, prepared.quantity == "preprocessed" and prepared.decided
    or nil
  if #fitted.preprocessing > 0 and chosen.quantity ~= "preprocessed" then
    part.raw, part.steps = chosen.x, fitted.preprocessing
  end
  part.y = read.task == "class" and chosen:classes(about.options.label, fitted.names)
    or core.reshape(chosen:targets(about.options.target), -1)
  for i, row in ipairs(rows) do part.groups[i] = read.groups and read.groups[row] end
  if not read.groups then part.groups = nil end
  return part
end

--- Audits the best network that was compared, and sets found.audit, found.audited (its pipeline in words) and
-- found.unknown (the number of unseen spectra that are left out, since their class is not trained on); nothing without
-- a network.
-- @param found, set, about as for the report
local function run(found, set, about)
  local row = words.best_network(found.comparison)
  if not row then return end
  local read = problem.read("own_spectra", set, about.options, "both")
  local train, test = rows_of(read, about)
  local known = known_rows(read, train, test)
  found.unknown = #test - #known
  local fitted = row.pipeline:fit(set:select(train), about.options)
  local options = row.pipeline.options
  local data = { train = part_of(fitted, set, read, about, train), classes = fitted.names,
    test = #known > 0 and part_of(fitted, set, read, about, known) or nil }
  found.audited = tostring(row.pipeline)
  found.audit = audit(fitted.model, data, { task = read.task, batch_size = options.batch_size,
    patience = options.epochs, seed = about.options.seed, trained = true })
end

--- A sentence for the terminal.
function audited.sentence(found)
  local texts = {}
  for _, finding in ipairs(found.audit.findings) do
    if finding.is_fault then texts[#texts + 1] = finding.name end
  end
  return ("Audit of %s: %s.%s The report has all of it."):format(found.audited, report.summary(found.audit),
    #texts > 0 and (" Faults: %s."):format(table.concat(texts, ", ")) or "")
end

return setmetatable(audited, { __call = function(_, ...) return run(...) end })
