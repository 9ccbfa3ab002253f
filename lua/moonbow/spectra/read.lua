--- The door: files of spectra of any format.
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local progress = require "moonbow.progress"
local blocks = require "moonbow.spectra.blocks"
local concat = require "moonbow.spectra.concat"
local find = require "moonbow.spectra.find"
local formats = require "moonbow.spectra.formats"
local label_numbers = require "moonbow.spectra.label_numbers"
local set = require "moonbow.spectra.set"
local Source = require "moonbow.spectra.source"

local known_options = {
  format = check.optional "string",
  block = check.optional "string|positive integer", axis = check.optional "string",
  partial = false, ppm = false,
  separator = check.optional "string", decimal = check.optional "string", comment = check.optional "string",
  quantity = check.optional "string", unit = check.optional "string",
  resample = check.optional "boolean|table|tensor",
  labels = check.optional "string|table", by = check.optional "string",
  skip = false, verbose = true,
}

local function format_of(source)
  local wanted = source.options.format
  if wanted then check.name("read", "format", wanted, formats.names) end
  for _, format in ipairs(formats) do
    source.companions = {} -- those that a format looked at in vain
    if wanted == format.name or not wanted and format.matches(source) then return format end
  end
  source:fail("its format is not known")
end

-- The blocks that the option block chooses, by number or name, if the reader did not. Only readers choose an axis.
local function chosen(source, format, list)
  local options, heeded = source.options, source.heeded or {}
  if options.axis and not heeded.axis then source:fail("axis: in %s none can be chosen", format.title) end
  local wanted = not heeded.block and options.block or nil
  if not wanted then return list end
  for i, block in ipairs(list) do
    if wanted == i or blocks.count(block) == 1 and block.names and wanted == block.names[1] then return { block } end
  end
  source:fail("block = %s: %s with %s of spectra", check.show(wanted), format.title, check.show_count(#list, "block"))
end

local function read_source(source)
  local format = format_of(source)
  local list = chosen(source, format, format.read(source))
  if #list == 0 then source:fail("%s without spectra", format.title) end
  for i, block in ipairs(list) do
    list[i] = blocks.check(block, source)
    if source.options.ppm and block.unit ~= "ppm" then
      source:fail("ppm: expected an axis in ppm, or in Hz in JCAMP-DX, got %s", block.unit or "none that is known")
    end
  end
  local odd, why = blocks.odd_one(list)
  if not odd then return { blocks.join(list, source.notes) } end
  if not source.options.resample then
    source:fail("its spectra have different axes: %s; the option resample puts all on one axis", why)
  end
  local sets = {}
  for i, block in ipairs(list) do sets[i] = blocks.join({ block }, i == 1 and source.notes or {}) end
  return sets
end

-- What the user says of the spectra holds in place of what the file says.
local function stated(sets, options)
  if not (options.quantity or options.unit) then return sets end
  for i, spectra in ipairs(sets) do sets[i] = spectra:with { quantity = options.quantity, unit = options.unit } end
  return sets
end

-- Returns the sets of a file, one unless their axes differ, and the files that belong to it; or nil and a message.
local function read_file(path, options)
  local source, err = Source.open(path, options)
  if not source then return nil, err end
  local sets, why = Source.try(read_source, source)
  if not sets then return nil, ("%s: %s"):format(check.printable(path), why) end
  return stated(sets, options), source.companions
end

-- Several files: what is read so far.
local Reading = {}
Reading.__index = Reading

local function stem_of(path) return (path:gsub("%.[^./]*$", "")) end

local function new_reading(paths, options)
  local stems = {} -- stem -> the last file with it, which may be the owner of the others
  for i, path in ipairs(paths) do stems[stem_of(path)] = i end
  return setmetatable({ options = options, paths = paths, stems = stems, sets = {}, failures = {}, taken = {} },
    Reading)
end

-- Reads file i. Returns false if it cannot be read and may not be left out.
function Reading:read(i)
  local path = self.paths[i]
  if self.taken[path] then return true end
  local sets, companions = read_file(path, self.options)
  if sets then
    -- What shares a companion with a file that was read is another part of the same.
    local is_part = false
    for companion in pairs(companions) do is_part = is_part or self.taken[companion] end
    if is_part then return true end
    self.sets[i], self.taken[path] = sets, true
    for companion in pairs(companions) do self.taken[companion] = true end
    return true
  end
  self.failures[i] = companions
  -- A later file of the same stem may be the one to which this belongs.
  return self.options.skip or self.stems[stem_of(path)] > i
end

-- Returns the sets of all files in order, and the messages of those that could not be read.
function Reading:results()
  local sets, failures = {}, {}
  for i, path in ipairs(self.paths) do
    table.move(self.sets[i] or {}, 1, #(self.sets[i] or {}), #sets + 1, sets)
    if not self.taken[path] then failures[#failures + 1] = self.failures[i] end
  end
  return sets, failures
end

-- Returns the sets of all files and the messages of those left out; or nil and a message.
local function read_files(paths, options)
  local bar <close> = progress.job("spectra.read", "files", options.verbose)
  local reading = new_reading(paths, options)
  for i = 1, #paths do
    interrupt.check()
    if not reading:read(i) then break end
    bar.report(i, #paths)
  end
  local sets, failures = reading:results()
  if failures[1] and not options.skip or #sets == 0 then
    return nil, failures[1] or "expected files of spectra beside that of the labels, got none"
  end
  return sets, failures
end

-- Puts the file before each note, or their number if several files have the same one.
local function name_notes(sets)
  local count, first, order = {}, {}, {}
  for _, spectra in ipairs(sets) do
    for _, note in ipairs(spectra.notes) do
      if not count[note] then order[#order + 1], first[note] = note, check.printable(spectra.sources[1]) end
      count[note] = (count[note] or 0) + 1
    end
  end
  local notes = {}
  for i, note in ipairs(order) do
    notes[i] = ("%s: %s"):format(count[note] == 1 and first[note] or check.show_count(count[note], "file"), note)
  end
  return notes
end

local function join(sets, failures, files, options)
  local notes = files > 1 and name_notes(sets) or table.move(sets[1].notes, 1, #sets[1].notes, 1, {})
  local all, note = concat.try(sets, options.resample)
  if not all then return nil, note end
  notes[#notes + 1] = note
  for _, failure in ipairs(failures) do notes[#notes + 1] = "left out: " .. failure end
  return set.like(all, { notes = notes })
end

-- Returns a set with the labels of a table or the folders, if they are wanted; or nil and a message.
local function add_labels(spectra, labels, by)
  if not labels then return spectra end
  if labels ~= "folder" then return spectra:join(labels, { by = by }) end
  if spectra.labels.folder then return nil, "the spectra have a label 'folder' already" end
  return spectra:with { labels = { folder = set.folders(spectra) } }
end

local function check_paths(path)
  check.kind("read", "path", path, "string|table")
  if type(path) == "string" then return end
  check.each("read", "path", check.list("read", "path", path), "string")
  if #path == 0 then check.fail("read", "path: expected at least one path, got none") end
end

local SKIP = "; skip = true leaves out files that cannot be read"

-- Reads a set with options that were checked; place(set), if given, returns the set of each file as it is to be joined.
local function read_placed(path, options, place)
  local guard <close> = interrupt.catch "spectra.read" -- luacheck: ignore 211
  local paths, err = find.files(path, options.labels)
  if not paths then return nil, err end
  local sets, failures = read_files(paths, options)
  if not sets then return nil, failures .. (#paths > 1 and not options.skip and SKIP or "") end
  for i, spectra in ipairs(place and sets or {}) do sets[i] = place(spectra) end
  local spectra, why = join(sets, failures, #paths, options)
  if not spectra then return nil, why end
  spectra, why = add_labels(spectra, options.labels, options.by)
  for _, cells in pairs(spectra and options.decimal and spectra.labels or {}) do
    label_numbers.part(cells, cells, options.decimal)
  end
  return spectra, why
end

--- Reads files as mb.spectra.read does, for a model: the sets, whose axes may differ, are brought to its axis by
-- themselves before they are joined.
-- @param options as for mb.spectra.read
-- @param axis of the model
-- @param place function(set) that returns the set at this axis
function set.read_at(path, options, axis, place)
  options = check.options("read", options, known_options)
  options.resample = axis
  return read_placed(path, options, place)
end

--- Reads files as mb.spectra.read does, without joining them: returns the list of sets, whose axes, units and kinds of
-- values may differ; or nil and a message.
function set.read_apart(path)
  local options = check.options("read", { resample = true }, known_options)
  local guard <close> = interrupt.catch "spectra.read" -- luacheck: ignore 211
  local paths, err = find.files(path)
  if not paths then return nil, err end
  return read_files(paths, options)
end

--- Reads spectra from files of any known format, which is found by the content.
--
-- Files that belong to another one, such as the data beside a header, are read with it, and not once more. Spectra with
-- different axes, units or kinds of values are refused, and the message names the files and the difference.
-- @param path string|table a file; a folder, of which all files are read, with those in its folders; a glob such as
--   "scans/*.xrdml" or "scans/**/*.txt", with * for any text, ? for a character, [a-c] for one of these and ** for any
--   folders; or a list of these. Files of folders and globs are sorted by names and numbers: scan2 before scan10
-- @option format name of the format, if it is not to be found by the content: "text", "ucr", "jcamp", "spc", ...
--   (docs/spectra.md has all of them)
-- @option block which of several: a number, or the name of a data block, sheet, variable or dataset
-- @option axis name of the variable, dataset or column that is the axis, if a file with several does not say; "line 1"
--   in a text whose first line is the axis of spectra in rows. Where there is nothing of that name or number to be
--   chosen, block and axis are refused
-- @option partial true: what can be read of a file that is cut off
-- @option ppm true: spectra of NMR whose axis is in Hz, as JCAMP-DX has it, get chemical shifts, by the frequency and
--   the reference in the file
-- @option separator of text: "," or ";" or "\t", " " for any blanks, or another character
-- @option decimal of text, and of labels that are numbers: "." or ","
-- @option comment of text: sign with which lines start that are left out
-- @option quantity what the values are, in place of what the files say: "counts", "absorbance", "%T"
-- @option unit of the axis, in place of what the files say: "cm-1", "nm", "deg"
-- @option resample true: different axes are interpolated to one, the points of the coarsest within the range that all
--   cover; or the grid, as for spectra:resample
-- @option labels "folder": the folder of each file becomes the label "folder"; else a table of labels by file name, as
--   for spectra:join; its file is not read as spectra if it is among them
-- @option by what names the rows of that table if not the file, as for spectra:join
-- @option skip true: files that cannot be read are left out and noted
-- @option verbose false: no progress on standard error
-- @return spectra the set; or nil and a message with file, place and reason
-- @see spectra:join, spectra:resample
-- @usage local spectra = assert(mb.spectra.read("scans/*.csv", { labels = "labels.csv" }))
local function read(path, options)
  check_paths(path)
  options = check.options("read", options, known_options)
  options.resample = concat.read_grid("read", options.resample)
  return read_placed(path, options)
end

return check.takes(read, 2, known_options)
