-- A file for specs that write and read it again and again.
local assert = require "luassert"
local damage = require "support.damage"
local mb = require "moonbow"

local written = {}

--- Makes a reader and a refusal for one temporary file.
-- @param suffix of its name, with its point; none unless given
-- @return read(bytes, options) -> mb.spectra.read's results; refuses(bytes, message, options), which asserts that the
--   message follows the path; the path; and a function for teardown, which removes the file
function written.file(suffix)
  local base = os.tmpname()
  local path = base .. (suffix or "")
  local function read(bytes, options)
    damage.write(path, bytes)
    return mb.spectra.read(path, options)
  end
  local function refuses(bytes, message, options)
    local set, err = read(bytes, options)
    assert.is_nil(set)
    assert.equal(path .. ": " .. message, err)
  end
  local function remove()
    os.remove(path)
    os.remove(base)
  end
  return read, refuses, path, remove
end

--- The values of a spectrum as a list.
function written.values(set, row) return mb.tensor(set.x[row or 1]:totable()):reshape(-1):totable() end

return written
