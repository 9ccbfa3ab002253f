--- Formats that are known and not read: each is refused by its name, with what to do.
local refused = { name = "refused", title = "a format that is not read" }

local HP = "a file of HP ChemStation, whose .spc is not Galactic's; export the spectra as text or JCAMP-DX"

local ASD = "an ASD FieldSpec file (.asd), which is not read; save it as text in ViewSpec or RS3"

local SPE = "a Princeton Instruments file (.spe), which is not read; export it as text"
local SPE_PLACE, SPE_MARK = 2997, "\x67\x45\x23\x01"

local kinds = {
  { "^WIT_PR", "a WITec project (.wip), which is not read; export the spectra as text or .mat" },
  { "^#WXD", "a Renishaw WiRE 1 file (.wxd), which is not read; open it in WiRE and save it as .wdf or text" },
  { "^ASD%z", ASD }, { "^as[2-8]%z", ASD },
  { "^%%PDF%-", "a PDF document" },
  { "^BZh", "a bzip2 file; unpack it first (bunzip2)" },
  { "^\2537zXZ%z", "an xz file; unpack it first (unxz)" },
  { "^%(\181/\253", "a Zstandard file; unpack it first (unzstd)" },
  { "^\3%d%d%d%z", HP }, { "^\2%d%d%z", HP },
  { "^\208\207\17\224\161\177\26\225.-D%za%zt%za%zS%zp%ze%zc%zt%zr%zu%zm%z",
    "an OLE file of Shimadzu UVProbe, which shares no more than the suffix .spc with Galactic's; export it as text" },
  { "^\208\207\17\224\161\177\26\225",
    "an OLE file, such as an old .xls, .doc or project of an instrument; save the spectra as .xlsx or text" },
  { "^\137PNG", "a PNG image" }, { "^\255\216\255", "a JPEG image" }, { "^GIF8", "a GIF image" },
  { "^II%*%z", "a TIFF image" }, { "^MM%z%*", "a TIFF image" }, { "^BM....%z%z%z%z", "a BMP image" },
  { "^SQLite format 3", "a SQLite database" }, { "^\127ELF", "a program" }, { "^MZ", "a program" },
  { "^7z\188\175", "a 7z archive; unpack it first" }, { "^Rar!", "a RAR archive; unpack it first" },
}

local function find(source)
  for _, kind in ipairs(kinds) do
    if source.bytes:find(kind[1]) then return kind[2] end
  end
  return source.bytes:sub(SPE_PLACE, SPE_PLACE + #SPE_MARK - 1) == SPE_MARK and SPE or nil
end

function refused.matches(source) return find(source) ~= nil end

function refused.read(source) source:fail("is %s", find(source)) end

return refused
