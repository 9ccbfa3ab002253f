-- Images: ENVI, Agilent and LabSpec 6, made here by their layouts.
local lfs = require "lfs"
local mb = require "moonbow"
local damage = require "support.damage"
local temporary_folder = require "support.temporary_folder"
local written = require "support.written"

local folder = temporary_folder()

local function put(name, bytes)
  damage.write(folder .. "/" .. name, bytes)
  return folder .. "/" .. name
end

local function clear()
  for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
end

local function packed(format, list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = string.pack(format, value) end
  return table.concat(parts)
end

local function refuses(path, message)
  local set, err = mb.spectra.read(path)
  assert.is_nil(set)
  assert.equal(path .. ": " .. message, err)
end

after_each(clear)
teardown(function() lfs.rmdir(folder) end)

local function header(fields)
  local lines = { "ENVI" }
  for _, name in ipairs { "samples", "lines", "bands", "header offset", "data type", "interleave", "byte order",
    "file type", "wavelength units", "wavelength", "spectra names", "reflectance scale factor", "data ignore value",
    "bbl", "data gain values" } do
    if fields[name] then lines[#lines + 1] = name .. " = " .. fields[name] end
  end
  return table.concat(lines, "\n") .. "\n"
end

describe("ENVI", function()
  -- Two lines of three samples with two bands: value = 100 line + 10 sample + band.
  local orders = { bip = { 111, 112, 121, 122, 131, 132, 211, 212, 221, 222, 231, 232 },
    bil = { 111, 121, 131, 112, 122, 132, 211, 221, 231, 212, 222, 232 },
    bsq = { 111, 121, 131, 211, 221, 231, 112, 122, 132, 212, 222, 232 } }
  local fields = { samples = 3, lines = 2, bands = 2, ["data type"] = 12, wavelength = "{\n 400,\n 401.5 }",
    ["wavelength units"] = "Nanometers", ["byte order"] = 0 }

  it("does not wait for pipes that have the name of a companion", function()
    local path = put("a.img", "\1\2\3\4")
    assert(os.execute(("mkfifo %s/a.hdr %s/a.img.hdr %s/b"):format(folder, folder, folder)))
    assert.is_nil(mb.spectra.read(path))
    refuses(put("b.hdr", header { samples = 1, lines = 1, bands = 1, ["data type"] = 12 }),
      "no file with the numbers beside it (.img, .sli, .dat, .bsq, .bil, .bip, .raw, .bin)")
  end)
  it("gives reflectance of values with a scale factor, and NaN of those to be ignored", function()
    local scaled = { samples = 2, lines = 1, bands = 2, ["data type"] = 2, interleave = "bip",
      ["reflectance scale factor"] = "10000.0", ["data ignore value"] = -999, bbl = "{ 1, 0.0 }",
      ["data gain values"] = "{ 1.5, 2.0 }" }
    put("s.img", packed("<i2", { 5000, 2500, -999, 10000 }))
    local path = put("s.hdr", header(scaled))
    local set = assert(mb.spectra.read(path))
    assert.same({ 0.5, 0.25 }, written.values(set, 1))
    local second = written.values(set, 2)
    assert.is_true(second[1] ~= second[1])
    assert.equal(1, second[2])
    assert.same({ "reflectance", "reflectance scale factor" }, { set.quantity, set.decided })
    assert.is_nil(set.percent)
    assert.same({ "1 value is missing (data ignore value = -999): NaN",
      "the stored values were divided by the reflectance scale factor, 10000",
      "the data gain values of the header were not applied",
      "1 bands that the header marks as bad (bbl) were kept" }, set.notes)
    for _, factor in ipairs { "0", "many" } do
      scaled["reflectance scale factor"] = factor
      refuses(put("s.hdr", header(scaled)), ("reflectance scale factor: expected a positive number, got '%s'")
        :format(factor))
    end
  end)
  it("reads images in each order of their numbers", function()
    for interleave, list in pairs(orders) do
      fields.interleave = interleave
      put("a.hdr", header(fields))
      local set = assert(mb.spectra.read(put("a.img", packed("<I2", list))))
      assert.same({ 6, 2, 1 }, set.x:shape())
      assert.same({ 121, 122 }, written.values(set, 2))
      assert.same({ 211, 212 }, written.values(set, 4))
      assert.same({ 400, 401.5 }, set.axis)
      assert.same({ "wavelength", "nm" }, { set.axis_name, set.unit })
      assert.same({ "1", "1", "1", "2", "2", "2" }, set.labels.line)
      assert.same({ "1", "2", "3", "1", "2", "3" }, set.labels.sample)
    end
  end)
  it("reads by the header as by the numbers, each type and order of bytes, behind an offset", function()
    local formats = { [1] = "B", [2] = "i2", [3] = "i4", [4] = "f", [5] = "d", [12] = "I2", [13] = "I4", [14] = "i8",
      [15] = "I8" }
    for type, format in pairs(formats) do
      for order, sign in pairs { [0] = "<", [1] = ">" } do
        put("b.sli", "xyz" .. packed(sign .. format, { 1, 2, 3, 4, 5, 6 }))
        local text = header { samples = 3, lines = 2, bands = 1, ["data type"] = type, ["byte order"] = order,
          ["header offset"] = 3, ["file type"] = "ENVI Spectral Library", ["spectra names"] = "{ calcite, quartz }" }
        local set = assert(mb.spectra.read(put("b.hdr", text)))
        assert.same({ 4, 5, 6 }, written.values(set, 2))
        assert.same({ "calcite", "quartz" }, set.names)
        assert.same({ "points", 1 }, { set.unit, set.axis[1] })
      end
    end
  end)
  it("leaves files of other formats beside its header alone", function()
    fields.interleave = "bip"
    put("z.hdr", header(fields))
    refuses(put("z.dmt", packed("<I2", orders.bip)), "its format is not known")
    put("z.cube.hdr", header(fields))
    assert.same({ 111, 112 }, written.values(assert(mb.spectra.read(put("z.cube", packed("<I2", orders.bip)))), 1))
  end)
  it("refuses what does not fit", function()
    local path = put("c.hdr", header(fields))
    refuses(path, "no file with the numbers beside it (.img, .sli, .dat, .bsq, .bil, .bip, .raw, .bin)")
    put("c.img", packed("<I2", { 1, 2 }))
    refuses(path, "the file is cut off: 2 of 12 numbers (2 lines of 3 samples with 2 bands) are there")
    refuses(put("c.hdr", header { samples = 3, lines = 2, bands = 1, ["data type"] = 6 }),
      "data type '6' is not read; 1 to 5 and 12 to 15 are")
    refuses(put("c.hdr", header { samples = 3, lines = "x", bands = 1, ["data type"] = 4 }),
      "lines: expected a whole number, got 'x'")
    refuses(put("c.hdr", header { samples = 1 << 40, lines = 1 << 40, bands = 1, ["data type"] = 4 }), "the file is "
      .. "cut off: 1 of 1208925819614629174706176 numbers (1099511627776 lines of 1099511627776 samples with 1 bands) "
      .. "are there")
  end)
  it("reads or refuses damaged headers", function()
    fields.interleave = "bip"
    put("d.img", packed("<I2", orders.bip))
    damage.all(mb.spectra.read, folder .. "/d.hdr", header(fields))
  end)
end)

describe("Agilent", function()
  -- An image of 2 x 1 places: header, then one image per point.
  local function tile(list, points)
    local head = "\0rG\0" .. ("\0"):rep(5) .. string.pack("<I4", points) .. ("\0"):rep(11) .. string.pack("<I2I2", 2, 1)
    return head .. ("\0"):rep(1020 - #head) .. packed("<f", list)
  end
  local function parameters(text)
    local head = "\208\207\17\224\161\177\26\225"
    head = head .. ("\0"):rep(2216 - #head) .. string.pack("<d", 15.5) .. ("\0"):rep(4) .. string.pack("<i4", 129) ..
      ("\0"):rep(4) .. string.pack("<i4", 3)
    return head .. text
  end

  it("takes the spectra by any of its files", function()
    put("e.dat", tile({ 1, 2, 3, 4, 5, 6 }, 3))
    put("e.seq", tile({ 7, 8 }, 1))
    put("e.bsp", parameters "Absorbance Background Filename")
    for _, suffix in ipairs { "dat", "seq", "bsp" } do
      local set = assert(mb.spectra.read(folder .. "/e." .. suffix))
      assert.same({ 2, 4, 6 }, written.values(set, 2))
      assert.same({ 1999.5, 2015, 2030.5 }, set.axis)
      assert.same({ "wavenumber", "cm-1", "absorbance" }, { set.axis_name, set.unit, set.quantity })
    end
    local set = assert(mb.spectra.read(folder .. "/e.dat", { block = "interferogram" }))
    assert.same({ "interferogram", 7 }, { set.quantity, set.x:get(1, 1, 1) })
  end)
  it("takes a mosaic by its axis or its numbers, and one tile of it", function()
    put("m.dmt", parameters "Absorbance Background Filename")
    put("M.hdr", "ENVI\nsamples = 2\nlines = 1\nbands = 3\ndata type = 4\n") -- read as numbers, .dmt gave NaN
    put("M.dms", tile({ 1, 2, 3, 4, 5, 6 }, 3))
    put("M_0000_0001.dmd", tile({ 7, 8, 9, 10, 11, 12 }, 3))
    put("M_0000_0001.drd", tile({ 5, 4 }, 1))
    for name, y in pairs { ["m.dmt"] = { 2, 4, 6 }, ["M.dms"] = { 2, 4, 6 }, ["M_0000_0001.dmd"] = { 8, 10, 12 } } do
      local set = assert(mb.spectra.read(folder .. "/" .. name))
      assert.same({ y, { 1999.5, 2015, 2030.5 } }, { written.values(set, 2), set.axis })
      assert.equal("the .dmt file names a ratio in absorbance", set.decided)
    end
    assert.equal("interferogram", assert(mb.spectra.read(folder .. "/M_0000_0001.drd")).quantity)
  end)
  it("says what is missing", function()
    local set = assert(mb.spectra.read(put("f.dat", tile({ 1, 2, 3, 4, 5, 6 }, 3))))
    assert.same({ "points", "no .bsp or .dmt file says what the values are" }, { set.unit, set.decided })
    put("f.bsp", parameters "")
    assert.equal("single beam", assert(mb.spectra.read(folder .. "/f.dat")).quantity)
    refuses(put("f.dat", tile({ 1, 2, 3, 4 }, 2)), "f.bsp announces 3 points, the image has 2")
    refuses(put("f.dat", tile({ 1, 2, 3 }, 3)), "the file is cut off: 1 of 3 images are there")
  end)
  it("reads or refuses damaged files", function()
    damage.all(mb.spectra.read, folder .. "/g.dat", tile({ 1, 2, 3, 4, 5, 6 }, 3))
  end)
end)

describe("LabSpec 6", function()
  local function record(name, body) return string.pack("<I4I4c4I4", 7, 0, name, 1) .. body end
  local function array(list)
    return string.pack("<I4I4", 0x1006, 0) .. "\xdb\xd4\x6c\x7d" .. string.pack("<I4I4I4", 1, 9, #list)
  end
  local function sizes(list)
    return string.pack("<I4I4", 0x1009, 0) .. "\xe3\x74\x61\x6d" .. string.pack("<I4I4I4", 1, 9, 1) ..
      packed("<f", list)
  end
  local function axis(name, unit, list)
    return array(list) .. record("typm", name .. "\0") .. record("uni|", unit .. "\0") .. sizes(list)
  end
  local function values(list)
    return record("typm", "Intens\0") .. record("uni|", "Cnt\0") .. array(list) .. sizes(list)
  end
  local whole = "LabSpec6" .. values { 1, 2, 3, 4, 5, 6, 7, 8 } .. axis("Spectr", "1/cm", { 100, 102 }) ..
    axis("X", "\181m", { 5, 6 }) .. axis("Y", "\181m", { 8, 9 })

  it("reads a map with its places", function()
    local set = assert(mb.spectra.read(put("h.l6m", whole)))
    assert.same({ 4, 2, 1 }, set.x:shape())
    assert.same({ 3, 4 }, written.values(set, 2))
    assert.same({ "Raman shift", "cm-1", "counts" }, { set.axis_name, set.unit, set.quantity })
    assert.same({ "5", "6", "5", "6" }, set.labels["X (um)"])
    assert.same({ "8", "8", "9", "9" }, set.labels["Y (um)"])
  end)
  it("refuses layouts that it does not know", function()
    refuses(put("h.l6s", "LabSpec6" .. ("\0"):rep(40)), "it holds no array; this layout of LabSpec 6 is not read")
    refuses(put("h.l6s", "LabSpec6" .. values { 1, 2, 3 } .. axis("Spectr", "1/cm", { 100, 102 })),
      "3 values, for which no axes are found; this layout of LabSpec 6 is not read")
  end)
  it("reads or refuses damaged files", function() damage.all(mb.spectra.read, folder .. "/i.l6m", whole) end)
end)

describe("Formats that are not read", function()
  it("are refused by name", function()
    refuses(put("j.wip", "WIT_PRCT..."), "is a WITec project (.wip), which is not read; export the spectra as text or "
      .. ".mat")
    refuses(put("j.wxd", "#WXD0000"), "is a Renishaw WiRE 1 file (.wxd), which is not read; open it in WiRE and save "
      .. "it as .wdf or text")
    refuses(put("j.asd", "as7\0..."), "is an ASD FieldSpec file (.asd), which is not read; save it as text in ViewSpec "
      .. "or RS3")
    refuses(put("j.spe", ("\0"):rep(2996) .. "\x67\x45\x23\x01..."), "is a Princeton Instruments file (.spe), which is "
      .. "not read; export it as text")
    refuses(put("j.bin", "%PDF-1.4"), "is a PDF document")
    refuses(put("j.bin", "\0\1\2\3"), "its format is not known")
  end)
end)
