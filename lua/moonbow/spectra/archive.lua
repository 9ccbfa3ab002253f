--- The members of a file that is a zip archive, as many formats of instruments are. Archives in archives stay closed.
local limits = require "moonbow.io.limits"
local zip = require "moonbow.io.zip"
local numbers = require "moonbow.spectra.numbers"

local archive = {}

-- Reads the directory once. Returns the entries by name, with "/" between folders, a message if it is damaged, and the
-- names.
local function directory(source)
  if source.members == nil then
    local list, message = zip.entries(source.bytes)
    source.members = { by_name = list and {} or nil, message = message }
    for i, entry in ipairs(list or {}) do
      local name = entry.name:gsub("\\", "/")
      source.members[i], source.members.by_name[name] = name, entry
    end
  end
  return source.members.by_name, source.members.message, source.members
end

--- True if the file begins as a zip archive does.
function archive.is(source) return source.bytes:sub(1, 4) == "PK\3\4" end

--- True if the file is an archive with a member of a name that fits a pattern.
function archive.holds(source, pattern)
  if not archive.is(source) then return false end
  local _, _, names = directory(source)
  for _, name in ipairs(names) do
    if name:find(pattern) then return true end
  end
  return false
end

--- Returns the names of the members in the archive's order. Raises a fault if its directory is damaged.
function archive.names(source)
  local by_name, message, names = directory(source)
  if not by_name then source:fail("%s", message) end
  return names
end

local function sorted_by_numbers(names)
  local keys = {}
  for _, name in ipairs(names) do
    keys[name] = name:gsub("%d+", function(digits) return ("0"):rep(20 - #digits) .. digits end)
  end
  table.sort(names, function(a, b) return keys[a] < keys[b] end)
  return names
end

--- Returns the names that fit a pattern, sorted with numbers in them as numbers.
function archive.matching(source, pattern)
  local found = {}
  for _, name in ipairs(archive.names(source)) do
    if name:find(pattern) then found[#found + 1] = name end
  end
  return sorted_by_numbers(found)
end

--- Returns the content of a member; nil if it is missing. Raises a fault if it is damaged.
function archive.content(source, name)
  local entry = directory(source)[name]
  if not entry then return nil end
  local content, message = zip.content(source.bytes, entry)
  if not content then source:fail("%s", message) end
  return content
end

local GROWTH = 8 -- a list takes 16 bytes for a number of 2 bytes of text

--- Reads the text of a member as numbers into a list, which takes no more memory than mb.limits.unpacked.
-- @param what goes before messages: the member, or its element
function archive.numbers(source, text, what)
  if #text > limits.unpacked // GROWTH then
    source:fail("%s: %d bytes of numbers; limits.unpacked / %d = %d", what, #text, GROWTH, limits.unpacked // GROWTH)
  end
  local list, word = numbers.list(text)
  if not list then source:fail("%s: expected a number, got %s", what, word) end
  return list
end

return archive
