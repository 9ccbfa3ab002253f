--- Joins the blocks of one or several files to a set of spectra.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local label_numbers = require "moonbow.spectra.label_numbers"
local numbers = require "moonbow.spectra.numbers"
local sets = require "moonbow.spectra.set"

local blocks = {}

--- Returns the number of spectra of a block.
function blocks.count(block) return #core.shape(block.y) == 1 and 1 or core.size(block.y, 1) end

--- Returns the first block whose axis differs from that of the first, and the difference; nil if all are the same.
function blocks.odd_one(list)
  for i = 2, #list do
    local why = axes.unit_difference(list[1].unit, list[i].unit) or axes.difference(list[1].x, list[i].x)
    if why then return list[i], why end
  end
end

-- Returns the one value that all blocks have under a key; else nil and true.
local function common(list, key)
  for _, block in ipairs(list) do
    if block[key] ~= list[1][key] then return nil, true end
  end
  return list[1][key]
end

local function add_labels(set, block, before, count)
  for _, column in ipairs(block.columns or {}) do
    if not set.labels[column] then
      set.columns[#set.columns + 1], set.labels[column] = column, {}
      for i = 1, before do set.labels[column][i] = "" end
    end
  end
  for column, list in pairs(set.labels) do
    local given = block.labels and block.labels[column]
    for i = 1, count do list[before + i] = given and given[i] or "" end
  end
end

local function name_of(block, i, count)
  if block.names and block.names[i] then return block.names[i] end
  local stem = block.source:match "[^/]*$"
  return count > 1 and ("%s #%d"):format(stem, i) or stem
end

local function add(set, block)
  local count, before = blocks.count(block), #set.names
  local metadata = block.metadata or {}
  for i = 1, count do
    set.names[before + i] = name_of(block, i, count)
    set.sources[before + i] = block.source
    set.metadata[before + i] = metadata[1] and metadata[i] or metadata
  end
  add_labels(set, block, before, count)
end

local function rows_of(list)
  local rows = {}
  for i, block in ipairs(list) do rows[i] = core.reshape(block.y, blocks.count(block), #block.x, 1) end
  return #rows == 1 and rows[1] or core.concat(rows, 1)
end

--- Makes a set of blocks with the same axis. If their values are of different kinds, the label "values" says which, and
-- the set's quantity is "mixed".
function blocks.join(list, notes)
  local first = list[1]
  local quantity, differs = common(list, "quantity")
  local percent, percent_differs = common(list, "percent")
  local set = { x = rows_of(list), axis = first.x, direction = first.direction, axis_name = common(list, "axis"),
    unit = first.unit, quantity = quantity, percent = percent, decided = common(list, "decided") or "by each spectrum",
    names = {}, sources = {}, metadata = {}, labels = {}, columns = {}, notes = notes }
  for _, block in ipairs(list) do
    if differs or percent_differs then blocks.name_values(block) end
    add(set, block)
  end
  label_numbers.joined(set.labels, list)
  if differs or percent_differs then
    set.quantity, set.percent, set.decided = "mixed", nil, "the label 'values' says what each spectrum holds"
  end
  return sets.new(set)
end

--- Gives a block the label "values".
function blocks.name_values(block)
  local text, list = (block.quantity or "unknown") .. (block.percent and " in percent" or ""), {}
  for i = 1, blocks.count(block) do list[i] = text end
  local columns = table.move(block.columns or {}, 1, #(block.columns or {}), 1, {})
  columns[#columns + 1] = "values"
  block.labels = setmetatable({ values = list }, { __index = block.labels })
  block.columns = columns
end

--- Checks a block that a reader returned, raises a fault of the source.
function blocks.check(block, source)
  block.x = numbers.list_of(block.x)
  block.source, block.decided = source.path, block.decided or "the file does not say what its values are"
  if #block.x == 0 then source:fail("it holds no points") end
  local shape = core.shape(block.y)
  if shape[#shape] ~= #block.x then
    source:fail("%d values for an axis of %d points", shape[#shape], #block.x)
  end
  local direction, i = block.direction, nil
  if not direction then direction, i = axes.direction(block.x) end
  if not direction then
    local value = block.x[i]
    if not axes.is_finite(value) then source:fail("point %d of the axis is %s", i, check.show(value)) end
    source:fail("the axis neither rises nor falls throughout: point %d is %.9g, the one before %.9g", i, value,
      block.x[i - 1])
  end
  block.direction = direction
  return block
end

return blocks
