--- The way out: sets of spectra as files of other programs.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local label_numbers = require "moonbow.spectra.label_numbers"
local set = require "moonbow.spectra.set"

local FORMATS = { "csv", "xy", "npy", "npz", "jcamp" }

local known_options = {
  format = check.optional "string", each = false, separator = check.optional "string",
  form = check.one_of("AFFN", { "AFFN", "DIFDUP" }),
}

local writers = {}
for _, name in ipairs { "csv", "xy", "npy", "jcamp" } do
  writers[name] = require("moonbow.spectra.writers." .. name)
end
writers.npz = writers.npy

-- Returns the name of the format that options or the suffix of the path give.
local function format_of(path, given)
  if given then return check.name("write", "format", given, FORMATS) end
  local suffix = (path:match "%.([^./]*)$" or ""):lower()
  for _, name in ipairs(FORMATS) do
    for _, known in ipairs(writers[name].suffixes) do
      if suffix == known and (name ~= "npy" or suffix == "npy") then return name end
    end
  end
  check.fail("write", "path: no format has the suffix '%s'; give format: '%s'", check.printable(suffix),
    table.concat(FORMATS, "', '"))
end

local function write_file(spectra, path, options)
  return core.in_c_locale(function()
    return files.write(path, function(put) writers[options.format].write(spectra, options, put) end)
  end)
end

-- Names of files for the spectra, each once, without signs that paths or other systems give a meaning.
local function file_names(spectra, suffix)
  local names, taken = {}, {}
  for i, name in ipairs(spectra.names) do
    local stem = name:gsub("%.[%w]+$", ""):gsub('[%c/\\:*?"<>|#]', "_"):gsub("^[%s.]+", "")
    stem = stem == "" and tostring(i) or stem
    while taken[stem:lower()] do stem = ("%s_%d"):format(stem, i) end
    taken[stem:lower()], names[i] = true, stem .. "." .. suffix
  end
  return names
end

-- Writes each spectrum to a file of its own.
local function write_each(spectra, folder, options)
  local ok, err = files.make_folders(folder)
  if not ok then return nil, err end
  local suffix = options.format == "jcamp" and "jdx" or options.format
  for i, name in ipairs(file_names(spectra, suffix)) do
    ok, err = write_file(spectra[i], folder .. "/" .. name, options)
    if not ok then return nil, err end
  end
  return true
end

-- Labels that are known to be numbers must read back as the same ones.
local function with_certain_numbers(spectra)
  local labels = {}
  for column, cells in pairs(spectra.labels) do labels[column] = label_numbers.for_file(cells) end
  return set.like(spectra, { labels = labels })
end

--- Writes spectra to a file, whole or not at all; mb.spectra.read reads it back with the same numbers: each value as
-- the same float32, the axis as the same doubles. But .npy has no axis, and in JCAMP-DX the points of an even axis lie
-- between its ends. What would read back as something else is refused. CSV has a spectrum in each row with its labels,
-- XY columns beside the axis, JCAMP-DX a block for each spectrum with its metadata.
-- @param spectra spectra
-- @param path string of the file
-- @option format "csv", "xy", "npy", "npz" or "jcamp"; else by the suffix: .csv; .xy, .txt, .dat, .tsv; .npy; .npz;
--   .jdx, .dx
-- @option each true: one file for each spectrum, by its name, in the folder path; give format
-- @option separator of CSV (",") and XY (tab)
-- @option form of JCAMP-DX: "AFFN", plain numbers; "DIFDUP", differences, a quarter as long
-- @return boolean true; or nil and a message
-- @usage mb.spectra.write(spectra, "spectra.jdx", { form = "DIFDUP" })
local function write(spectra, path, options)
  if not set.is(spectra) then
    check.fail("write", "spectra: expected spectra, as mb.spectra.read returns them, got %s", check.show(spectra))
  end
  check.kind("write", "path", path, "string")
  options = check.options("write", options, known_options)
  local separator = options.separator
  if separator and not separator:find "^[,;\t ]$" then
    check.fail("write", "separator: expected ',', ';', a tab or a blank, got %s", check.show(separator))
  end
  options.format = format_of(path, options.format)
  spectra = with_certain_numbers(spectra)
  if options.each then return write_each(spectra, path, options) end
  return write_file(spectra, path, options)
end

return check.takes(write, 3, known_options)
