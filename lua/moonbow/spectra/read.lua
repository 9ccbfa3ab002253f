--- The door: files of spectra of any format.
local check = require "moonbow.check"
local blocks = require "moonbow.spectra.blocks"
local formats = require "moonbow.spectra.formats"
local Source = require "moonbow.spectra.source"

local known_options = {
  format = check.optional "string",
  block = check.optional "string|positive integer",
  partial = false,
  separator = check.optional "string", decimal = check.optional "string", comment = check.optional "string",
}

local function format_of(source)
  local names = {}
  for i, format in ipairs(formats) do
    if source.options.format == format.name or not source.options.format and format.matches(source) then
      return format
    end
    names[i] = format.name
  end
  if source.options.format then check.name("read", "format", source.options.format, names) end
  source:fail("its format is not known")
end

local function read_source(source)
  local format = format_of(source)
  local list = format.read(source)
  if #list == 0 then source:fail("%s without spectra", format.title) end
  for i, block in ipairs(list) do list[i] = blocks.check(block, source) end
  return list
end

-- Returns the blocks of a file, and notes; or nil and a message.
local function read_file(path, options)
  local source, err = Source.open(path, options)
  if not source then return nil, err end
  local list, why = Source.try(read_source, source)
  if not list then return nil, ("%s: %s"):format(check.printable(path), why) end
  return list, source.notes
end

--- Reads spectra from a file of any known format, which is found by the content.
-- @param path string of the file
-- @option format name of the format, if it is not to be found by the content
-- @option block which of several: a number, or the name of a data block, sheet, variable or dataset
-- @option partial true: what can be read of a file that is cut off
-- @option separator of text: "," or ";" or "\t", " " for any blanks, or another character
-- @option decimal of text: "." or ","
-- @option comment of text: sign with which lines start that are left out
-- @return spectra the set; or nil and a message with file, place and reason
local function read(path, options)
  check.kind("read", "path", path, "string")
  options = check.options("read", options, known_options)
  local list, notes = read_file(path, options)
  if not list then return nil, notes end
  local odd, why = blocks.odd_one(list)
  if odd then return nil, ("%s: its spectra have different axes: %s"):format(check.printable(path), why) end
  return blocks.join(list, notes)
end

return check.takes(read, 2, known_options)
