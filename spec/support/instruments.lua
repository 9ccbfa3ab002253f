-- Checks of a reader by the files of instruments beside the repository, and by damaged copies.
local assert = require "luassert"
local damage = require "support.damage"
local index = require "support.instrument_index"
local mb = require "moonbow"
local measured = require "support.measured"

local instruments = {}

-- Calls use(entry, path) for each file of the index whose name matches; returns a message if they are not there.
local function each(pattern, use)
  local folder, missing = measured "instrument_files"
  if not folder then return missing end
  local count = 0
  for _, entry in ipairs(index.entries(folder)) do
    if entry.file:find(pattern) then
      use(entry, folder .. "/" .. entry.file)
      count = count + 1
    end
  end
  assert.is_true(count > 0)
end

--- Asserts that the files whose names match a pattern read as the index says, but for `except`: a { [file] = true }
-- whose differences the spec checks. Returns a message for `pending` if they are not there.
function instruments.match_index(pattern, except)
  return each(pattern, function(entry, path)
    local set = assert(mb.spectra.read(path))
    if except and except[entry.file] then return end
    assert.same({}, index.differences(set, entry.reference), entry.file)
  end)
end

--- Asserts that no damaged copy of bytes, at path, raises, and that some are refused.
function instruments.survive(path, bytes)
  local _, refused = damage.all(mb.spectra.read, path, bytes)
  assert.is_true(refused > 0)
end

--- Asserts that no damaged copy of the files whose names match a pattern raises. Returns a message for `pending`.
function instruments.damaged(pattern, path)
  return each(pattern, function(_, from)
    local file <close> = assert(io.open(from, "rb"))
    instruments.survive(path, file:read "a")
  end)
end

--- The message of a file that is cut off: cut(2, 3, "points").
function instruments.cut(have, want, what)
  return ("the file is cut off: %d of %d %s are there; partial = true reads them"):format(have, want, what)
end

return instruments
