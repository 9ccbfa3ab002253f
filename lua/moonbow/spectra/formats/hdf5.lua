--- HDF5: MATLAB's .mat of version 7.3, NeXus, a few known layouts, and any other by names, sizes and paths.
local arrangement = require "moonbow.spectra.arrangement"
local groups = require "moonbow.spectra.groups"
local hdf5_file = require "moonbow.io.hdf5"
local hyperspy = require "moonbow.spectra.hdf5.hyperspy"
local level73 = require "moonbow.spectra.mat.level73"
local nexus = require "moonbow.spectra.hdf5.nexus"
local roles = require "moonbow.spectra.roles"
local Tree = require "moonbow.spectra.hdf5.tree"
local usid = require "moonbow.spectra.hdf5.usid"

local hdf5 = { name = "hdf5", title = "an HDF5 file" }

function hdf5.matches(source) return hdf5_file.matches(source.bytes) end

-- The beamline HERMES (SOLEIL): images at several energies, of which the file names neither class nor axes.
local function hermes(tree)
  local place, data = tree:get("/", "entry1/collection/beamline"), tree:get("/", "entry1/Counter0/data")
  local is_hermes = place and data and data.shape and #data.shape == 3 and (tree:small(place) or {})[1] == "Hermes"
  if not is_hermes then return nil end
  local group, by_name = tree:group "/entry1/Counter0", {}
  for _, variable in ipairs(group.variables) do by_name[variable.name] = variable end
  local axes = { by_name.energy, by_name.sample_x, by_name.sample_y }
  if #axes < 3 then return nil end
  for i, axis in ipairs(axes) do
    if axis.kind ~= "numbers" or axis:count() ~= data.shape[i] then return nil end
  end
  local block = arrangement.block_of(tree.source, group, by_name.data, axes[1], 1, axes)
  block.unit, block.axis = "eV", "energy"
  tree:add_metadata(block, "/entry1/Counter0")
  return { block }
end

-- The signals of a file of HyperSpy, each a group.
local function signals(tree)
  local list = {}
  for _, object in ipairs(tree:members "/Experiments") do
    if tree:get(object.path, "data") then
      list[#list + 1] = { name = object.path:sub(2), variables = tree:group(object.path).variables, read = function()
        return hyperspy.block(tree, object.path)
      end }
    end
  end
  return list
end

-- Adds axes that stand in a group above, for all groups below it.
local function add_axes_above(tree, group, path)
  for _, variable in ipairs(group.variables) do
    if roles.is_axis(variable) then return end
  end
  while path ~= "/" and path ~= "" do
    path = path:match "^(.*)/"
    for _, variable in ipairs(tree:group(path == "" and "/" or path).variables) do
      if roles.is_axis(variable) then table.insert(group.variables, variable) end
    end
  end
end

-- The groups of a file: NXdata if there are some, else all that hold datasets.
local function groups_of(tree)
  local list = {}
  for _, object in ipairs(tree.list) do
    if object.kind == "group" and not object.same then
      local group = tree:group(object.path)
      if #group.variables > 0 then add_axes_above(tree, group, object.path) end
      if tree.text(object, "NX_class") == "NXdata" then
        function group.read(_, _, name) return nexus.block(tree, object, name) end
      else
        function group.read(source, inner, name)
          local block = arrangement.block(source, inner, name)
          tree:add_metadata(block, object.path)
          return block
        end
      end
      list[#list + 1] = group
    end
  end
  return list
end

local function chosen_by_nexus(tree, list)
  local chosen, is_data = {}, {}
  for _, object in ipairs(nexus.groups(tree)) do is_data[object.path:sub(2)] = true end
  for _, group in ipairs(list) do
    if is_data[group.name] then chosen[#chosen + 1] = group end
  end
  return #chosen > 0 and chosen or list
end

local function is_keras(tree)
  local attributes = tree.by_path["/"].attributes
  return attributes.model_config or attributes.layer_names
end

function hdf5.read(source)
  local tree = Tree.of(source)
  if tree.by_path["/"].kind ~= "group" then source:fail("its root group: %s", tree.by_path["/"].reason) end
  if is_keras(tree) and not source.options.block then source:fail("it holds a Keras model, no spectra") end
  if level73.matches(tree) then return groups.blocks(source, groups.of(level73.variables(tree)), ".") end
  local channels = usid.channels(tree)
  if #channels > 0 then return usid.blocks(tree, channels) end
  local list = hyperspy.matches(tree) and signals(tree) or groups_of(tree)
  if #list == 0 then source:fail("an HDF5 file without datasets") end
  if type(source:wanted "block") == "string" then return groups.blocks(source, list, "/") end
  return (source.options.block or 1) == 1 and hermes(tree) or groups.blocks(source, chosen_by_nexus(tree, list), "/")
end

return hdf5
