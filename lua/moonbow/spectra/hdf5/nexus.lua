--- NeXus: the spectra of NXdata groups. Source: NeXus manual, NXdata and "Associating plottable data".
local trim = require "moonbow.io.trim"
local arrangement = require "moonbow.spectra.arrangement"
local roles = require "moonbow.spectra.roles"
local units = require "moonbow.spectra.units"

local nexus = {}

local function is_data(tree, object)
  return object.kind == "group" and tree.text(object, "NX_class") == "NXdata"
end

-- The group that the attribute `default` of the file, then of its entry, leads to.
local function default_group(tree)
  local path = "/"
  for _ = 1, 10 do
    local name = tree.text(tree.by_path[path], "default")
    local object = name and tree:get(path, name)
    if not object or object.kind ~= "group" or object.path == path then return path end
    path = object.path
  end
  return path
end

-- The NXdata at a path and below it; below the default of an entry, if it has one.
local function data_groups(tree, path)
  local found, skipped = {}, {}
  for _, object in ipairs(tree.list) do
    local default = object.kind == "group" and object.path ~= path and tree.text(object, "default")
    if default and tree:get(object.path, default) then skipped[object.path] = tree:get(object.path, default).path end
  end
  for _, object in ipairs(tree.list) do
    local is_below = object.path == path or path == "/" or object.path:sub(1, #path + 1) == path .. "/"
    for above, default in pairs(skipped) do
      local inside = object.path:sub(1, #above + 1) == above .. "/"
      if inside and object.path ~= default and object.path:sub(1, #default + 1) ~= default .. "/" then
        is_below = false
      end
    end
    if is_below and is_data(tree, object) then found[#found + 1] = object end
  end
  return found
end

--- The NXdata groups whose spectra are read: those that defaults lead to, else all.
function nexus.groups(tree)
  local found = data_groups(tree, default_group(tree))
  if #found == 0 then found = data_groups(tree, "/") end
  return found
end

local function signal_of(tree, group)
  local name = tree.text(group, "signal")
  if name then return tree:get(group.path, name) end
  for _, object in ipairs(tree:members(group.path)) do
    if object.kind == "dataset" and tonumber(object.attributes.signal) == 1 then return object end
  end
end

-- The names in an attribute: a list, or a text that joins them by colons or commas.
local function names_in(value)
  if type(value) == "table" then return value end
  local names = {}
  for name in tostring(value or ""):gmatch "[^:,%[%]]+" do names[#names + 1] = trim.both(name) end
  return names
end

-- An axis that fits a dimension of count values; one with the edges of its bins becomes their centres.
local function fitting(source, axis, count)
  if axis.kind ~= "numbers" or axis:count() == count then return axis.kind == "numbers" and axis or nil end
  if axis:count() ~= count + 1 then return nil end
  local edges, centres = axis:list(), {}
  for i = 1, count do centres[i] = (edges[i] + edges[i + 1]) / 2 end
  source:note("%s holds the edges of bins: their centres are taken", axis.name)
  axis.shape, axis.values = { count }, centres
  return axis
end

-- Returns the variables that are axes of the signal, by its dimensions.
local function axes_of(tree, group, signal, by_name)
  local axes, rank = {}, #signal.shape
  for i, name in ipairs(names_in(group.attributes.axes or signal.attributes.axes)) do
    local place = group.attributes[name .. "_indices"]
    place = math.type(place) == "integer" and place + 1 or i
    if place <= rank then axes[place] = by_name[name] end
  end
  for _, object in ipairs(tree:members(group.path)) do
    local place = math.tointeger(tonumber(object.attributes.axis))
    if place and place >= 1 and place <= rank then axes[place] = axes[place] or by_name[object.name] end
  end
  for place = 1, rank do axes[place] = axes[place] and fitting(tree.source, axes[place], signal.shape[place]) end
  return axes
end

local places = { m = true, mm = true, um = true, nm = false } -- units of positions

local function is_spectral(axis)
  local unit = axis.attributes.units
  if places[unit] or not units.axis(axis.name) and unit == "deg" then return false end
  return units.axis(axis.name) ~= nil or unit and units.axis(tostring(unit)) ~= nil
end

-- The dimension along which spectra run: that of the one axis of a spectrum, which is hardly the time if there is
-- another; else the last.
local function dimension_of(tree, group, axes, rank)
  for class = 2, 3 do
    local found = {}
    for place = 1, rank do
      local axis = axes[place]
      if axis and is_spectral(axis) and (roles.axis_class(axis) or 3) <= class then found[#found + 1] = place end
    end
    if #found == 1 then return found[1] end
  end
  if tree.text(group, "interpretation") == "image" then return nil end
  return rank
end

-- The numbers of a dataset stand for (number + NAME_offset) * NAME_scaling_factor. Older files have both without the
-- name, for the signal.
local function set_packing(tree, path, variable, is_signal)
  local function beside(name)
    local object = tree:get(path, variable.name .. "_" .. name) or is_signal and tree:get(path, name)
    local list = object and object.kind == "dataset" and tree:small(object)
    return list and math.type(list[1]) and list[1]
  end
  local factor, offset = beside "scaling_factor", beside "offset"
  if factor or offset then
    variable.packing = { factor = factor or 1, addend = (offset or 0) * (factor or 1),
      missing = variable.packing and variable.packing.missing or {} }
  end
end

--- Returns the block of spectra of an NXdata group.
-- @param values_name of a dataset of the group other than its signal; optional
function nexus.block(tree, object, values_name)
  local source = tree.source
  local signal = values_name and tree:get(object.path, values_name) or signal_of(tree, object)
  if not signal or signal.kind ~= "dataset" or not signal.shape then
    source:fail("%s has no dataset for its signal", object.path)
  end
  local group, by_name = tree:group(object.path), {}
  for _, variable in ipairs(group.variables) do by_name[variable.name] = variable end
  local values = by_name[signal.name] or tree:variable(signal)
  if values.kind ~= "numbers" or values:count() < 2 then source:fail("%s is no spectrum", signal.path) end
  for _, variable in ipairs(group.variables) do set_packing(tree, object.path, variable, variable == values) end
  local axes = axes_of(tree, object, signal, by_name)
  local dimension = dimension_of(tree, object, axes, #signal.shape)
  if not dimension then
    source:fail("%s holds images of %s points, no spectra", object.path, table.concat(signal.shape, " x "))
  end
  local wanted = source:wanted "axis"
  if wanted and not by_name[wanted] then source:fail("%s has no axis '%s'", object.path, wanted) end
  local axis = wanted and by_name[wanted] or axes[dimension]
  local block = arrangement.block_of(source, group, values, axis, not wanted and dimension or nil, axes)
  tree:add_metadata(block, object.path)
  return block
end

return nexus
