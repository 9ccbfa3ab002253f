--- What follows from a judgement, in sentences.
local check = require "moonbow.check"
local metrics = require "moonbow.pipeline.metrics"
local replicates = require "moonbow.experiment.judge.replicates"

local words = {}

local function is_network(row) return row.pipeline.model == "network" end

local function net_of(row) return row.pipeline.options.net end

-- The best row that is a network, or that is none; the rows are sorted.
local function best(rows, wanted)
  for _, row in ipairs(rows) do
    if is_network(row) == wanted then return row end
  end
end

--- The row of the best network of a comparison; nil if none was compared.
function words.best_network(comparison) return best(comparison.rows, true) end

--- Whether a network predicts better than what is not one; nil if only one of both was compared.
function words.networks(comparison)
  local network, other = best(comparison.rows, true), best(comparison.rows, false)
  if not (network and other and comparison.recommended) then return nil end
  local result = network.validation:compare(other.validation)
  local figures = ("%s %.4g against %.4g%s"):format(metrics.titles[comparison.metric], network.mean, other.mean,
    result.p and (", p = %.2g"):format(result.p) or "")
  local is_first = comparison.rows[1] == network
  if is_first and result.p and result.p < 0.05 then
    return ("A network, %s, predicts better than every other model: %s with %s."):format(net_of(network), figures,
      tostring(other.pipeline))
  elseif is_first then
    return ("The best network, %s, is not clearly better than %s: %s."):format(net_of(network),
      tostring(other.pipeline), figures)
  end
  return ("No network is better than %s: the best, %s, has %s."):format(tostring(other.pipeline), net_of(network),
    figures)
end

--- Warnings of replicates that may be on both sides of folds.
-- @param about { title, folds, groups (one of each spectrum, or nil) }
function words.of_folds(set, about)
  local list = {}
  local suspects = about.groups and {} or replicates.suspects(set, about.title, about.folds)
  if #suspects > 0 then
    list[1] = ("The cells of %s repeat: if they name samples that were measured several times, the figures are too "
      .. "good, and --group %s keeps the spectra of a sample in one fold."):format(
      check.printable(table.concat(suspects, ", ")), check.printable(table.concat(suspects, ",")))
  end
  local count, first = replicates.twins(set, about.groups)
  if count and count > 0 then
    list[#list + 1] = ("%s of spectra are nearly identical, such as %s and %s, and may be on both sides of a fold; "
      .. "--group with a column that names samples keeps them together."):format(check.show_count(count, "pair"),
      check.show(first[1]), check.show(first[2]))
  end
  return list
end

--- A warning of groups with spectra of several classes, such as samples that are numbered anew in each; or nil.
-- @param label the column of the classes
-- @param groups one of each spectrum
-- @param columns of the groups
function words.of_mixed_groups(set, label, groups, columns)
  local classes = set.labels[label]
  local count, several, _, first = replicates.mixed(classes, groups)
  if count == 0 then return nil end
  local group = check.printable(table.concat(columns, ","))
  return ("%d of %s of %s with several spectra hold different classes of %s, such as %s and %s in that of %s. If they "
    .. "are numbered anew in each class, --group %s,%s tells them apart."):format(count,
    check.show_count(several, "group"), group, check.show(label), check.show(classes[first[1]]),
    check.show(classes[first[2]]), check.show(set.names[first[1]]), group, check.printable(label))
end

--- Warnings of replicates on both sides of a split by hand.
function words.of_split(set, train, test, groups)
  local shared, same = replicates.leaks(set, train, test, groups)
  local list = {}
  if shared > 0 then
    list[1] = ("Replicates are on both sides of the split: %d of %d test spectra are of samples that are among the "
      .. "training spectra, too. The figures for the test rows are too good."):format(shared, #test)
  end
  if same > 0 then
    list[#list + 1] = ("%d of %d test spectra are nearly identical to a training spectrum. The figures for the test "
      .. "rows are too good."):format(same, #test)
  end
  return list
end

return words
