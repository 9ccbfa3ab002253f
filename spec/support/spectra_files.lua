-- Files of spectra that specs make in memory, and the measured ones with their index.
local mb = require "moonbow"
local zip = require "moonbow.io.zip"
local damage = require "support.damage"
local measured = require "support.measured"
local index = require "support.instrument_index"

local files = {}

--- Writes bytes to a temporary file and reads it. Returns the set; or nil and the message without the path.
function files.read(bytes, options)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local set, message = mb.spectra.read(path, options)
  os.remove(path)
  if set then return set end
  return nil, (message:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", ""))
end

--- Returns a zip archive of { { name, content }, ... }.
function files.zip(members, stored)
  local entries, parts = {}, {}
  for i, member in ipairs(members) do entries[i] = { name = member[1], content = member[2] } end
  zip.write(entries, function(bytes) parts[#parts + 1] = bytes end, not stored)
  return table.concat(parts)
end

--- Returns the values of a spectrum as a list.
function files.values(set, row)
  return set.x:index({ row or 1 }):reshape(set.length):totable()
end

--- Asserts that bytes are refused with a message.
function files.expect_refusal(message, bytes, options)
  local set, got = files.read(bytes, options)
  assert(set == nil, "read, but expected to be refused: " .. message)
  assert(got == message, ("expected the message\n  %s\ngot\n  %s"):format(message, got))
end

--- Reads damaged copies of a file, whole and as far as they go: each gives a set or a message.
function files.expect_survival(bytes)
  local path = os.tmpname()
  damage.all(mb.spectra.read, path, bytes)
  damage.all(function(at) return mb.spectra.read(at, { partial = true }) end, path, bytes)
  os.remove(path)
end

--- Returns one spectrum whose axis may hold points twice, as files do.
function files.repeated(axis)
  local rows = {}
  for i = 1, #axis do rows[i] = i end
  local set = mb.spectra.set { x = rows, axis = { first = 1, last = #axis, points = #axis } }
  return require("moonbow.spectra.set").like(set, { axis = axis })
end

--- Returns the path of a measured file; or nil and a message for `pending`.
function files.shared(name) return measured(name) end

--- Returns the path of a file of instruments and its reference in the index; or nil and a message for `pending`.
function files.measured(name)
  local folder, message = measured "instrument_files"
  if not folder then return nil, message end
  for _, entry in ipairs(index.entries(folder)) do
    if entry.file == name then return folder .. "/" .. name, entry.reference end
  end
  return nil, name .. " is not in the index"
end

--- Returns the content of a file.
function files.bytes(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

return files
