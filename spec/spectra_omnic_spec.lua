-- Thermo OMNIC: SPA, SPG and SRS, made here by the layout that other readers found, and files of instruments.
local instruments = require "support.instruments"
local omnic = require "support.made_omnic"
local written = require "support.written"

local read, refuses, path, remove = written.file()
local values, cut = written.values, instruments.cut

teardown(remove)

describe("OMNIC SPA", function()
  it("has the axis, the kind of the values, the title and metadata", function()
    local head, y = omnic.spectrum { 0.5, 0.25, 1 }
    local set = assert(read(omnic.file({ head, y, { 4, "a film\0" }, { 27, "Baseline\176\0" } }, "polystyrene")))
    assert.same({ { 4000, 3500, 3000 }, { 0.5, 0.25, 1 } }, { set.axis, values(set) })
    assert.same({ "wavenumber", "cm-1", "absorbance", "OMNIC values code 17", "polystyrene" },
      { set.axis_name, set.unit, set.quantity, set.decided, set.names[1] })
    local metadata = set.metadata[1]
    assert.same({ "2015-04-09 02:45:41", "a film", "Baseline°", 32, 64, 15798.25 }, { metadata.date, metadata.comment,
      metadata.history, metadata.scans, metadata["background scans"], metadata["laser wavenumber"] })
  end)
  it("has codes of axes and values", function()
    for code, unit in pairs { [2] = "points", [3] = "nm", [4] = "um", [32] = "cm-1" } do
      assert.equal(unit, assert(read(omnic.spa({ 1, 2 }, { axis = code }))).unit)
    end
    for code, kind in pairs { [11] = { "reflectance", true }, [12] = { "log(1/R)" }, [16] = { "transmittance", true },
      [15] = { "single beam" }, [20] = { "Kubelka-Munk" }, [31] = { "intensity" }, [99] = {} } do
      local set = assert(read(omnic.spa({ 1, 2 }, { values = code })))
      assert.same(kind, { set.quantity, set.percent })
    end
    assert.equal("Raman shift", assert(read(omnic.spa({ 1, 2 }, { axis = 32 }))).axis_name)
    assert.is_nil(assert(read(omnic.spa({ 1, 2 }, { axis = 99 }))).unit)
  end)
  it("notes the interferograms that it was made from, and gives them on request", function()
    local head, y = omnic.spectrum { 1, 2, 3 }
    local bytes = omnic.file { head, y, { 102, omnic.reals { 7, 8, 9, 10 } }, { 103, omnic.reals { 5, 6 } } }
    assert.same({ "the file also holds background interferogram, sample interferogram" }, assert(read(bytes)).notes)
    local set = assert(read(bytes, { block = "sample interferogram" }))
    assert.same({ { 7, 8, 9, 10 }, { 1, 2, 3, 4 }, "points", "interferogram" },
      { values(set), set.axis, set.unit, set.quantity })
    assert.same({ 5, 6 }, values(assert(read(bytes, { block = "background interferogram" }))))
    refuses(bytes, "block = x: the file holds spectra 1 to 1, background interferogram, sample interferogram",
      { block = "x" })
  end)
  it("is refused without one header for each block of values", function()
    local head, y = omnic.spectrum { 1, 2, 3 }
    refuses(omnic.file { head }, "OMNIC with 1 headers and 0 blocks of values is not read")
    refuses(omnic.file { y, y }, "OMNIC with 0 headers and 2 blocks of values is not read")
    refuses(omnic.spa({ 1, 2, 3 }, { points = 4 }), "byte 492: 4 points, but room for 3")
    refuses(omnic.spa({ 1, 2, 3 }, { points = 0 }), "byte 492: 0 points, but room for 3")
    refuses(omnic.spa { 1, 2, 3 }:sub(1, -2), cut(0, 1, "spectra"))
    refuses(omnic.spa { 1, 2, 3 }:sub(1, -2), "no whole spectrum is there", { partial = true })
    refuses(omnic.spa { 1, 2, 3 }:sub(1, 200),
      "byte 0: expected 304 bytes of an OMNIC header, the file ends at byte 200")
  end)
end)

describe("OMNIC SPG", function()
  local group = omnic.spg { { "first", { 1, 2, 3 } }, { "second", { 4, 5, 6 } }, { "third", { 7, 8, 9 } } }
  it("has a title and date of each spectrum", function()
    local set = assert(read(group))
    assert.same({ { "first", "second", "third" }, { 7, 8, 9 } }, { set.names, values(set, 3) })
    assert.same({ "2015-04-09 02:45:42", "2015-04-09 02:45:43", "2015-04-09 02:45:44" }, set.labels.date)
  end)
  it("gives one by its number", function()
    local set = assert(read(group, { block = 2 }))
    assert.same({ { "second" }, { 4, 5, 6 } }, { set.names, values(set) })
    refuses(group, "block = 4: the file holds spectra 1 to 3", { block = 4 })
  end)
  it("may hold spectra on other axes", function()
    local bytes = omnic.spg { { "a", { 1, 2, 3 } }, { "b", { 4, 5, 6 }, { last = 2000 } } }
    local _, err = read(bytes)
    assert.matches("different axes", err)
    assert.same({ 4000, 3000, 2000 }, assert(read(bytes, { block = 2 })).axis)
  end)
  it("that is cut off gives the whole spectra on request", function()
    local whole = omnic.spg { { "a", { 1, 2, 3 } }, { "b", { 4, 5, 6 } } }
    for _, bytes in ipairs { whole:sub(1, -262), whole:sub(1, -2), whole:sub(1, -280) } do
      refuses(bytes, cut(1, 2, "spectra"))
      assert.same({ 1, 2, 3 }, values(assert(read(bytes, { partial = true }))))
    end
  end)
end)

describe("OMNIC SPG whose spectra share their values", function()
  it("is refused", function()
    local many = {}
    for i = 1, 400 do many[i] = i end
    local bytes = omnic.spg { { "a", many }, { "b", { 1 }, { points = 400 } }, { "c", { 1 }, { points = 400 } } }
    local function entry(i) return 304 + 16 * (3 * i - 2) end -- that of the values of spectrum i
    for i = 2, 3 do
      bytes = bytes:sub(1, entry(i)) .. bytes:sub(entry(1) + 1, entry(1) + 16) .. bytes:sub(entry(i) + 17)
    end
    refuses(bytes, ("its blocks overlap: they have 4800 bytes in a file of %d"):format(#bytes))
  end)
end)

describe("OMNIC SRS", function()
  local three = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }
  it("of the known variants has times and names; wavenumbers rise as stored", function()
    for ending, variant in pairs { ["HC\0PCG"] = "rapid scan", ["HC\0\200\175G"] = "high speed",
      ["HC\0@\156F"] = "TG or GC" } do
      local set = assert(read(omnic.srs(three, { ending = ending, marks = variant == "high speed" and 4 or 3,
        first = 2000, last = 1000 })))
      assert.same({ { 1000, 1500, 2000 }, { 7, 8, 9 } }, { set.axis, values(set, 3) })
      assert.same({ { "0.5", "0.75", "1" }, "Linked spectrum at 2" }, { set.labels["time (min)"], set.names[2] })
      assert.same({ "absorbance", "kinetics", variant }, { set.quantity, set.metadata[1].series,
        set.metadata[1].variant })
      assert.matches(variant, set.notes[1])
    end
  end)
  it("of interferograms runs as its header says", function()
    local set = assert(read(omnic.srs(three, { axis = 2, values = 22, first = 3, last = 1 })))
    assert.same({ { 3, 2, 1 }, "interferogram" }, { set.axis, set.quantity })
  end)
  it("of other variants is refused", function()
    for marks, text in pairs { [2] = "2", [5] = "more than 4" } do
      refuses(omnic.srs(three, { marks = marks }),
        ("OMNIC series with %s marks is not read: none of rapid scan, high speed, TG or GC"):format(text))
    end
    refuses("Spectral Exte File", "OMNIC series with 0 marks is not read: none of rapid scan, high speed, TG or GC")
  end)
  it("that is cut off or has gigantic counts gives what is there on request", function()
    local bytes = omnic.srs(three):sub(1, -2)
    refuses(bytes, cut(2, 3, "spectra"))
    assert.same({ 4, 5, 6 }, values(assert(read(bytes, { partial = true })), 2))
    refuses(omnic.srs(three, { count = 1 << 31 }), cut(3, 1 << 31, "spectra"))
    refuses(omnic.srs(three, { points = 1 << 31 }), cut(0, 3, "spectra"))
    refuses(omnic.srs(three, { points = 1 << 31 }), "no whole spectrum is there", { partial = true })
    refuses(omnic.srs(three, { points = 0 }), "byte 418: 3 spectra of 0 points")
  end)
end)

describe("OMNIC", function()
  it("that is damaged never raises", function()
    for _, bytes in ipairs(omnic.seeds()) do instruments.survive(path, bytes) end
    local missing = instruments.damaged("^thermo_spa/", path)
    if missing then return pending(missing) end
  end)
  it("of instruments reads as the index says", function()
    local missing = instruments.match_index "^thermo_spa/"
    if missing then return pending(missing) end
  end)
end)
