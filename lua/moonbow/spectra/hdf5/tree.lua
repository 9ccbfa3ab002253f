--- The objects of an HDF5 file by path, and its datasets as variables (arrays.lua).
local arrays = require "moonbow.spectra.arrays"
local hdf5 = require "moonbow.io.hdf5"
local limits = require "moonbow.io.limits"
local Source = require "moonbow.spectra.source"

local Tree = {}
Tree.__index = Tree

local MOST_TEXTS = 100000 -- of a dataset
local MOST_METADATA = 500

--- Lists the objects of a file.
function Tree.of(source)
  local list, err = hdf5.objects(source.bytes)
  local have, want = (err or ""):match "truncated file: eof = (%d+).*stored_eof = (%d+)"
  if have then source:fail("the file is cut off: %s of %s bytes are there", have, want) end
  if not list then source:fail("%s", err) end
  local tree = setmetatable({ source = source, list = list, by_path = {}, by_address = {}, children = {},
    loaded = 0 }, Tree)
  for _, object in ipairs(list) do
    tree.by_path[object.path] = object
    if object.address and not object.same then tree.by_address[object.address] = object end
    local parent, name = object.path:match "^(.*)/([^/]*)$"
    if name ~= "" then
      parent = parent == "" and "/" or parent
      tree.children[parent] = tree.children[parent] or {}
      table.insert(tree.children[parent], object)
      object.name = name
    end
  end
  return tree
end

--- The object at a path from a group: tree:get("/entry", "data/x"); nil if there is none.
function Tree:get(group, name)
  if name == "" or name == "." then return self.by_path[group] end
  return self.by_path[name:sub(1, 1) == "/" and name or (group == "/" and "" or group) .. "/" .. name]
end

--- The objects in a group; groups that are listed elsewhere, too, are followed.
function Tree:members(path)
  local object = self.by_path[path]
  return self.children[path] or object and object.same and self.children[object.same] or {}
end

--- The string that stands in an attribute; nil if it is another value.
function Tree.text(object, name)
  local value = object.attributes[name]
  return type(value) == "string" and value or nil
end

--- Reads datasets, and returns their values by path (io/hdf5.lua); those that cannot be read are left out.
function Tree:read(paths)
  if #paths == 0 then return {} end
  local values, err = hdf5.read(self.source.bytes, paths)
  return values or self.source:fail("%s", err)
end

-- Many groups may hold one dataset, which is read for each of them.
local function load(tree, path)
  local values, reasons = hdf5.read(tree.source.bytes, { path })
  if not values then tree.source:fail("%s: %s", path, reasons) end
  if not values[path] then tree.source:fail("%s: %s", path, reasons[path]) end
  tree.loaded = tree.loaded + #values[path]
  if tree.loaded > #tree.source.bytes + limits.unpacked then
    tree.source:fail("its groups hold more bytes than the file has and limits.unpacked = %d", limits.unpacked)
  end
  return Source.of(values[path], tree.source.path, tree.source.options)
end

-- The texts of all datasets of texts, and the numbers of those of one number, which are read at once.
local function read_small(tree)
  local paths, small = {}, {}
  for _, object in ipairs(tree.list) do
    local count = object.shape and arrays.count(object.shape)
    if object.kind == "dataset" and not object.same and count then
      local is_text = object.type == "text" and count <= MOST_TEXTS
      if is_text or count == 1 and object.type:find "^[fiu]%d$" then paths[#paths + 1] = object.path end
    end
  end
  for path, values in pairs(tree:read(paths)) do
    local object = tree.by_path[path]
    small[path] = object.type == "text" and values
      or Source.of(values, tree.source.path):list(0, 1, object.type)
  end
  return small
end

--- The texts, or the one number, of a small dataset as a list; nil if it is another one.
function Tree:small(object)
  self.smalls = self.smalls or read_small(self)
  return self.smalls[object.same or object.path]
end

local function number_in(value)
  if type(value) == "table" and #value == 1 then value = value[1] end
  return math.type(value) and value
end

-- How numbers are packed, by the attributes of the CF conventions, which netCDF follows; nil if they are not.
local function packing_of(attributes)
  local factor, addend, missing = number_in(attributes.scale_factor), number_in(attributes.add_offset), {}
  for _, name in ipairs { "_FillValue", "missing_value" } do
    local number = number_in(attributes[name])
    if number and number == number then missing[#missing + 1] = number end
  end
  if not (factor or addend or missing[1]) then return nil end
  return { factor = factor or 1, addend = addend or 0, missing = missing }
end

--- Returns a dataset as a variable.
-- @param fortran true: MATLAB's, whose sizes stand in reverse
function Tree:variable(object, fortran)
  local shape = object.shape or { 0 }
  if object.kind ~= "dataset" then
    return { kind = "other", name = object.name, shape = {}, what = object.reason or "a type", attributes = {} }
  end
  if object.type == "text" then return arrays.text(object.name, self:small(object) or {}, shape) end
  if not object.type:find "^[fiu]%d$" then
    return { kind = "other", name = object.name, shape = shape, what = object.type, attributes = {} }
  end
  if fortran then
    local reversed = {}
    for i, size in ipairs(shape) do reversed[#shape + 1 - i] = size end
    shape = reversed
  end
  return arrays.numbers { name = object.name, shape = shape, fortran = fortran, type = object.type,
    attributes = object.attributes, packing = packing_of(object.attributes),
    load = function() return load(self, object.path) end }
end

--- Returns a group of the datasets in a group (arrangement.lua).
function Tree:group(path)
  local group = { name = path:sub(2), variables = {} }
  for _, object in ipairs(self:members(path)) do
    if object.kind ~= "group" then group.variables[#group.variables + 1] = self:variable(object) end
  end
  return group
end

--- Adds texts and single numbers to the metadata of a block: those beside it and in its entry (the group at the top
-- that holds it), by their paths from there, and the attributes of the file.
function Tree:add_metadata(block, path)
  local entry, count = path:match "^/[^/]*", 0
  for _, object in ipairs(self.list) do
    local beside = object.path:match "^(.*)/"
    local is_near = beside == "" or entry ~= "/" and object.path:sub(1, #entry + 1) == entry .. "/"
    local values = is_near and object.kind == "dataset" and not object.same and self:small(object)
    if values and #values == 1 and values[1] ~= "" and count < MOST_METADATA then
      local name = beside == path and object.name or object.path:sub(beside == "" and 2 or #entry + 2)
      block.metadata[name], count = values[1], count + 1
    end
  end
  for name, value in pairs(self.by_path["/"].attributes) do
    if type(value) ~= "table" and block.metadata[name] == nil then block.metadata[name] = value end
  end
end

return Tree
