--- The members of a file that is a zip archive, as many formats of instruments are. Archives in archives stay closed.
local limits = require "moonbow.io.limits"
local zip = require "moonbow.io.zip"

local archive = {}

-- Reads the directory once. Returns the names of the members, with by_name = entries, and a message if it is damaged:
-- then the members are those that are whole.
local function directory(source)
  if source.members then return source.members end
  local list, message = zip.entries(source.bytes)
  local members = { by_name = {}, message = message }
  for i, entry in ipairs(list or zip.whole_entries(source.bytes)) do
    local name = entry.name:gsub("\\", "/")
    members[i], members.by_name[name] = name, entry
  end
  source.members = members
  return members
end

-- Ends the reading of a damaged archive; or, if members are whole and partial = true, leaves a note.
local function opened(source)
  local members = directory(source)
  if not members.message then return members end
  if #members == 0 then source:fail("%s", members.message) end
  local text = ("%s; whole members: %d"):format(members.message, #members)
  if not source.options.partial then source:fail("%s; partial = true reads them", text) end
  source:note("%s", text)
  return members
end

--- True if the file begins as a zip archive does.
function archive.is(source) return source.bytes:sub(1, 4) == "PK\3\4" end

--- True if the archive is damaged, so that members may be missing.
function archive.is_cut(source) return directory(source).message ~= nil end

--- True if the file is an archive with a member of a name that fits a pattern.
function archive.holds(source, pattern)
  if not archive.is(source) then return false end
  for _, name in ipairs(directory(source)) do
    if name:find(pattern) then return true end
  end
  return false
end

--- Returns the names of the members in the archive's order. Raises a fault if its directory is damaged, unless partial
-- = true.
function archive.names(source) return opened(source) end

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
  local entry = opened(source).by_name[name]
  if not entry then return nil end
  local content, message = zip.content(source.bytes, entry)
  if not content then source:fail("%s", message) end
  return content
end

--- Returns a function(put) that calls put(piece) for the content of a member, which is never in memory as a whole;
-- nil if it is missing. That function raises a fault if the member is damaged, after pieces that are wrong.
function archive.pieces(source, name)
  local entry = opened(source).by_name[name]
  return entry and function(put)
    local ok, message = zip.unpack(source.bytes, entry, put)
    if not ok then source:fail("%s", message) end
  end
end

local GROWTH = 8 -- a list takes 16 bytes for a number of 2 bytes of text
local LONGEST = 1 << 16 -- bytes of a line of numbers: pieces without a line break are joined

--- Calls put(text) for the lines of numbers of a member, some at a time. Raises a fault if lists of the numbers could
-- take more memory than mb.limits.unpacked.
function archive.lines(source, name, put)
  local size, most, rest = opened(source).by_name[name].size, limits.unpacked // GROWTH, ""
  if size > most then source:fail("%s: %d bytes of numbers; limits.unpacked / %d = %d", name, size, GROWTH, most) end
  archive.pieces(source, name)(function(piece)
    piece = rest .. piece
    local next_line = piece:match "^.*[\r\n]()" or 1
    if next_line == 1 and #piece > LONGEST then source:fail("%s: a line of more than %d bytes", name, LONGEST) end
    rest = piece:sub(next_line)
    if next_line > 1 then put(piece:sub(1, next_line - 1)) end
  end)
  if rest ~= "" then put(rest) end
end

return archive
