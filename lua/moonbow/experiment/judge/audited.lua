--- The audit of the best network of a judgement, on a fold that it has not seen.
local core = require "moonbow.core"
local audit = require "moonbow.audit"
local official = require "moonbow.experiment.judge.official"
local preprocess = require "moonbow.data.preprocess"
local problem = require "moonbow.pipeline.problem"
local report = require "moonbow.audit.report"
local split = require "moonbow.train.split"
local words = require "moonbow.experiment.judge.words"

local audited = {}

-- Rows to train on, and rows that are not seen: those of the first fold, or of an official split.
local function rows_of(read, about)
  if about.train then return about.train, official.test_rows(about.parts) end
  local fold = split.k_fold(read.n, about.folds, { stratify = problem.class_list(read), groups = read.groups,
    seed = { about.options.seed, 1 } })[1] -- as in cross_validate
  return problem.rows(fold.train), problem.rows(fold.test)
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
  part.y = read.task == "class" and chosen:classes(about.options.label, read.names)
    or core.reshape(chosen:targets(about.options.target), -1)
  for i, row in ipairs(rows) do part.groups[i] = read.groups and read.groups[row] end
  if not read.groups then part.groups = nil end
  return part
end

--- Audits the best network that was compared, and sets found.audit and found.audited, its pipeline in words; nothing
-- without a network.
-- @param found, set, about as for the report
local function run(found, set, about)
  local row = words.best_network(found.comparison)
  if not row then return end
  local read = problem.read("own_spectra", set, about.options, "both")
  local train, test = rows_of(read, about)
  local fitted = row.pipeline:fit(set:select(train), about.options)
  local options = row.pipeline.options
  local data = { train = part_of(fitted, set, read, about, train), test = part_of(fitted, set, read, about, test),
    classes = read.names }
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
