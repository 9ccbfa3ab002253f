--- Chooses among the groups of a file (all of it, its structs, its groups of HDF5) those that hold spectra.
local core = require "moonbow.core"
local arrangement = require "moonbow.spectra.arrangement"
local arrays = require "moonbow.spectra.arrays"
local dataset = require "moonbow.spectra.dataset"
local roles = require "moonbow.spectra.roles"

local groups = {}

local MOST_LEVELS = 3 -- of structs inside structs

local function add_struct(list, name, variable, level)
  for i, element in ipairs(variable.elements) do
    local own = #variable.elements == 1 and name or ("%s(%d)"):format(name, i)
    local group = { name = own, variables = {} }
    if dataset.matches(variable, element) then group.dataset = element end
    list[#list + 1] = group
    for _, field in ipairs(variable.fields) do
      local inner = element[field]
      inner.name = field
      group.variables[#group.variables + 1] = inner
      if inner.kind == "struct" and level < MOST_LEVELS then
        add_struct(list, own .. "." .. field, inner, level + 1)
      end
    end
  end
end

--- Returns the groups of a file's variables: all of them, without a name, and each struct.
function groups.of(variables)
  local list = { { name = "", variables = variables } }
  for _, variable in ipairs(variables) do
    if variable.kind == "struct" then add_struct(list, variable.name, variable, 1) end
  end
  return list
end

local function may_hold(group) return group.dataset or roles.may_hold(group) end

-- The block of a group, which may have a way of its own: read(source, group, name of the variable).
local function read(source, group, name)
  if group.read then return group.read(source, group, name) end
  if group.dataset and not name then return dataset.block(source, group) end
  return arrangement.block(source, group, name)
end

-- Returns the block that an option names: a group, or a variable, with its group before a dot or alone.
local function read_named(source, list, name, separator)
  if separator == "/" then name = name:gsub("^/+", ""):gsub("/+$", "") end
  for _, group in ipairs(list) do
    if group.name == name and name ~= "" then return { read(source, group) } end
  end
  for _, group in ipairs(list) do
    for _, variable in ipairs(group.variables) do
      local path = group.name == "" and variable.name or group.name .. separator .. variable.name
      if path == name or variable.name == name and variable.kind == "numbers" then
        return { read(source, group, variable.name) }
      end
    end
  end
  local shown = {}
  for _, group in ipairs(list) do
    for _, variable in ipairs(group.variables) do
      local prefix = group.name == "" and "" or group.name .. separator
      if variable.kind == "numbers" then shown[#shown + 1] = prefix .. arrays.show(variable) end
    end
  end
  source:fail("no variable '%s'; it holds %s", name, #shown == 0 and "no numbers" or table.concat(shown, ", ", 1,
    math.min(#shown, 20)))
end

-- Gives each block the label of its group, if there are several.
local function name_groups(blocks, chosen)
  for i, block in ipairs(blocks) do
    local list = {}
    for row = 1, core.size(block.y, 1) do list[row] = chosen[i].name end
    block.labels.group = list
    table.insert(block.columns, 1, "group")
    block.names = block.names or list
  end
end

--- Returns the blocks of spectra in the groups of a file.
-- @param separator between the names of a group and of its variable
function groups.blocks(source, list, separator)
  local block, chosen = source:wanted "block", {}
  if type(block) == "string" then return read_named(source, list, block, separator) end
  for _, group in ipairs(list) do
    if may_hold(group) then chosen[#chosen + 1] = group end
  end
  if block and not chosen[block] then source:fail("no block %d: %d groups may hold spectra", block, #chosen) end
  if block then return { read(source, chosen[block]) } end
  if #chosen == 0 then chosen[1] = list[1] end
  if #chosen > 1 and chosen[1].name == "" then
    source:note("spectra may also be in %d structs or groups; block chooses: %s", #chosen - 1, chosen[2].name)
    chosen = { chosen[1] }
  end
  local blocks = {}
  for i, group in ipairs(chosen) do blocks[i] = read(source, group) end
  if #blocks > 1 then name_groups(blocks, chosen) end
  return blocks
end

return groups
