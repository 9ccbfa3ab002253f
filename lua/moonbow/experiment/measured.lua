--- Measured spectra for scripts: if the files lack what a function needs, it ends the script with a message.
local core = require "moonbow.core"
local check = require "moonbow.check"
local expected = require "moonbow.data.expected"
local labels = require "moonbow.data.labels"
local output = require "moonbow.experiment.output"
local read = require "moonbow.spectra.read"
local sets = require "moonbow.spectra.set"

local Measured = {}
Measured.__index = Measured

local MOST_NOTES = 10

--- Names the options of mb.spectra.read, and of spectra:with, as those of a script are written.
function Measured.for_script(message)
  return (message:gsub("skip = true leaves", "--skip leaves"):gsub("the option (%l+) ", "--%1 ")
    :gsub('format = "(%l+)"', "--format %1"):gsub("spectra:with { (%l+) = '([^']*)' }", "--%1 %2"))
end

-- Reads "LOW,HIGH".
local function range(text)
  local low, high = text:match "^%s*(%-?[%d.]+)%s*,%s*(%-?[%d.]+)%s*$"
  low, high = tonumber(low), tonumber(high)
  if low and high and low < high then return { low, high } end
  return nil, ("--crop: expected LOW,HIGH, got %s"):format(check.show(text))
end

--- Gives a parser of argparse the options of reading: --labels, --by, --crop, --format and others.
function Measured.add_options(parser)
  parser:option("--labels", "table with further columns, whose rows are found by the names of the files")
  parser:option("--by", "what names its rows: file, name, folder or a column; or row, for their order", "file")
  parser:option("--crop", "LOW,HIGH: the range of the axis to use"):convert(range)
  parser:option("--format", "the files' format, if it is not to be found by the content (ucr: the first of each row of "
    .. "numbers is its class; text: it is not)")
  parser:option("--separator", "character between cells, \\t for a tab (default: what fits all lines)")
    :convert(function(text) return text == "\\t" and "\t" or text end)
  parser:option("--decimal", "decimal sign (default: what fits all lines)"):choices { ".", "," }
  parser:option("--comment", "sign with which lines start that are left out (see docs/own_spectra.md)")
  parser:option("--unit", "unit of the axis, if the files do not say or disagree: cm-1, nm, deg")
  parser:option("--quantity", "what the values are, if the files do not say or disagree: counts, absorbance, %T")
  parser:flag("--resample", "interpolate spectra with different axes to one; a saved model does so to its own axis")
  parser:flag("--skip", "leave out files that cannot be read")
end

-- The options for mb.spectra.read among the arguments.
local function options_of(args)
  local options = { resample = args.resample or nil }
  for _, name in ipairs { "format", "separator", "decimal", "comment", "labels", "by", "unit", "quantity", "skip" } do
    options[name] = args[name]
  end
  return options
end

-- A note on a file of several names the file itself.
local function print_notes(path, notes, is_single)
  local before = is_single and check.printable(path) .. ": " or ""
  for i = 1, math.min(#notes, MOST_NOTES) do print(before .. Measured.for_script(notes[i])) end
  if #notes > MOST_NOTES then print(("and %d more notes"):format(#notes - MOST_NOTES)) end
end

--- Reads the files, and prints which parts of them were left out.
-- @param paths list of files, folders or globs
-- @param args of the command line, with the options of Measured.add_options
-- @param model? what came with a model by mb.load: if it has an axis, each spectrum is brought to this by itself, which
--   makes --crop and --resample needless
-- @return measured { path (for messages), spectra }
function Measured.read(paths, args, model)
  local options, axis = options_of(args), model and expected.axis(model)
  local spectra, err
  if axis then
    local function place(set) return expected.placed("predict", model, set) end
    spectra, err = sets.read_at(paths, options, axis, place)
  else
    spectra, err = read(paths, options)
  end
  if not spectra then output.fail(Measured.for_script(err)) end
  local path = paths[1] .. (#paths > 1 and (" and %d more"):format(#paths - 1) or "")
  print_notes(path, spectra.notes, spectra.sources[1] == path and spectra.sources[#spectra] == path)
  if args.crop and not axis then spectra = spectra:crop(table.unpack(args.crop)) end
  return setmetatable({ path = check.printable(path), spectra = spectra }, Measured)
end

-- The cells of a column; those of the folder and the file of each spectrum always exist.
local function cells_of(spectra, name)
  return spectra.labels[name] or name == "folder" and sets.folders(spectra) or name == "file" and spectra.sources or nil
end

--- Returns the cells of a label column, none of which may be empty, and lets the set have it.
function Measured:column(name)
  local spectra = self.spectra
  local cells = cells_of(spectra, name)
  if not cells then
    local columns = table.move(spectra.columns, 1, #spectra.columns, 1, {})
    columns[#columns + 1] = "folder, file"
    output.fail(("%s has no label column %s; there are: %s"):format(self.path, check.show(name),
      check.printable(table.concat(columns, ", "))))
  end
  for i, cell in ipairs(cells) do
    if not cell:find "%S" then output.fail(("%s: spectrum %d has no %s"):format(self.path, i, check.show(name))) end
  end
  if not spectra.labels[name] then self.spectra = spectra:with { labels = { [name] = cells } } end
  return cells
end

-- Ends the script if cross-validation is impossible: most classes have fewer members than there are folds.
-- @param among " for training", or "" for all spectra
local function check_classes(self, column, cells, folds, among)
  local count, scarce, numbers = {}, 0, 0
  for _, cell in ipairs(cells) do count[cell] = (count[cell] or 0) + 1 end
  local _, names = labels.encode("classes", cells)
  for _, name in ipairs(names) do
    if count[name] < folds then scarce = scarce + 1 end
    if tonumber((name:gsub(",", "."))) then numbers = numbers + 1 end
  end
  local label = check.show(column)
  if #names < 2 then
    output.fail(("%s: expected at least 2 classes in %s%s, found only %s"):format(self.path, label, among,
      check.show(names[1])))
  elseif 2 * scarce > #names then
    output.fail(("%s: %s has %d classes in %s%s, %d of them with fewer spectra than the %d folds%s"):format(
      self.path, label, #names, check.show_count(#cells, "spectrum", "spectra"), among, scarce, folds,
      numbers == #names and "; all are numbers: --target predicts a quantity" or ""))
  end
end

local function pick(list, rows)
  local picked = {}
  for i, row in ipairs(rows) do picked[i] = list[row] end
  return picked
end

--- Checks a label column, and that its classes can be divided into folds.
-- @param rows for training; nil for all
function Measured:check_classes(column, folds, rows)
  local cells = self:column(column)
  check_classes(self, column, rows and pick(cells, rows) or cells, folds, rows and " for training" or "")
end

-- Returns the number that stands most often in a tensor, and how often.
local function most_frequent(numbers)
  local count, most = {}, nil
  for _, number in ipairs(core.totable(core.reshape(numbers, -1))) do
    count[number] = (count[number] or 0) + 1
    if not most or count[number] > count[most] then most = number end
  end
  return most, count[most]
end

-- Ends the script unless the numbers to predict vary, also without those of one fold.
-- @param rows for training; nil for all
local function check_varies(self, column, rows)
  local spectra = rows and self.spectra:select(rows) or self.spectra
  local most, count = most_frequent(spectra:targets(column))
  if count < #spectra - 1 then return end
  output.fail(("%s: %s%d values of %s%s are %.7g; expected at least 2 others"):format(self.path,
    count == #spectra and "all " or ("%d of "):format(count), #spectra, check.show(column),
    rows and " for training" or "", most))
end

--- Checks a column of numbers to predict, that there are enough for the folds, and that they vary.
-- @param rows for training; nil for all
function Measured:check_numbers(column, folds, rows)
  self:column(column)
  local ok, err = pcall(self.spectra.targets, self.spectra, column)
  if not ok then output.fail(("%s: %s"):format(self.path, (tostring(err):gsub("^.*targets: ", "")))) end
  local count = rows and #rows or #self.spectra
  if count < 2 * folds then
    output.fail(("%s: %s%s are too few for %d folds"):format(self.path, check.show_count(count, "spectrum", "spectra"),
      rows and " for training" or "", folds))
  end
  check_varies(self, column)
  if rows then check_varies(self, column, rows) end
end

-- True if any class has rows in several groups.
local function is_any_split(groups, classes)
  local first = {}
  for i, class in ipairs(classes) do
    first[class] = first[class] or groups[i]
    if first[class] ~= groups[i] then return true end
  end
  return false
end

--- Checks that there are enough groups for the folds, and that they are not the classes.
-- @param groups of the spectra, from measured:groups, and their columns
-- @param label the column of the classes, at least one of which must have spectra in several groups; nil for numbers
-- @param rows for training; nil for all
function Measured:check_groups(groups, columns, label, folds, rows)
  local shown, own, among = check.show(columns), rows and pick(groups, rows) or groups, rows and " for training" or ""
  local classes, count = label and self:column(label), labels.count_different(own)
  if label and not is_any_split(own, rows and pick(classes, rows) or classes) then
    output.fail(("%s: each class of %s lies in one group of %s%s, so that none is both trained on and tested"):format(
      self.path, check.show(label), shown, among))
  elseif count < folds then
    output.fail(("%s: %s has %s%s, fewer than the %d folds"):format(self.path, shown, check.show_count(count, "group"),
      among, folds))
  end
end

--- Returns the group of each spectrum by one label column, or by several with commas between them, and the list of the
-- columns.
function Measured:groups(columns)
  local lists, names = {}, {}
  for name in columns:gmatch "[^,]+" do
    names[#names + 1] = name
    lists[#lists + 1] = self:column(name)
  end
  local groups = labels.combined(lists)
  if #groups == 0 then
    output.fail("expected --group with the column that names replicates, got " .. check.show(columns))
  end
  return groups, names
end

--- Prints the classes in a label column that a model does not know, since each of their spectra counts as wrong.
function Measured:check_known(column, classes)
  local known, unknown = {}, {}
  for _, name in ipairs(classes) do known[name] = true end
  for _, name in ipairs(self:column(column)) do
    if not known[name] then unknown[#unknown + 1] = check.show(name) end
    known[name] = true
  end
  if #unknown > 0 then
    print(("%s: the model knows %s; what %s names otherwise counts as wrong: %s\n"):format(self.path,
      check.printable(table.concat(classes, ", ")), check.show(column), table.concat(unknown, ", ")))
  end
end

return Measured
