--- HyperSpy's .hspy: signals with evenly spaced or listed axes. Source: the documentation of RosettaSciIO, "HSpy".
local arrangement = require "moonbow.spectra.arrangement"
local arrays = require "moonbow.spectra.arrays"

local hyperspy = {}

--- True if an HDF5 file is one of HyperSpy.
function hyperspy.matches(tree) return tree.text(tree.by_path["/"], "file_format") == "HyperSpy" end

local function even(attributes, count)
  local offset, scale = tonumber(attributes.offset), tonumber(attributes.scale)
  if not (offset and scale) then return nil end
  local list = {}
  for i = 1, count do list[i] = offset + scale * (i - 1) end
  return list
end

-- The axis of a dimension as a variable, and whether it is one of the signal; nil if the file does not describe it.
local function axis_of(tree, path, dimension, count)
  local object = tree:get(path, ("axis-%d"):format(dimension - 1))
  if not object then return nil end
  local listed, name = tree:get(object.path, "axis"), tree.text(object, "name") or ("dimension %d"):format(dimension)
  local units, navigates = tree.text(object, "units"), object.attributes.navigate
  local is_signal = navigates == 0 or navigates == "False"
  local values = not (listed and listed.kind == "dataset") and even(object.attributes, count) or nil
  local axis = values and arrays.numbers { name = name, shape = { count }, values = values } or listed
    and tree:variable(listed)
  if not axis or axis.kind ~= "numbers" or axis:count() ~= count then return nil, is_signal end
  axis.name, axis.attributes = name, { units = units }
  return axis, is_signal
end

-- Returns the axes by their dimensions, and the one dimension of the signal.
local function axes_of(tree, path, shape)
  local axes, signal = {}, nil
  for dimension, count in ipairs(shape) do
    local axis, is_signal = axis_of(tree, path, dimension, count)
    axes[dimension] = axis
    if is_signal and signal then tree.source:fail("%s holds images, no spectra", path) end
    signal = is_signal and dimension or signal
  end
  return axes, signal or tree.source:fail("%s has no axis for its signal", path)
end

--- Returns the block of spectra of a signal; nil if there is none at a path.
function hyperspy.block(tree, path)
  local data = tree:get(path, "data")
  if not (data and data.kind == "dataset" and data.shape) then return nil end
  local values = tree:variable(data)
  if values.kind ~= "numbers" or values:count() < 2 then tree.source:fail("%s is no spectrum", data.path) end
  values:open() -- compares their shape with the file, before axes as long are made
  local axes, dimension = axes_of(tree, path, data.shape)
  local about = tree:get(path, "metadata/Signal")
  values.attributes = { long_name = about and tree.text(about, "quantity") }
  local block = arrangement.block_of(tree.source, { name = path, variables = {} }, values, axes[dimension], dimension,
    axes)
  local general = tree:get(path, "metadata/General")
  for name, value in pairs(general and general.attributes or {}) do
    if type(value) ~= "table" then block.metadata[name] = value end
  end
  return block
end

return hyperspy
