--- Methods of sets that read labels: classes, targets, folds.
local core = require "moonbow.core"
local check = require "moonbow.check"
local encode = require "moonbow.data.labels"
local label_numbers = require "moonbow.spectra.label_numbers"
local split = require "moonbow.train.split"
local set = require "moonbow.spectra.set"

local Spectra = set.class

-- Returns the cells of a label column; raises if there is none.
local function column_of(operation, spectra, column)
  check.kind(operation, "column", column, "string")
  local cells = spectra.labels[column]
  if cells then return cells end
  local nearest = check.nearest(column, spectra.columns)
  check.fail(operation, "no label %s; %s", check.show(column), nearest and ("did you mean %s?"):format(
    check.show(nearest)) or #spectra.columns == 0 and "there are none" or "there are: "
    .. check.printable(table.concat(spectra.columns, ", ")))
end

local function name_of(spectra, i) return ("spectrum %d (%s)"):format(i, check.printable(spectra.names[i])) end

--- Returns the class numbers of the spectra by a label, as mb.fit takes them, and the names of the classes.
-- @param column string the label
-- @param names? table the classes in order, such as those of a training set; else the different labels, sorted
-- @return tensor (N) class numbers
-- @return table the names of the classes, in order
-- @see class_numbers
-- @usage
-- local train, test = spectra:holdout(0.3, { stratify = "mineral" })
-- local y, names = train:classes "mineral"
-- local y_test = test:classes("mineral", names)
function Spectra:classes(column, names)
  local cells = column_of("classes", self, column)
  for i, cell in ipairs(cells) do
    if not cell:find "%S" then check.fail("classes", "%s: %s is empty", check.show(column), name_of(self, i)) end
  end
  if names ~= nil then names = encode.names("classes", names) end
  local y, order = encode.encode("classes", cells, names)
  return core.tensor(y), order
end

--- Returns labels that are numbers, as targets of a regression. "1.012" beside "13,5" or "990" is refused, since it may
-- be 1012, unless the option decimal of mb.spectra.read or spectra:join says which sign is that of decimals. Labels
-- that were given as numbers are never in doubt.
-- @param columns string|table one label, or a list of them
-- @return tensor (N, number of labels)
-- @usage local y = spectra:targets { "fat", "moisture" }
function Spectra:targets(columns)
  check.kind("targets", "columns", columns, "string|table")
  columns = type(columns) == "string" and { columns } or check.list("targets", "columns", columns)
  if #columns == 0 then check.fail("targets", "columns: expected at least one label, got none") end
  local rows = {}
  for i = 1, #self do rows[i] = {} end
  for c, column in ipairs(columns) do
    local list, why, at = label_numbers.read(column_of("targets", self, column))
    if not list then
      check.fail("targets", "%s: %s%s", check.show(column), at and name_of(self, at) .. ": " or "", why)
    end
    for i, number in ipairs(list) do rows[i][c] = number end
  end
  return core.tensor(rows)
end

-- One label per row by a column, or by several together.
local function combined(operation, spectra, columns)
  if columns == nil then return nil end
  if type(columns) == "string" then return column_of(operation, spectra, columns) end
  local lists = {}
  for c, column in ipairs(check.list(operation, "groups", columns)) do
    lists[c] = column_of(operation, spectra, column)
  end
  return encode.combined(lists)
end

local known_options = { stratify = check.optional "string", groups = check.optional "string|table",
  seed = check.seed(0) }

local function split_options(operation, spectra, given)
  local options = check.options(operation, given, known_options)
  return { stratify = combined(operation, spectra, options.stratify),
    groups = combined(operation, spectra, options.groups), seed = options.seed }
end

--- Splits a set in two.
-- @param share number above 0 and below 1: share of the spectra in the second part, approximately
-- @option stratify a label: both parts get their share of each of its values
-- @option groups a label, or a list of labels, that names replicates: they stay together
-- @option seed an integer, or a table of integers
-- @return spectra the first part, for training
-- @return spectra the second part, for tests
-- @see split.holdout
-- @usage local train, test = spectra:holdout(0.2, { stratify = "mineral", groups = "sample" })
function Spectra:holdout(share, options)
  local train, test = split.holdout(#self, share, split_options("holdout", self, options))
  return Spectra.select(self, train), Spectra.select(self, test)
end

--- Goes through k folds: for train, test in spectra:k_fold(5) do.
-- @param k integer number of folds
-- @option stratify a label: each fold gets its share of each of its values
-- @option groups a label, or a list of labels, that names replicates: they stay together
-- @option seed an integer, or a table of integers
-- @return function an iterator over the pairs of sets (train, test)
-- @see split.k_fold
-- @usage
-- for train, test in spectra:k_fold(5, { stratify = "mineral", groups = "sample" }) do
--   print(#train, #test)
-- end
function Spectra:k_fold(k, options)
  local folds, f = split.k_fold(#self, k, split_options("k_fold", self, options)), 0
  return function()
    f = f + 1
    if folds[f] then return Spectra.select(self, folds[f].train), Spectra.select(self, folds[f].test) end
  end
end

check.takes(Spectra.holdout, 2, known_options)
check.takes(Spectra.k_fold, 2, known_options)
