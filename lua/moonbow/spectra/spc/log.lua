--- The log of an SPC file: text that an instrument left, mostly lines of "name = value".
local trim = require "moonbow.io.trim"
local Source = require "moonbow.spectra.source"

local MOST_LINES = 1000


local function add(metadata, name, value)
  if name ~= "" and value ~= "" and metadata[name] == nil then metadata[name] = value end
end

--- Adds the named values of the log at an offset to metadata. A log beyond the end of the file is left out with a note.
return function(source, offset, order, metadata)
  if offset == 0 then return end
  if offset > #source.bytes - 64 then
    source:note("the log at byte %d is beyond the end of the file", offset)
    return
  end
  local size, text_at = source:number(offset, "u4", order), source:number(offset + 8, "u4", order)
  local text = source.bytes:sub(offset + text_at + 1, offset + size):match "^%Z*"
  local lines = 0
  for line in Source.as_utf8(text):gmatch "[^\r\n]+" do
    lines = lines + 1
    if lines > MOST_LINES then break end
    local name, value = line:match "^([^=]+)=(.*)$"
    if name then add(metadata, trim.both(name), trim.both(value)) end
  end
end
