--- Universal Spectroscopy and Imaging Data in HDF5, as PTIR Studio (Photothermal) writes it: channels with a matrix
-- Raw_Data, whose rows are spectra, beside Spectroscopic_Values (a row: the axis) and Position_Values (a row for each
-- spectrum). Source: the documentation of pyUSID, "USID Model".
local arrangement = require "moonbow.spectra.arrangement"

local usid = {}

local MOST_NAMED = 10 -- signals in a note

-- Units are stored letter by letter: { "c", "m", "-", "1" }.
local function text_of(value) return type(value) == "table" and table.concat(value) or value and tostring(value) end

-- The object of a name beside a matrix, or beside its channel.
local function beside(tree, channel, name)
  local above = channel:match "^(.*)/"
  return tree:get(channel, name) or tree:get(above == "" and "/" or above, name)
end

-- Returns the channel of a matrix; nil if it is none with an axis.
local function channel_of(tree, data)
  local path = data.path:match "^(/.+)/Raw_Data$"
  if not path or not data.shape or #data.shape ~= 2 then return nil end
  local axis, group = beside(tree, path, "Spectroscopic_Values"), tree.by_path[path]
  local fits = group and axis and axis.shape and #axis.shape == 2 and axis.shape[1] == 1
    and axis.shape[2] == data.shape[2]
  if not fits then return nil end
  local source = tree.text(group, "DataSignal")
  return { path = path:sub(2), data = data, axis = axis, group = group, source = source, is_background = source == "",
    signal = tree.text(group, "Label") or source or path:match "[^/]*$" }
end

--- Returns the channels of a file; backgrounds, which have no signal, only if there is nothing else.
function usid.channels(tree)
  local channels, backgrounds = {}, {}
  for _, object in ipairs(tree.list) do
    local channel = object.name and object.kind == "dataset" and not object.same and channel_of(tree, object)
    if channel then table.insert(channel.is_background and backgrounds or channels, channel) end
  end
  return #channels > 0 and channels or backgrounds
end

-- Adds a column of labels for each column of the positions.
local function add_positions(block, tree, channel)
  local count, object = channel.data.shape[1], beside(tree, "/" .. channel.path, "Position_Values")
  if count == 1 or not (object and object.shape and #object.shape == 2 and object.shape[1] == count) then return end
  local places, width, unit = tree:variable(object), object.shape[2], text_of(object.attributes.units)
  if places.kind ~= "numbers" then return end
  local names, list = object.attributes.labels, places:list()
  for c = 1, width do
    local column = tostring(type(names) == "table" and names[c] or "position " .. c) .. (unit and (" (%s)"):format(unit)
      or "")
    if not block.labels[column] then
      block.columns[#block.columns + 1], block.labels[column] = column, {}
      for r = 1, count do block.labels[column][r] = ("%.7g"):format(list[(r - 1) * width + c]) end
    end
  end
end

local function add_metadata(block, tree, channel)
  for _, object in ipairs { channel.group, tree.by_path["/" .. channel.path:match "^[^/]*"], tree.by_path["/"] } do
    for name, value in pairs(object.attributes) do
      if type(value) ~= "table" and block.metadata[name] == nil then block.metadata[name] = value end
    end
  end
end

local function block_of(tree, channel)
  local values, axis = tree:variable(channel.data), tree:variable(channel.axis)
  if values.kind ~= "numbers" or axis.kind ~= "numbers" or axis:count() < 2 then
    tree.source:fail("%s is no spectrum", channel.data.path)
  end
  axis.name, axis.attributes = "axis", { units = text_of(axis.attributes.units) }
  values.attributes = { units = text_of(values.attributes.units) }
  local block = arrangement.block_of(tree.source, { name = channel.path, variables = {} }, values, axis, 2,
    { [2] = axis })
  if block.unit == "cm-1" and channel.signal:find "Raman" then block.axis = "Raman shift" end
  add_positions(block, tree, channel)
  add_metadata(block, tree, channel)
  if channel.data.shape[1] == 1 then block.names = { channel.path } end
  return block
end

-- Returns the channels that options.block names: by number, signal or path.
local function chosen(source, channels, wanted)
  local found = {}
  for i, channel in ipairs(channels) do
    if wanted == i or wanted == channel.signal or wanted == channel.path then found[#found + 1] = channel end
  end
  if #found > 0 then return found end
  local shown = {}
  for i = 1, math.min(#channels, MOST_NAMED) do shown[i] = ("%s (%s)"):format(channels[i].path, channels[i].signal) end
  source:fail("block = '%s': it holds %s%s", wanted, table.concat(shown, ", "), #channels > #shown and ", ..." or "")
end

-- Returns the channels of the first signal; a note names the others.
local function of_first_signal(source, channels)
  local kept, others, seen = {}, {}, {}
  for _, channel in ipairs(channels) do
    if channel.signal == channels[1].signal then
      kept[#kept + 1] = channel
    elseif not seen[channel.signal] and #others < MOST_NAMED then
      seen[channel.signal], others[#others + 1] = true, ('block = "%s"'):format(channel.signal)
    end
  end
  if #others > 0 then source:note("%s is read; other signals: %s", channels[1].signal, table.concat(others, ", ")) end
  return kept
end

--- Returns the blocks of spectra, one for each channel of the first signal, or of what options.block names.
-- @param channels of usid.channels, at least one
function usid.blocks(tree, channels)
  local source = tree.source
  local wanted, blocks = source:wanted "block", {}
  local read = wanted and chosen(source, channels, wanted) or of_first_signal(source, channels)
  for i, channel in ipairs(read) do blocks[i] = block_of(tree, channel) end
  return blocks
end

return usid
