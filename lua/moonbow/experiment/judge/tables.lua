--- The tables of a judgement, for the terminal, the report and predictions.csv.
local core = require "moonbow.core"
local metrics = require "moonbow.pipeline.metrics"
local files = require "moonbow.io.files"

local tables = {}

local least = { accuracy = 0, balanced_accuracy = 0, macro_f1 = 0, auc = 0, rmse = 0, rpd = 0 }
local greatest = { accuracy = 1, balanced_accuracy = 1, macro_f1 = 1, auc = 1, r2 = 1 }

-- "0.957 to 1": an interval within what the metric can be.
local function interval_text(name, interval)
  return interval and ("%.4g to %.4g"):format(math.max(interval[1], least[name] or -math.huge),
    math.min(interval[2], greatest[name] or math.huge)) or "none"
end

local function number(value) return value and ("%.4g"):format(value) or "" end

--- The compared pipelines: a heading, and rows.
function tables.comparison(found)
  local comparison, parts = found.comparison, found.parts or {}
  local heading, rows = { "pipeline", metrics.titles[comparison.metric] }, {}
  for _, part in ipairs(parts) do heading[#heading + 1] = part.name end
  table.move({ "95 % interval", "from best", "p" }, 1, 3, #heading + 1, heading)
  for i, row in ipairs(comparison.rows) do
    local cells = { tostring(row.pipeline), number(row.mean) }
    for p in ipairs(parts) do cells[#cells + 1] = number(row.tests[p][comparison.metric]) end
    cells[#cells + 1] = interval_text(comparison.metric, row.validation.interval[comparison.metric])
    cells[#cells + 1] = i > 1 and ("%+.2g"):format(row.difference) or ""
    cells[#cells + 1] = i > 1 and row.p and ("%.2g"):format(row.p) or ""
    rows[i] = cells
  end
  rows[#rows + 1] = { "constant (nothing of the spectra)", number(comparison.constant.mean[comparison.metric]) }
  return heading, rows
end

-- A row of metrics of the test rows, a column for each part.
local function test_metrics(found, tests)
  local heading, rows = { "metric" }, {}
  for p, part in ipairs(found.parts) do heading[p + 1] = ("%s (%d)"):format(part.name, #part.rows) end
  for m, name in ipairs(metrics.names[found.outcome.task]) do
    rows[m] = { metrics.titles[name] }
    for p, values in ipairs(tests) do rows[m][p + 1] = number(values[name]) end
  end
  return heading, rows
end

--- The metrics of the recommended pipeline: with intervals from the folds, or of each part of the test rows. A heading,
-- and rows.
function tables.metrics(found)
  local outcome, rows = found.outcome, {}
  if found.parts then return test_metrics(found, found.comparison.rows[found.comparison.recommended].tests) end
  for _, name in ipairs(metrics.names[outcome.task]) do
    local mean, interval = outcome.mean[name], outcome.interval[name]
    if mean then rows[#rows + 1] = { metrics.titles[name], number(mean), interval_text(name, interval) } end
  end
  return { "metric", "value", "95 % interval" }, rows
end

local has_scores = { plsda = true, svm = true } -- which are no probabilities

--- The predictions: a heading, and a row for each spectrum.
-- @param pipeline the recommended one
function tables.predictions(found, set, pipeline)
  local outcome, model = found.outcome, pipeline.model
  local is_class = outcome.task == "class"
  local heading = { "name", "file", outcome.title, "predicted",
    is_class and (has_scores[model] and "score" or "probability") or nil }
  heading[#heading + 1] = "unlike"
  local rows = {}
  for i, row in ipairs(found.rows) do
    local predicted = outcome.predicted[i]
    local cells = { set.names[row], set.sources[row], set.labels[outcome.title][row],
      is_class and found.names[predicted] or ("%.6g"):format(predicted) }
    if is_class then cells[5] = ("%.3f"):format(outcome.scores[i][predicted]) end
    cells[#cells + 1] = found.marks[i] and "yes" or ""
    rows[i] = cells
  end
  return heading, rows
end

local function quoted(cell)
  cell = tostring(cell)
  return cell:find '[",\n\r]' and '"' .. cell:gsub('"', '""') .. '"' or cell
end

--- Writes a heading and rows as CSV. Returns true; or nil and a message.
function tables.write_csv(path, heading, rows)
  local lines = {}
  for i = 0, #rows do
    local cells = {}
    for c, cell in ipairs(rows[i] or heading) do cells[c] = quoted(cell) end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return core.in_c_locale(files.write, path, table.concat(lines, "\n") .. "\n")
end

return tables
