--- A file of measured spectra for scripts: if the file lacks what a function needs, it ends the script with a message.
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local output = require "moonbow.experiment.output"
local read_csv = require "moonbow.io.read_csv"

local Measured = {}
Measured.__index = Measured

--- Reads the file, and prints which parts of it were left out.
-- @param options as for read_csv
function Measured.read(path, options)
  local set, err = read_csv(path, options)
  if not set then output.fail(err) end
  for _, note in ipairs(set.notes) do print(check.printable(path) .. ": " .. note) end
  set.path = path
  return setmetatable(set, Measured)
end

--- Returns the cells of a label column, none of which may be empty.
function Measured:column(name)
  local cells = self.labels[name]
  if not cells then
    output.fail(("%s has no label column %s; there are: %s"):format(self.path, check.show(name),
      #self.columns > 0 and table.concat(self.columns, ", ") or "none"))
  end
  for i, cell in ipairs(cells) do
    if not cell:find "%S" then output.fail(("%s: spectrum %d has no %s"):format(self.path, i, check.show(name))) end
  end
  return cells
end

-- Ends the script if cross-validation is impossible: most classes have fewer members than there are folds.
local function check_classes(self, column, names, count, folds)
  local scarce, numbers = 0, 0
  for _, name in ipairs(names) do
    if count[name] < folds then scarce = scarce + 1 end
    if tonumber((name:gsub(",", "."))) then numbers = numbers + 1 end
  end
  local label = check.show(column)
  if #names < 2 then
    output.fail(("%s: expected at least 2 classes in %s, found only %s"):format(self.path, label, check.show(names[1])))
  elseif 2 * scarce > #names then
    output.fail(("%s: %s has %d classes in %s, %d of them with fewer spectra than the %d folds%s"):format(
      self.path, label, #names, check.show_count(#self.x, "spectrum", "spectra"), scarce, folds,
      numbers == #names and "; all are numbers: is it a quantity to predict (regression), and not a class?" or ""))
  end
end

--- Returns the names of the classes in a label column, sorted, and the class number of each spectrum.
function Measured:classes(column, folds)
  local cells, count = self:column(column), {}
  local y, names = labels.encode("classes", cells)
  for _, cell in ipairs(cells) do count[cell] = (count[cell] or 0) + 1 end
  check_classes(self, column, names, count, folds)
  return names, y
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

local function count_different(list)
  local seen, count = {}, 0
  for _, value in ipairs(list) do
    if not seen[value] then count = count + 1 end
    seen[value] = true
  end
  return count
end

--- Returns the group of each spectrum by one label column, or by several with commas between them.
-- @param label the column of the classes, at least one of which must have spectra in several groups
function Measured:groups(columns, label, folds)
  local groups, shown = {}, check.show(columns)
  for name in columns:gmatch "[^,]+" do
    for i, value in ipairs(self:column(name)) do groups[i] = (groups[i] or "") .. "\0" .. value end
  end
  if #groups == 0 then output.fail("expected --group with the column that names replicates, got " .. shown) end
  local count = count_different(groups)
  if not is_any_split(groups, self:column(label)) then
    output.fail(("%s: each class of %s lies in one group of %s, so that none is both trained on and tested"):format(
      self.path, check.show(label), shown))
  elseif count < folds then
    output.fail(("%s: %s has %d groups, fewer than the %d folds"):format(self.path, shown, count, folds))
  end
  return groups
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
    print(("%s: the model knows %s; what %s names otherwise counts as wrong: %s\n"):format(check.printable(self.path),
      check.printable(table.concat(classes, ", ")), check.show(column), table.concat(unknown, ", ")))
  end
end

local function first_difference(got, expected)
  for i, value in ipairs(expected) do
    if math.abs(got[i] - value) > 1e-4 * math.abs(value) then return i end
  end
end

--- Ends the script unless the spectra have this axis, up to a ten-thousandth of each value.
function Measured:check_axis(expected)
  local got, where = self.axis, ""
  if #got == #expected then
    local i = first_difference(got, expected)
    if not i then return end
    where = ("; point %d is %g there and %g here"):format(i, expected[i], got[i])
  end
  output.fail(("%s: the model expects %d points from %g to %g, the file has %d from %g to %g%s"):format(self.path,
    #expected, expected[1], expected[#expected], #got, got[1], got[#got], where))
end

return Measured
