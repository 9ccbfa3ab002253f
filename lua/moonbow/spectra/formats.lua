--- The formats of files with spectra. The first whose matches(source) is true reads the file.
--
-- A format is { name, title, matches(source), read(source) }. matches looks at the content, source.bytes, and never at
-- the file's name alone. read returns a list of blocks; a fault (source:fail) ends it. Files that it opens by
-- source:sibling, or marks in source.companions, are not read once more. A block holds spectra that share an axis:
--   y         tensor (N, L), or (L) for one spectrum
--   x         list of L numbers: the axis, as the file orders it
--   direction "rising" or "falling", if the reader made sure of it; nil: x is checked
--   axis      its name: "Raman shift", "2theta"; nil if the file does not say
--   unit      of the axis, as units.lua writes it: "cm-1", "nm", "deg"; nil if the file does not say
--   quantity  kind of the values, as units.lua writes it: "counts", "absorbance"; nil if the file does not say
--   percent   true: transmittance or reflectance in percent
--   decided   how the kind of the values was found: "YUNITS=ABSORBANCE"
--   names     list of N names of the spectra (optional)
--   labels    { [column] = list of N strings }, with columns, their list in order (optional)
--   metadata  { [name] = string or number } of the block; or a list of N such tables (optional)
local names = {
  "xrdml",
  "brml",
  "rasx",
  "labspec_xml",
  "xlsx",
  "bruker_raw",
  "stoe_raw",
  "wdf",
  "labspec_l6",
  "agilent",
  "envi",
  "omnic",
  "omnic_series",
  "opus",
  "perkinelmer",
  "npy",
  "npz",
  "zip", -- of no known format
  "xml", -- of no known format
  "spc",
  "hdf5",
  "mat",
  "refused", -- known and not read, by what it is
  "jcamp",
  "ras", "rigaku_asc", "uxd", "udf", "nja", "gsas",
  "labspec_text", "renishaw_text", "witec_text", "bwtek_text", "ocean_text", "rruff",
  "pe_ascii",
  "pdcif",
  "ucr", -- rows of numbers alone, in which FullProf might see a range
  "fullprof", -- a range in line 1 or 5 and numbers alone below
  "asp", -- numbers alone
  "witec_pair", -- numbers alone, and a companion
  "text", -- the last: any text that no other format takes
}

local only_refuse = { zip = true, xml = true, refused = true } -- found by the content, never asked for

local formats = { names = {} } -- names: those that the option format takes
for i, name in ipairs(names) do
  formats[i] = require("moonbow.spectra.formats." .. name)
  if not only_refuse[name] then table.insert(formats.names, formats[i].name) end
end

return formats
