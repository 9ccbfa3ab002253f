-- SPC of Galactic and Thermo, made here by the published layout, and files of instruments.
local mb = require "moonbow"
local header = require "moonbow.spectra.spc.header"
local instruments = require "support.instruments"
local measured = require "support.measured"
local spc = require "support.made_spc"
local written = require "support.written"

local read, refuses, path, remove = written.file()
local values, cut = written.values, instruments.cut

teardown(remove)

local TSPREC, TMULTI, TRANDM, TORDRD, TALABS, TXYXYS, TXVALS = 1, 4, 8, 16, 32, 64, 128

local one, new, old, reals, integers = spc.one, spc.new, spc.old, spc.reals, spc.integers

describe("SPC of one spectrum", function()
  it("has an even axis, its unit, the kind of the values and metadata", function()
    local set = assert(read(one({ 0.5, 0.25, 1 }, { comment = "polystyrene", technique = 4, axis = 1,
      date = 2003 << 20 | 12 << 16 | 31 << 11 | 23 << 6 | 59,
      log = "SCANS = 16 \r\nslit=65\181m\n\rEMPTY=\r\n[x]\r\n" })))
    assert.same({ 1000, 1500, 2000 }, set.axis)
    assert.same({ 0.5, 0.25, 1 }, values(set))
    assert.same({ "wavenumber", "cm-1", "absorbance", "SPC values code 2", "polystyrene" },
      { set.axis_name, set.unit, set.quantity, set.decided, set.names[1] })
    assert.same({ SCANS = "16", slit = "65µm", comment = "polystyrene", resolution = "4 cm-1", instrument = "FTS 7",
      date = "2003-12-31 23:59", technique = "FT-IR, FT-NIR or FT-Raman" }, set.metadata[1])
  end)
  it("may be big-endian", function()
    local set = assert(read(new { order = ">", exponent = 2, first = 400, last = 402, axis = 3, values = 4,
      subs = { { exponent = 0, body = integers({ 1 << 30, -(1 << 30), 12345 << 15 }, ">") } }, log = "a=b" }))
    assert.same({ 400, 401, 402 }, set.axis)
    assert.same({ 1, -1, 4 * 12345 / 2 ^ 17 }, values(set))
    assert.same({ "nm", "counts", "b" }, { set.unit, set.quantity, set.metadata[1].a })
  end)
  it("holds integers of 32 bits as fractions of 2^exponent; a subheader without exponent does not count", function()
    local set = assert(read(new { exponent = 8,
      subs = { { exponent = 0, body = integers { 1 << 24, 3, 2147483647 } } } }))
    assert.same({ 1, 3 / 2 ^ 24, 128 }, values(set))
  end)
  it("holds integers of 16 bits", function()
    local set = assert(read(new { flags = TSPREC, exponent = 4,
      subs = { { exponent = 4, body = string.pack("<i2i2i2", 4096, -4096, 1) } } }))
    assert.same({ 1, -1, 1 / 4096 }, values(set))
  end)
  it("holds reals if either exponent is 0x80", function()
    local set = assert(read(new { exponent = 0, subs = { { exponent = -128, body = reals { 1, 2, 3 } } } }))
    assert.same({ 1, 2, 3 }, values(set))
    set = assert(read(new { exponent = -128, flags = TSPREC,
      subs = { { exponent = 0, body = reals { 1, 2, 3 } } } }))
    assert.same({ 1, 2, 3 }, values(set))
  end)
  it("has an axis of its own", function()
    local set = assert(read(one({ 1, 2, 3 }, { flags = TXVALS, x = { 5, 7, 12 }, axis = 13 })))
    assert.same({ { 5, 7, 12 }, "Raman shift" }, { set.axis, set.axis_name })
  end)
  it("may have no number of spectra, as some writers leave it", function()
    assert.same({ 1, 2, 3 }, values(assert(read(one({ 1, 2, 3 }, { count = 0 })))))
  end)
  it("names its axes by text", function()
    local set = assert(read(one({ 1, 2, 3 }, { flags = TALABS, axis = 0, values = 0,
      labels = "Wavelength (nm)\0counts\0" })))
    assert.same({ "nm", "counts", "axis label 'counts'" }, { set.unit, set.quantity, set.decided })
    set = assert(read(one({ 1, 2, 3 }, { flags = TALABS, axis = 0, values = 0, labels = "Something\0\0" })))
    assert.is_nil(set.unit)
    assert.same({ "Something", "intensity" }, { set.axis_name, set.quantity })
  end)
  it("holds transmittance in percent if it goes beyond 2", function()
    local set = assert(read(one({ 0.5, 1, 1.1 }, { values = 128 })))
    assert.same({ "transmittance" }, { set.quantity, set.percent })
    set = assert(read(one({ 50, 100, 99 }, { values = 129 })))
    assert.same({ "reflectance", true }, { set.quantity, set.percent })
    assert.equal("SPC values code 129; in percent, as they reach 100", set.decided)
  end)
  it("says angles only of X-rays to be 2theta", function()
    assert.equal("2theta", assert(read(one({ 1, 2, 3 }, { axis = 18, technique = 8 }))).axis_name)
    assert.equal("angle", assert(read(one({ 1, 2, 3 }, { axis = 18 }))).axis_name)
  end)
  it("of Renishaw notes that its axis is resampled", function()
    assert.matches("even steps", assert(read(one({ 1, 2, 3 }, { log = "XListType=1" }))).notes[1])
  end)
  it("leaves out a log beyond its end", function()
    local bytes = one { 1, 2, 3 }
    local set = assert(read(bytes:sub(1, 248) .. string.pack("<I4", 1 << 30) .. bytes:sub(253)))
    assert.same({ "the log at byte 1073741824 is beyond the end of the file" }, set.notes)
  end)
  it("that is cut off gives what is there on request", function()
    local bytes = one { 1, 2, 3 }:sub(1, -3)
    refuses(bytes, cut(2, 3, "points"))
    local set = assert(read(bytes, { partial = true }))
    assert.same({ { 1000, 1500 }, { 1, 2 } }, { set.axis, values(set) })
    set = assert(read(one({ 1, 2, 3 }, { flags = TXVALS, x = { 5, 7, 12 } }):sub(1, -3), { partial = true }))
    assert.same({ 5, 7 }, set.axis)
    refuses(bytes:sub(1, 545), "its only spectrum, of 3 points, is cut off")
    refuses(bytes:sub(1, 300), "byte 0: expected 512 bytes of an SPC header, the file ends at byte 300")
  end)
  it("with gigantic counts is refused", function()
    refuses(one({ 1, 2, 3 }, { points = 0xffffffff, flags = TXVALS }),
      "byte 512: expected 17179869180 bytes of the axis, the file ends at byte 556")
    refuses(one({ 1, 2, 3 }, { points = 0 }), "byte 512: a spectrum of 0 points")
  end)
end)

describe("SPC of many spectra", function()
  local function three(s)
    s.flags, s.subs = TMULTI | (s.flags or 0), {}
    for i = 1, 4 do
      s.subs[i] = { exponent = i == 4 and -128 or i, z = ({ 1, 2, 4, 8 })[i], z_next = 9, w = i > 2 and 7 or 6,
        body = i == 4 and reals { 1, 2, 3 } or integers { 1 << 30, 1 << 29, 0 } }
    end
    s.exponent = 20
    return new(s)
  end
  it("takes the exponent of each", function()
    local set = assert(read(three {}))
    assert.same({ { 0.5, 0.25, 0 }, { 1, 0.5, 0 }, { 2, 1, 0 }, { 1, 2, 3 } },
      { values(set, 1), values(set, 2), values(set, 3), values(set, 4) })
  end)
  it("on one axis gives the one that block chooses", function()
    local set = assert(read(three {}, { block = 2 }))
    assert.same({ 1, { 1, 0.5, 0 }, { "9" } }, { #set, values(set, 1), set.labels["time (s)"] })
    refuses(three {}, "block = 5: the file holds spectra 1 to 4", { block = 5 })
    refuses(one { 1, 2, 3 }, "block = 3: the file holds spectra 1 to 1", { block = 3 })
  end)
  it("has its third axis in even steps, which begin anew in each plane, or as each says", function()
    assert.same({ "1", "9", "17", "25" }, assert(read(three {})).labels["time (s)"])
    assert.same({ "1", "1.5", "2", "2.5" }, assert(read(three { z_step = 0.5 })).labels["time (s)"])
    for _, flag in ipairs { TRANDM, TORDRD } do
      assert.same({ "1", "2", "4", "8" }, assert(read(three { z_step = 0.5, flags = flag })).labels["time (s)"])
    end
    local set = assert(read(three { z_step = 0.5, planes = 2, w_axis = 20, z_axis = 0 }))
    assert.same({ "z", "temperature (°C)" }, set.columns)
    assert.same({ "1", "1.5", "1", "1.5" }, set.labels.z)
    assert.same({ "6", "6", "7", "7" }, set.labels["temperature (°C)"])
    set = assert(read(three { planes = 2, w_axis = 20, w_step = 5 }))
    assert.same({ "6", "6", "11", "11" }, set.labels["temperature (°C)"])
  end)
  it("that is cut off gives the whole ones on request", function()
    local bytes = three {}:sub(1, -3)
    refuses(bytes, cut(3, 4, "spectra"))
    assert.equal(3, #assert(read(bytes, { partial = true })).names)
    refuses(three { count = 0xffffffff }, cut(4, 4294967295, "spectra"))
  end)

  local function own(s)
    s.flags = TMULTI | TXVALS | TXYXYS
    s.subs = { { n = 3, z = 1, z_next = 2, body = reals { 1, 2, 3, 10, 20, 30 } },
      { n = 2, z = 2, body = reals { 5, 4, 50, 40 } } }
    return new(s)
  end
  it("may have an axis each: block chooses", function()
    local set = assert(read(own { points = 0 }, { block = 2 }))
    assert.same({ { 5, 4 }, { 50, 40 }, { "2" }, { "spectrum 2 of 2" } },
      { set.axis, values(set), set.labels["time (s)"], set.notes })
    refuses(own { points = 0 }, "block = 3: the file holds spectra 1 to 2", { block = 3 })
    refuses(own { points = 0 }, "block = x: the file holds spectra 1 to 2", { block = "x" })
    local _, err = read(own { points = 0 })
    assert.matches("different axes", err)
  end)
  it("may have a directory of spectra in any order", function()
    local bytes = own { points = 0 }
    local function with(first, second)
      return bytes:sub(1, 4) .. string.pack("<I4", #bytes) .. bytes:sub(9) ..
        string.pack("<I4I4fI4I4f", first, 48, 1, second, 56, 2)
    end
    assert.same({ 5, 4 }, assert(read(with(512 + 56, 512), { block = 1 })).axis)
    assert.same({ 1, 2, 3 }, assert(read(with(3, 512), { block = 1 })).axis) -- no directory: one after another
  end)
  it("are refused if the directory names one block again and again", function()
    local list = {}
    for i = 1, 200 do list[i] = i end
    local bytes = new { flags = TMULTI | TXVALS | TXYXYS, points = 512 + 832, count = 3,
      subs = { { n = 100, body = reals(list) } } } .. string.pack("<I4I4f", 512, 832, 0):rep(3)
    refuses(bytes, ("its blocks overlap: they have %d bytes in a file of %d"):format(2 * 832, #bytes))
  end)
  it("with an axis each may be cut off", function()
    refuses(own { points = 0 }:sub(1, -2), cut(1, 2, "spectra"))
    assert.same({ 1, 2, 3 }, assert(read(own { points = 0 }:sub(1, -2), { partial = true })).axis)
    refuses(own { points = 0 }:sub(1, 520), cut(0, 2, "spectra"))
    refuses(own { points = 0 }:sub(1, 520), "no whole spectrum is there", { partial = true })
  end)
end)

describe("SPC of the old form", function()
  it("holds integers of 32 bits with the upper half first", function()
    local set = assert(read(old { subs = { { 70000, -70000, 16777217 + 2 } } }))
    assert.same({ { 100, 200, 300 }, { 70000, -70000, 16777220 } }, { set.axis, values(set) })
    assert.same({ comment = "sulfur", resolution = "8 cm-1", date = "1992-07-24 13:05", scans = 16 }, set.metadata[1])
    assert.same({ "cm-1", "counts" }, { set.unit, set.quantity })
  end)
  it("does not count its spectra, which reach to its end", function()
    local bytes = old { flags = TMULTI, sub_exponent = 31, subs = { { 2, 4, 6 }, { 8, 10, 12 } } }
    local set = assert(read(bytes))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, { values(set, 1), values(set, 2) })
    assert.same({ "0.5", "1" }, set.labels["time (s)"])
    refuses(bytes:sub(1, -2), cut(1, 2, "spectra"))
  end)
  it("with an axis of its own is refused", function()
    refuses(old { flags = TXVALS, subs = { { 1, 2, 3 } } },
      "SPC of the old form with an axis of its own (flags 0x80) is not read")
    refuses(old { points = 1e30, subs = { { 1, 2, 3 } } }, "byte 4: expected a number of points, got 1e+30",
      { format = "spc" })
  end)
end)

describe("files whose suffix is .spc, too", function()
  it("are refused by what they are", function()
    refuses("\208\207\17\224\161\177\26\225" .. ("\0"):rep(600) .. "D\0a\0t\0a\0S\0p\0e\0c\0t\0r\0u\0m\0",
      "is an OLE file of Shimadzu UVProbe, which shares no more than the suffix .spc with Galactic's; "
      .. "export it as text")
    refuses("\3" .. "131\0" .. ("\0"):rep(600),
      "is a file of HP ChemStation, whose .spc is not Galactic's; export the spectra as text or JCAMP-DX")
    refuses("text", "its second byte is no version of SPC", { format = "spc" })
    assert.is_nil(header.version "OK 1 2")
    local bitmap = "BM" .. string.pack("<I4I4I4I4I4I4", 1000, 0, 54, 40, 16, 16) .. ("\0"):rep(600)
    refuses(bitmap, "is a BMP image")
    local zip = "PK\3\4" .. ("\0"):rep(600)
    assert.is_nil(header.version(zip))
    assert.equal(0x4B, header.version("\0\75" .. ("\0"):rep(600)))
    assert.is_nil(header.version("\0\75\99" .. ("\0"):rep(600)))
    assert.is_nil(header.version("\0\75" .. ("\0"):rep(6) .. string.pack("<d", 1e200) .. ("\0"):rep(600)))
    refuses("\0\75\0\0" .. ("\40"):rep(600), "its format is not known")
  end)
end)

describe("SPC that is damaged", function()
  it("never raises", function()
    for _, bytes in ipairs(spc.seeds()) do instruments.survive(path, bytes) end
  end)
  it("never raises in files of instruments", function()
    local missing = instruments.damaged("^spc/.*[135]%.SPC$", path)
    if missing then return pending(missing) end
  end)
end)

describe("SPC of instruments", function()
  -- m_evenz.spc: its first spectrum has the exponent -1. The readers of the index take 0 for it: spc-spectra reads the
  -- byte as 255 and sets what is out of range to 0. spc-io takes -1, and only then do the peaks rise as those of an
  -- eluted substance: each by a smaller factor than the one before.
  it("read as the index says", function()
    local missing = instruments.match_index("^spc", { ["spc/m_evenz.spc"] = true })
    if missing then return pending(missing) end
  end)
  it("m_evenz.spc: an exponent may be negative", function()
    local m_evenz, missing = measured "instrument_files/spc/m_evenz.spc"
    if not m_evenz then return pending(missing) end
    local set, peaks = assert(mb.spectra.read(m_evenz)), {}
    for i = 1, 4 do peaks[i] = math.max(table.unpack(values(set, i))) end
    assert.near(0.2590508460998535 / 2, peaks[1], 1e-6)
    assert.is_true(peaks[2] / peaks[1] > peaks[3] / peaks[2] and peaks[3] / peaks[2] > peaks[4] / peaks[3])
  end)
  -- The text holds what was measured; the SPC that on even steps, interpolated, so that its axis and values agree.
  it("nCal: Renishaw's is the text, interpolated to an even axis", function()
    local folder, missing = measured "binary_formats"
    if not folder then return pending(missing) end
    local name = folder .. "/nCal_Qontor785_z005H12_100_1x3s"
    local set, text = assert(mb.spectra.read(name .. ".spc")), assert(mb.spectra.read(name .. ".txt"))
    local y, measured_y, j = values(set), values(text), 1
    for i, x in ipairs(set.axis) do
      while j < text.length - 1 and text.axis[j + 1] > x do j = j + 1 end
      local part = (x - text.axis[j]) / (text.axis[j + 1] - text.axis[j])
      local expected = measured_y[j] + (measured_y[j + 1] - measured_y[j]) * part
      assert.near(expected, y[i], 2e-4 * expected)
    end
    assert.matches("even steps", set.notes[1])
  end)
end)
