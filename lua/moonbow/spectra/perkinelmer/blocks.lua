--- The blocks of PerkinElmer files: an identifier, a size, and further blocks or a value with the code of its type.
local blocks = {}

local HEAD = 6 -- bytes: identifier and size
local MOST_DEPTH = 8
local RECORD = 121 -- the block of who measured what and when

blocks.FIRST = 44 -- offset, behind the magic and the description

--- Calls use(id, at, size) for each block between two offsets. The last may announce more bytes than there are.
function blocks.each(source, from, to, use)
  while from + HEAD <= to do
    local id, size = source:number(from, "u2"), source:number(from + 2, "u4")
    use(id, from + HEAD, size)
    from = from + HEAD + size
  end
end

local readers = {
  [0x7523] = function(source, at, size) return source:field(at + 2, math.min(source:number(at, "u2"), size - 2)) end,
  [0x7515] = function(source, at) return source:number(at, "i2") end,
  [0x752C] = function(source, at) return source:number(at, "u2") end,
  [0x752B] = function(source, at) return source:number(at, "u4") end,
  [0x751B] = function(source, at) return source:number(at, "f8") end,
  [0x751C] = function(source, at) return source:number(at, "f8") end,
}

local function is_value(source, at, size) return size >= 4 and source:number(at + 1, "u1") == 0x75 end

--- Returns the value of a block that holds a number or text; nil for others.
function blocks.value(source, at, size)
  if size < 4 or at + size > #source.bytes then return nil end
  local read = readers[source:number(at, "u2")]
  if read then return read(source, at + 2, size - 2) end
end

-- Names of values, by their identifiers; of those in the record first.
local of_record = { [35698] = "analyst", [35700] = "date", [35702] = "description" }
local names = { [35837] = "instrument", [35838] = "serial number", [35839] = "software", [35840] = "scans",
  [35841] = "detector", [35842] = "source", [35843] = "beam splitter", [35844] = "resolution", [35845] = "apodization",
  [35846] = "spectrum type", [35847] = "beam", [35849] = "phase correction", [35854] = "accessory",
  [35856] = "interferogram", [35857] = "scan direction", [35859] = "background scans", [35882] = "laser wavenumber" }

--- Adds the named values of the blocks between two offsets, and of the blocks in these, to metadata. Blocks that reach
-- beyond the one that holds them are left alone: each of them could hold all that follows once more.
function blocks.describe(source, from, to, metadata, depth, inside)
  to = math.min(to, #source.bytes)
  blocks.each(source, from, to, function(id, at, size)
    local name = inside == RECORD and of_record[id] or names[id]
    local value = name and blocks.value(source, at, size)
    if value and value ~= "" and metadata[name] == nil then metadata[name] = value end
    if not name and (depth or 1) < MOST_DEPTH and at + size <= to and size > HEAD
      and not is_value(source, at, size) then
      blocks.describe(source, at, at + size, metadata, (depth or 1) + 1, id)
    end
  end)
end

return blocks
