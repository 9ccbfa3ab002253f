--- The scans of a file that holds several: which are read, their names, and labels for what differs between them.
local core = require "moonbow.core"

local scans = {}

--- Returns the numbers of the scans to be read: all, or the one that options.block gives.
-- @param count scans of the file
-- @param named the name that block may have besides, for the reader; true: any; optional
-- @return list of numbers
function scans.chosen(source, count, named)
  local block = source:wanted "block"
  if math.type(block) ~= "integer" then
    if block and named ~= true and block ~= named then
      source:fail("block = '%s': expected the number of a scan%s", block, named and (" or '%s'"):format(named) or "")
    end
    local all = {}
    for i = 1, count do all[i] = i end
    return all
  end
  if block > count then source:fail("block = %d: the file holds %d scans", block, count) end
  return { block }
end

-- Returns the values of a position for all blocks, as texts, if they are not all the same; else nil.
local function differing(blocks, name)
  local texts, differs = {}, false
  for i, block in ipairs(blocks) do
    local value = block.metadata[name]
    texts[i] = math.type(value) and ("%.10g"):format(value) or value or ""
    differs = differs or texts[i] ~= texts[1]
  end
  return differs and texts or nil
end

--- Names the blocks of several scans "FILE scan 3", and adds the labels "scan" and those of positions that differ.
-- @param blocks list of blocks of one spectrum, with scan = number and metadata
-- @param positions list of names of metadata: "Omega (deg)"
-- @return blocks
function scans.label(source, blocks, positions)
  if #blocks < 2 then return blocks end
  local labels, columns = {}, { "scan" }
  for _, name in ipairs(positions) do
    labels[name] = not labels[name] and differing(blocks, name) or labels[name]
    if labels[name] then columns[#columns + 1] = name end
  end
  for i, block in ipairs(blocks) do
    block.names, block.columns = { ("%s scan %d"):format(source.name, block.scan) }, columns
    block.labels = { scan = { tostring(block.scan) } }
    for name, texts in pairs(labels) do block.labels[name] = { texts[i] } end
  end
  return blocks
end

--- Returns y, a tensor of float32 made of numbers of double precision. Raises a fault if one was too large.
function scans.finite(source, y)
  if core.find_non_finite { y } then source:fail("a value is beyond float32") end
  return y
end

return scans
