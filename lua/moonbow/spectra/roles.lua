--- What a variable is among the others of its group, by names, units and sizes: the spectra, or their axis.
--
-- A group is { name, variables } of variables as arrays.lua describes them: a whole file, a struct, a group of HDF5.
local arrays = require "moonbow.spectra.arrays"
local axes = require "moonbow.spectra.axes"
local shown_list = require("moonbow.shown").list
local units = require "moonbow.spectra.units"

local roles = {}

local function index(names)
  local places = {}
  for i, name in ipairs(names) do places[name] = i end
  return places
end

-- Names as people write them, in lower case without blanks and low lines; the first are preferred.
local values_named = index { "spectra", "spectrum", "absorbance", "reflectance", "transmittance", "intensity",
  "intensities", "ramanintensity", "counts", "signal", "data", "x", "y" }
local axis_named = index { "axis", "xaxis", "axisscale", "wl", "wls", "wave", "waves", "lambda", "wvn", "wn",
  "wns", "shift", "ramanshifts", "freq", "freqs", "frequency", "frequencies", "energy", "energies", "tth", "2th", "q",
  "e", "bands", "band", "vars", "variables", "x", "w" }
local never_axis = index { "y", "label", "labels", "class", "classes", "target", "targets", "group", "groups", "conc" }

local often_varied = { time = true, points = true, potential = true, angle = true } -- names of axes

local MOST_SHOWN = 20 -- variables in a message
local LONGEST_UNIT = 4 -- letters of names that may stand for something else: "ppm", "V", "mass"

--- A name in lower case without blanks and low lines.
function roles.plain(name) return (name:lower():gsub("[%s_]+", "")) end

--- The unit and name of the axis that a variable says to be: "deg" and, by its name, "2theta".
function roles.axis_of(variable)
  local said, unit, name = variable.attributes, nil, nil
  for _, text in ipairs { said.units or said.unit or "", said.long_name or "", variable.name } do
    local own_unit, own_name = units.axis(tostring(text))
    if own_unit and (not unit or own_unit == unit) then unit, name = own_unit, own_name end
  end
  return unit, name
end

--- What the values of a variable are, whether in percent, and how that was found.
function roles.quantity_of(variable)
  local said, found = variable.attributes, {}
  for _, from in ipairs { { "units", said.units or said.unit or "" }, { "long_name", said.long_name or "" },
    { "name", variable.name } } do
    local quantity, percent = units.quantity(tostring(from[2]))
    local is_better = quantity and (not found[1] or found[1] == "intensity")
    if is_better then found = { quantity, percent == "%", ("its %s is %s"):format(from[1], from[2]) } end
  end
  local unit = tostring(said.units or said.unit or "")
  if units.is_percentage[found[1]] and units.is_percent(unit) then found[2] = true end
  return table.unpack(found)
end

--- True for numbers along one dimension.
function roles.is_vector(variable) return variable.kind == "numbers" and #arrays.long_sizes(variable.shape) == 1 end

local function is_matrix(variable) return variable.kind == "numbers" and #arrays.long_sizes(variable.shape) > 1 end

local function list_of(variables)
  local shown = {}
  for i, variable in ipairs(variables) do shown[i] = arrays.show(variable) end
  return #shown == 0 and "nothing" or shown_list(shown, MOST_SHOWN)
end

--- Ends the reading with the variables of a group, for the user to choose.
function roles.fail(source, group, reason)
  source:fail('%s; it holds %s; block = "NAME" and axis = "NAME" choose', reason, list_of(group.variables))
end

--- The variable of a name; nil if there is none.
function roles.named(group, name)
  for _, variable in ipairs(group.variables) do
    if variable.name == name then return variable end
  end
end

-- True if a variable's name says that it is an axis; how well it says so.
local function axis_rank(variable)
  local name = roles.plain(variable.name)
  if never_axis[name] then return nil end
  return roles.axis_of(variable) and 1 or axis_named[name]
end

--- How surely a variable is the axis of spectra, and no label of each of them: 1 by a name of spectral axes, 2 by a
-- unit or a letter, 3 if it is what often varies from one spectrum to the next; nil if it is no axis.
function roles.axis_class(variable)
  if not axis_rank(variable) then return nil end
  local _, axis = roles.axis_of(variable)
  if often_varied[axis] then return 3 end
  for _, text in ipairs { variable.name, tostring(variable.attributes.long_name or "") } do
    local name = roles.plain(text)
    if #name > 1 and axis_named[name] or #name > LONGEST_UNIT and units.axis(text) then return 1 end
  end
  return 2
end

-- The variables with the best rank, and all that have one.
local function best(variables, rank_of)
  local found, least = {}, math.huge
  for _, variable in ipairs(variables) do
    local rank = rank_of(variable)
    if rank and rank < least then found, least = {}, rank end
    if rank and rank == least then found[#found + 1] = variable end
  end
  return found
end

local function filter(variables, test)
  local kept = {}
  for _, variable in ipairs(variables) do
    if test(variable) then kept[#kept + 1] = variable end
  end
  return kept
end

-- How many axes of each length a group has.
local function axes_by_length(group)
  local counts = {}
  for _, variable in ipairs(group.variables) do
    local length = roles.is_axis(variable) and variable:count()
    if length then counts[length] = (counts[length] or 0) + 1 end
  end
  return counts
end

-- Matrices that have a dimension as long as a variable that its name says to be an axis.
local function with_axis(group, matrices)
  local counts = axes_by_length(group)
  return filter(matrices, function(matrix)
    for _, size in ipairs(matrix.shape) do
      if counts[size] then return true end
    end
  end)
end

-- The one matrix with more columns than any other, if all have as many rows: the others hold values of the samples.
local function widest(matrices)
  local columns = best(matrices, function(matrix) return -matrix.shape[2] end)
  local rows = filter(matrices, function(matrix) return matrix.shape[1] == matrices[1].shape[1] end)
  return #columns == 1 and #rows == #matrices and #matrices[1].shape == 2 and columns[1] or nil
end

-- One or two letters say nothing beside other variables: "C" may hold concentrations.
local function values_rank(variable)
  local rank, said = values_named[roles.plain(variable.name)], variable.attributes
  if rank or units.tells(variable.name) then return rank or 3 end
  return (units.tells(tostring(said.units or said.unit or "")) or units.tells(tostring(said.long_name or ""))) and 4
    or nil
end

local function find_matrix(group, source, matrices)
  if #matrices == 1 then return matrices[1] end
  for _, some in ipairs { best(matrices, values_rank), with_axis(group, matrices) } do
    if #some == 1 then return some[1] end
  end
  local wide = widest(matrices)
  if not wide then roles.fail(source, group, "several variables may be its spectra") end
  source:note("%s is taken as the spectra, since it has most columns", wide.name)
  return wide
end

local function find_vector(group, source, vectors)
  local others = filter(vectors, function(variable)
    return not roles.axis_of(variable) and not axis_named[roles.plain(variable.name)]
  end)
  if #others == 0 then
    others = filter(vectors, function(variable) return not roles.axis_of(variable) and values_rank(variable) end)
  end
  if #others == 0 then source:fail("it holds an axis, but no spectra: %s", list_of(group.variables)) end
  local some = #others == 1 and others or best(others, values_rank)
  if #some ~= 1 then roles.fail(source, group, "several variables may be its spectrum") end
  return some[1]
end

--- True if a variable's name or unit says that it is an axis.
function roles.is_axis(variable) return roles.is_vector(variable) and axis_rank(variable) ~= nil end

--- Returns the variable that holds the spectra.
function roles.find_values(group, source)
  local matrices, vectors = filter(group.variables, is_matrix), filter(group.variables, roles.is_vector)
  if #matrices > 0 then return find_matrix(group, source, matrices) end
  if #vectors > 0 then return find_vector(group, source, vectors) end
  source:fail("it holds no spectra: %s", list_of(group.variables))
end

--- The dimension of an array, among those above 1, that is as long as its axis; the last of several.
function roles.dimension_of(array, size)
  for i = #array.shape, 1, -1 do
    if array.shape[i] == size then return i end
  end
end

--- The last dimension of an array above 1.
function roles.last_dimension(array)
  for i = #array.shape, 1, -1 do
    if array.shape[i] > 1 then return i end
  end
  return #array.shape
end

local function chosen_axis(group, source, values, name)
  local axis = roles.named(group, name)
  if not axis or axis.kind ~= "numbers" then
    roles.fail(source, group, ("no variable '%s' for the axis"):format(name))
  end
  if not roles.dimension_of(values, axis:count()) then
    source:fail("the axis %s does not fit %s", arrays.show(axis), arrays.show(values))
  end
  return axis
end

local function differ_in_length(variables)
  for _, variable in ipairs(variables) do
    if variable:count() ~= variables[1]:count() then return true end
  end
end

-- Vectors that rise or fall and have a value for each column of a matrix.
local function of_columns(fitting, values)
  local length = values.shape[roles.last_dimension(values)]
  return filter(fitting, function(variable)
    return is_matrix(values) and variable:count() == length and values.shape[1] ~= length
      and not never_axis[roles.plain(variable.name)] and axes.direction(variable:list())
  end)
end

-- The axis among variables that fit the values, by their names and units.
local function by_name(group, source, values, fitting)
  local surest = best(fitting, roles.axis_class)
  local axis = best(surest, axis_rank)[1]
  if not axis then return nil end
  local class, length = roles.axis_class(axis), axis:count()
  local equals = filter(fitting, function(variable)
    return axis_rank(variable) == axis_rank(axis) and variable:count() == length
      and roles.axis_class(variable) <= math.max(class, 2)
  end)
  local is_doubtful = class == 3 and roles.dimension_of(values, length) ~= roles.last_dimension(values)
  if #equals > 1 or differ_in_length(surest) or is_doubtful and #of_columns(fitting, values) > 0 then
    roles.fail(source, group, ("several variables may be the axis of %s"):format(values.name))
  end
  if is_doubtful then
    source:note("%s is taken as the axis, since it is as long as the columns of %s", axis.name, values.name)
  end
  return axis
end

--- Returns the variable that is the axis of the values; nil if none is.
function roles.find_axis(group, source, values)
  local wanted = source:wanted "axis"
  if wanted then return chosen_axis(group, source, values, wanted) end
  local fitting = filter(group.variables, function(variable)
    return variable ~= values and roles.is_vector(variable) and roles.dimension_of(values, variable:count())
      and variable:count() > 1
  end)
  local axis = by_name(group, source, values, fitting)
  if axis then return axis end
  local some = of_columns(fitting, values)
  if #some ~= 1 then return nil end
  source:note("%s is taken as the axis, by its length", some[1].name)
  return some[1]
end

--- True if a group has a variable that may hold spectra: a matrix, or a vector beside an axis of its length.
function roles.may_hold(group)
  local counts = axes_by_length(group)
  for _, variable in ipairs(group.variables) do
    local beside = roles.is_vector(variable) and (counts[variable:count()] or 0)
    if is_matrix(variable) or beside and beside > (roles.is_axis(variable) and 1 or 0) then return true end
  end
  return false
end

return roles
