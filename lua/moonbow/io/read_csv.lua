--- One table of text, without the door: for tests, and programs that know that a file is one.
local core = require "moonbow.core"
local check = require "moonbow.check"
local text = require "moonbow.spectra.formats.text"
local Source = require "moonbow.spectra.source"

local known_options = {
  separator = check.optional "string", decimal = check.optional "string", comment = check.optional "string",
}

local function read(source)
  local set, why = text.read_table(source)
  if not set then source:fail("%s", why) end
  local n, length = core.size(set.x, 1), #set.axis
  if set.blocks then source:fail("spectra with axes of their own") end
  if set.names and not set.labels.spectrum then
    set.labels.spectrum = set.names
    table.insert(set.columns, 1, "spectrum")
  end
  return { x = core.reshape(set.x, n, length, 1), axis = set.axis, labels = set.labels, columns = set.columns,
    skipped = set.skipped, notes = set.notes }
end

--- Reads spectra from a text file. docs/own_spectra.md lists what is accepted and what is refused.
-- @param path string of the file
-- @option separator "," or ";" or "\t", " " for any blanks, or another character
-- @option decimal "." or ","; must be given if 1.200 may be 1200
-- @option comment "#" by default, and a line that starts with it but reads as a spectrum is refused; if given, lines
--   that start with it are always left out; "" for none
-- @return table { x = tensor (N, L, 1), axis = list of L numbers, labels = { [column] = list of N strings }, columns =
--   label columns in order, skipped = number of lines left out, notes = list of texts on what was left out or
--   interpreted }; or nil and a message that names file, line and column
local function read_csv(path, options)
  check.kind("read_csv", "path", path, "string")
  local source, err = Source.open(path, check.options("read_csv", options, known_options))
  if not source then return nil, err end
  local set, why = Source.try(read, source)
  if not set then return nil, ("%s: %s"):format(check.printable(path), why) end
  return set
end

return check.takes(read_csv, 2, known_options)
