-- Files of spectra that a spec makes, and those of instruments beside the repository, for the specs of readers.
local assert = require "luassert"
local core = require "moonbow.core"
local mb = require "moonbow"
local damage = require "support.damage"
local index = require "support.instrument_index"
local measured = require "support.measured"

local file = { path = os.tmpname() }

--- Reads bytes by the door, as the file at file.path.
function file.read(bytes, options)
  damage.write(file.path, bytes)
  return mb.spectra.read(file.path, options)
end

--- Asserts that bytes are refused with a message, which follows the file's name.
function file.refuses(bytes, message, options)
  local set, err = file.read(bytes, options)
  assert.is_nil(set)
  assert.equal(file.path .. ": " .. message, err)
end

--- The message of a file that is cut off: file.cut(2, 3, "points").
function file.cut(have, want, what)
  return ("the file is cut off: %d of %d %s are there; partial = true reads them"):format(have, want, what)
end

--- Returns the values of a spectrum of a set as a list.
function file.values(set, row)
  return core.totable(core.reshape(core.index(set.x, core.tensor { row or 1 }), set.length))
end

--- Asserts that no damaged copy of bytes raises, and that some are refused.
function file.survives(bytes)
  local _, refused = damage.all(mb.spectra.read, file.path, bytes)
  assert.is_true(refused > 0)
end

--- Asserts that the files of instruments whose names match a pattern read as the index says, but for `except`: a
-- { [file] = true } whose differences the spec checks. Returns a message for `pending` if they are not there.
function file.matches_index(pattern, except)
  local folder, missing = measured "instrument_files"
  if not folder then return missing end
  local count = 0
  for _, entry in ipairs(index.entries(folder)) do
    if entry.file:find(pattern) then
      local set = assert(mb.spectra.read(folder .. "/" .. entry.file))
      if not (except and except[entry.file]) then
        assert.same({}, index.differences(set, entry.reference), entry.file)
      end
      count = count + 1
    end
  end
  assert.is_true(count > 0)
end

--- Asserts that damaged copies of the files of instruments whose names match a pattern raise nothing.
-- Returns a message for `pending` if they are not there.
function file.instruments_survive(pattern)
  local folder, missing = measured "instrument_files"
  if not folder then return missing end
  for _, entry in ipairs(index.entries(folder)) do
    if entry.file:find(pattern) then
      local from = assert(io.open(folder .. "/" .. entry.file, "rb"))
      local bytes = from:read "a"
      from:close()
      file.survives(bytes)
    end
  end
end

return file
