--- Joins sets of spectra, of one file or of several.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local label_numbers = require "moonbow.spectra.label_numbers"
local set = require "moonbow.spectra.set"
require "moonbow.spectra.points"

local concat = {}

-- The file of a set in messages, or the name of its first spectrum.
local function name_of(spectra)
  local name = spectra.sources[1]
  return check.printable(name ~= "" and name or spectra.names[1])
end

local function kind(spectra)
  return (spectra.quantity or "unknown") .. (spectra.percent and " in percent" or "")
end

-- Returns the difference of two sets in words, and what to do about it; nil if they can be joined.
local function difference(a, b, resampled)
  local unit = axes.unit_difference(a.unit, b.unit)
  if unit then return unit, (a.unit and b.unit) and "" or "; the option unit states that of all" end
  if kind(a) ~= kind(b) then
    return ("the values are %s there and %s here"):format(kind(a), kind(b)), "; the option quantity states what all are"
  end
  local why = not resampled and axes.difference(a.axis, b.axis)
  if why then return why, "; the option resample puts all on one axis" end
end

-- The grid for the option resample: true, or a grid that was read; nil and the reason if there is none.
local function grid_of(list, resample)
  if resample ~= true then return resample end
  local all_axes, differ = {}, false
  for i, spectra in ipairs(list) do
    all_axes[i], differ = spectra.axis, differ or axes.difference(list[1].axis, spectra.axis)
  end
  if not differ then return list[1].axis end
  return axes.common_grid(all_axes, function(i) return name_of(list[i]) end)
end

-- Returns the sets on one grid, and a note if any was interpolated; or nil and the reason.
local function resample_all(list, resample)
  local grid, why = grid_of(list, resample)
  if not grid then return nil, why end
  local all, count, total = {}, 0, 0
  for i, spectra in ipairs(list) do
    all[i], total = spectra, total + #spectra
    if axes.difference(grid, spectra.axis) then
      all[i], why = set.resampled(spectra, grid)
      if not all[i] then return nil, name_of(spectra) .. ": " .. why end
      count = count + #spectra
    end
  end
  return all, count > 0 and ("%d of %s interpolated to %d points from %.7g to %.7g"):format(count,
    check.show_count(total, "spectrum", "spectra"), #grid, grid[1], grid[#grid]) or nil
end

-- Returns the one value that all sets have under a key, else nil.
local function common(list, key)
  for _, spectra in ipairs(list) do
    if spectra[key] ~= list[1][key] then return nil end
  end
  return list[1][key]
end

local function append(list, more)
  table.move(more, 1, #more, #list + 1, list)
end

-- Labels that some sets lack are empty there.
local function add_labels(all, spectra, before)
  for _, column in ipairs(spectra.columns) do
    if not all.labels[column] then
      all.columns[#all.columns + 1], all.labels[column] = column, {}
      for i = 1, before do all.labels[column][i] = "" end
    end
  end
  for column, list in pairs(all.labels) do
    local given = spectra.labels[column]
    for i = 1, #spectra do list[before + i] = given and given[i] or "" end
  end
end

-- Joins sets whose axis and kind of values are the same.
local function join(list)
  local first, parts = list[1], {}
  local all = { axis = first.axis, direction = first.direction, axis_name = common(list, "axis_name"),
    unit = first.unit, quantity = first.quantity, percent = first.percent,
    decided = common(list, "decided") or "by each file",
    names = {}, sources = {}, metadata = {}, labels = {}, columns = {}, notes = {} }
  for i, spectra in ipairs(list) do
    parts[i] = spectra.x
    add_labels(all, spectra, #all.names)
    for _, key in ipairs { "names", "sources", "metadata", "notes" } do append(all[key], spectra[key]) end
  end
  label_numbers.joined(all.labels, list)
  all.x = #parts == 1 and parts[1] or core.concat(parts, 1)
  return set.new(all)
end

--- Joins a list of sets. Returns the set, and a note if some were interpolated; or nil and a message that names the two
-- that differ.
-- @param resample nil, true, or a grid as axes.grid returns it
function concat.try(list, resample)
  for i = 2, #list do
    local why, advice = difference(list[1], list[i], resample)
    if why then
      local here, there = name_of(list[i]), name_of(list[1])
      if here == there and list[i].sources[1] ~= "" then -- two spectra of a file
        here, there = check.printable(list[i].names[1]), ("%s in %s"):format(check.printable(list[1].names[1]), there)
      end
      return nil, ("%s differs from %s: %s%s"):format(here, there, why, advice)
    end
  end
  if not resample then return join(list) end
  local same, note = resample_all(list, resample)
  if not same then return nil, note end
  local all = join(same)
  all.notes[#all.notes + 1] = note
  return all, note
end

--- Reads the option resample: nil, true, or a grid.
function concat.read_grid(operation, given)
  if given == nil or given == false then return nil end
  return given == true or axes.grid(operation, given)
end

local known_options = { resample = check.optional "boolean|table|tensor" }

--- Joins sets of spectra, in order. Sets with different units, kinds of values or axes raise, and the message names the
-- difference. Labels that some of them lack are empty there.
-- @param list table the sets
-- @option resample true: different axes are interpolated to one, the points of the coarsest within the range that all
--   cover; or the grid, as for spectra:resample
-- @return spectra
-- @see spectra:resample
-- @usage mb.spectra.concat({ spectra:crop(400, 900), spectra:crop(600, 1200) }, { resample = true })
function concat.concat(list, options)
  check.list("spectra.concat", "list", list)
  options = check.options("spectra.concat", options, known_options)
  if #list == 0 then check.fail("spectra.concat", "list: expected at least one set, got none") end
  for i, spectra in ipairs(list) do
    if not set.is(spectra) then
      check.fail("spectra.concat", "list[%d]: expected spectra, got %s", i, check.show(spectra))
    end
  end
  local all, why = concat.try(list, concat.read_grid("spectra.concat", options.resample))
  if not all then check.fail("spectra.concat", "%s", why) end
  return all
end

check.takes(concat.concat, 2, known_options)

return concat
