-- PerkinElmer SP and FSM, made here of their blocks, and files of instruments.
local mb = require "moonbow"
local instruments = require "support.instruments"
local measured = require "support.measured"
local perkinelmer = require "support.made_perkinelmer"
local written = require "support.written"

local read, refuses, path, remove = written.file()
local values, cut = written.values, instruments.cut

teardown(remove)

describe("PerkinElmer SP", function()
  it("has the axis, the kind of the values, the name and metadata", function()
    local set = assert(read(perkinelmer.sp { 90, 80, 70 }))
    assert.same({ { 4000, 3500, 3000 }, { 90, 80, 70 } }, { set.axis, values(set) })
    assert.same({ "wavenumber", "cm-1", "transmittance", true, "label '%T'", "film" },
      { set.axis_name, set.unit, set.quantity, set.percent, set.decided, set.names[1] })
    assert.same({ analyst = "me", date = "Mon Oct 28", instrument = "Spectrum 3", scans = 32, resolution = 4 },
      set.metadata[1])
  end)
  it("takes the labels of the axes", function()
    local set = assert(read(perkinelmer.sp({ 1, 2 }, { axis = "nm", values = "A", name = "" })))
    assert.same({ "nm", "absorbance", "alias" }, { set.unit, set.quantity, set.names[1] })
    local stored = ("p"):rep(30000) .. "\\b.sp"
    assert.equal("b.sp", assert(read(perkinelmer.sp({ 1, 2 }, { name = stored }))).names[1])
    assert.is_nil(assert(read(perkinelmer.sp({ 1, 2 }, { values = "" }))).quantity)
  end)
  it("that is cut off gives what is there on request", function()
    local bytes = perkinelmer.sp { 90, 80, 70 }:sub(1, -2)
    refuses(bytes, cut(2, 3, "points"))
    local set = assert(read(bytes, { partial = true }))
    assert.same({ { 4000, 3500 }, { 90, 80 } }, { set.axis, values(set) })
    refuses(bytes:sub(1, -30), cut(0, 1, "spectra"))
    refuses(bytes:sub(1, -18), cut(0, 3, "points"))
    refuses(bytes:sub(1, -18), "no point is there", { partial = true })
  end)
  it("with wrong parts is refused", function()
    local lacks = "its data set lacks the number of points, the range or the values"
    refuses(perkinelmer.sp({ 1, 2 }, { count = 0 }), lacks)
    refuses(perkinelmer.sp({ 1, 2 }, { without_values = true }), lacks)
    refuses(perkinelmer.sp({ 1, 2 }, { count = 3 }), "byte 287: 3 points, but room for 2")
    refuses(perkinelmer.sp({ 1, 2 }, { type = "\23u" }), "byte 287: values of type 0x7517 are not read")
    refuses("PEPE" .. ("\0"):rep(60), "a PerkinElmer file of the kind '' is not read")
    refuses(perkinelmer.sp({ 1, 2 }, { kind = "DataSet - 3DConst2DInterval" }),
      "a PerkinElmer file of the kind 'DataSet - 3DConst2DInterval' is not read")
  end)
end)

describe("PerkinElmer blocks that reach beyond the block that holds them", function()
  local block, text = perkinelmer.block, perkinelmer.text
  local head = string.pack("<c4c40", "PEPE", "2D constant interval DataSet file")

  -- The parts of a data set but its values.
  local function parts(count)
    return block(35698, "\29u" .. string.pack("<dd", 4000, 3000)) .. block(35701, "+u" .. string.pack("<i4", count))
  end

  it("are refused if they hold the same values again and again", function()
    local set = parts(100) .. block(35708, "\22u" .. string.pack("<I4", 800), 806)
    local bytes = head .. block(120, set):rep(2) .. ("\0"):rep(800)
    refuses(bytes, ("its blocks overlap: they have 1600 bytes in a file of %d"):format(#bytes))
  end)
  it("are not searched for metadata", function()
    local behind = block(35837, text "of what follows")
    local values_of_one = block(35708, "\22u" .. string.pack("<I4d", 8, 1))
    local set = assert(read(head .. block(120, block(35711, block(300, "", #behind)) .. behind .. parts(1)
      .. values_of_one)))
    assert.is_nil(set.metadata[1].instrument)
  end)
end)

describe("PerkinElmer FSM", function()
  local four = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } }
  it("has the places of its spectra as labels, columns first", function()
    local set = assert(read(perkinelmer.fsm(four)))
    assert.same({ { 4000, 3500, 3000 }, { 7, 8, 9 } }, { set.axis, values(set, 3) })
    assert.same({ { "1000", "1050", "1000", "1050" }, { "2000", "2000", "2025", "2025" } },
      { set.labels["x (um)"], set.labels["y (um)"] })
    assert.same({ "transmittance", true, "Spectrum 3" }, { set.quantity, set.percent, set.metadata[4].instrument })
  end)
  it("that is cut off gives the whole spectra on request", function()
    local bytes = perkinelmer.fsm(four):sub(1, -2)
    refuses(bytes, cut(3, 4, "spectra"))
    assert.equal(3, #assert(read(bytes, { partial = true })).names)
    refuses(perkinelmer.fsm(four, { rows = 1 << 30 }), cut(4, 1 << 31, "spectra"))
    refuses(perkinelmer.fsm(four, { rows = 0 }), "no whole spectrum is there")
  end)
  it("with wrong parts is refused", function()
    refuses(perkinelmer.fsm { { 1, 2, 3 }, { 1, 2 } }, "byte 361: a spectrum of 8 bytes for 3 points")
    refuses(perkinelmer.fsm(four, { without_image = true }),
      "byte 194: a spectrum before the description of the image")
  end)
end)

describe("PerkinElmer files", function()
  it("that are damaged never raise", function()
    for _, bytes in ipairs(perkinelmer.seeds()) do instruments.survive(path, bytes) end
    local missing = instruments.damaged("^perkinelmer_[sf][ps]", path)
    if missing then return pending(missing) end
  end)
  it("of instruments read as the index says", function()
    local missing = instruments.match_index "^perkinelmer_[sf][ps]"
    if missing then return pending(missing) end
  end)
  it("hold the same spectrum alone and in the image, at the place that its description says", function()
    local folder, missing = measured "instrument_files"
    if not folder then return pending(missing) end
    local one = assert(mb.spectra.read(folder .. "/perkinelmer_sp/single_PE_spectrum.sp"))
    local image = assert(mb.spectra.read(folder .. "/perkinelmer_fsm/4x4_pixel_PE_image.fsm"))
    local x, y = one.metadata[1].description:match "at (%d+), (%d+)"
    assert.same({ x, y }, { image.labels["x (um)"][6], image.labels["y (um)"][6] })
    assert.same({ values(image, 6), image.axis }, { values(one), one.axis })
  end)
end)
