-- Bruker OPUS, made here by its layout, and files of instruments.
local instruments = require "support.instruments"
local opus = require "support.made_opus"
local written = require "support.written"

local read, refuses, path, remove = written.file()
local values, cut = written.values, instruments.cut

teardown(remove)

local RESULT = { complex = 3, owner = 3 }
local function kind(number, more)
  local s = { complex = RESULT.complex, owner = RESULT.owner, kind = number }
  for key, value in pairs(more or {}) do s[key] = value end
  return s
end
local AB, TR, RFL = kind(4), kind(5), kind(12)
local SCSM, SCRF = kind(1, { owner = 1 }), kind(1, { owner = 2 })

-- A file of spectra { type, values, more }, and of parameters by their block.
local function file(list, parameters)
  local blocks = {}
  for _, one in ipairs(list) do
    local y, status = opus.spectrum(one[1], one[2], one[3])
    table.move({ y, status }, 1, 2, #blocks + 1, blocks)
  end
  for block, pairs_of in pairs(parameters or {}) do
    blocks[#blocks + 1] = { opus.type(block), opus.parameters(pairs_of) }
  end
  return opus.file(blocks)
end

describe("OPUS", function()
  it("has the axis, the kind of the values, the name of the sample and parameters", function()
    local set = assert(read(file({ { AB, { 0.5, 0.25, 1 } } }, {
      [{ parameters = 10 }] = { { "SNM", "soil \176C" }, { "CNM", "" } },
      [{ parameters = 2 }] = { { "INS", "Alpha" }, { "ASS", 64 } },
      [{ parameters = 2, owner = 2 }] = { { "INS", "other" }, { "ARS", 32 } },
      [{ parameters = 3 }] = { { "RES", 4.0 } },
    })))
    assert.same({ 4000, 3500, 3000 }, set.axis)
    assert.same({ 0.5, 0.25, 1 }, values(set))
    assert.same({ "wavenumber", "cm-1", "absorbance", "block AB", "soil °C" },
      { set.axis_name, set.unit, set.quantity, set.decided, set.names[1] })
    assert.same({ SNM = "soil °C", INS = "Alpha", ASS = 64, ARS = 32, RES = 4, DAT = "06/11/2015", TIM = "14:38:14" },
      set.metadata[1])
    assert.same({}, set.notes)
  end)
  it("scales by CSF, takes NPT of longer blocks and holds integers", function()
    local set = assert(read(file { { AB, { 1, 2, 3 }, { CSF = 0.5, bytes = opus.reals { 1, 2, 3, 99, 99 } } } }))
    assert.same({ 0.5, 1, 1.5 }, values(set))
    set = assert(read(file { { AB, { 1, 2, 3 }, { DPF = 2, bytes = string.pack("<i4i4i4", 1, -2, 3) } } }))
    assert.same({ 1, -2, 3 }, values(set))
    set = assert(read(file { { kind(4, { form = 4 }), { 1, 2, 3 }, { bytes = "head" .. opus.reals { 1, 2, 3 } } } }))
    assert.same({ 1, 2, 3 }, values(set))
  end)
  it("takes the axis as DXU says, and that of Raman as its shift", function()
    for dxu, unit in pairs { MI = "um", PNT = "points", MIN = "min" } do
      assert.equal(unit, assert(read(file { { AB, { 1, 2 }, { DXU = dxu } } })).unit)
    end
    assert.is_nil(assert(read(file { { AB, { 1, 2 }, { DXU = "XYZ" } } })).unit)
    local set = assert(read(file { { kind(10), { 1, 2 } } }))
    assert.same({ "Raman shift", "cm-1", "intensity" }, { set.axis_name, set.unit, set.quantity })
  end)
end)

describe("OPUS with several blocks", function()
  local several = file { { SCSM, { 1, 2, 3 } }, { AB, { 4, 5, 6 } }, { AB, { 7, 8, 9 } }, { SCRF, { 3, 2, 1 } },
    { kind(2, { owner = 1 }), { 1, 0, 1, 0 }, { DXU = "PNT", LXV = 4003.0 } } }
  it("takes the last result, as OPUS does, and says so", function()
    local set = assert(read(several))
    assert.same({ { 7, 8, 9 }, "absorbance" }, { values(set), set.quantity })
    assert.same({ "block AB 2 was taken; the file also holds ScSm, AB 1, ScRf, IgSm" }, set.notes)
  end)
  it("gives the block that is asked for by number or name", function()
    for block, expected in pairs { [2] = { 4, 5, 6 }, ["AB 1"] = { 4, 5, 6 }, ab = { 7, 8, 9 }, scrf = { 3, 2, 1 },
      [5] = { 1, 0, 1, 0 } } do
      assert.same(expected, values(assert(read(several, { block = block }))))
    end
    assert.equal("single beam", assert(read(several, { block = "ScSm" })).quantity)
    refuses(several, "block = 6: the file holds ScSm, AB 1, AB 2, ScRf, IgSm", { block = 6 })
    refuses(several, "block = TR: the file holds ScSm, AB 1, AB 2, ScRf, IgSm", { block = "TR" })
  end)
  it("reads all of more than two results on one axis", function()
    local list = {}
    for i = 1, 298 do list[i] = { AB, { i, i + 1, i + 2 } } end
    local set = assert(read(file(list)))
    assert.equal(298, #set.names)
    for _, i in ipairs { 1, 150, 298 } do assert.same({ i, i + 1, i + 2 }, values(set, i)) end
    assert.same({ "AB 1", "AB 298" }, { set.labels.block[1], set.labels.block[298] })
  end)
  it("pairs values with the parameters that state their range", function()
    local a, a_status = opus.spectrum(AB, { 1, 2, 3 }, { LXV = 3900.0 })
    local b, b_status = opus.spectrum(AB, { 7, 8, 9 })
    local set = assert(read(opus.file { a, b, b_status, a_status }, { block = 1 }))
    assert.same({ { 1, 2, 3 }, { 4000, 3950, 3900 } }, { values(set), set.axis })
    assert.equal(3000, assert(read(opus.file { a, b, b_status, a_status }, { block = 2 })).axis[3])
  end)
  it("names parts of complex data, channels and derivatives", function()
    for block, name in pairs { [kind(1, { owner = 1, complex = 1 })] = "ScSm real", [kind(4 + 32)] = "AB 2.Chn",
      [kind(4, { derivative = 2 })] = "AB second derivative" } do
      local set = assert(read(file { { AB, { 1, 2, 3 } }, { block, { 4, 5, 6 } } }))
      assert.same({ { 1, 2, 3 }, { "block AB was taken; the file also holds " .. name } }, { values(set), set.notes })
    end
  end)
  it("does not take values without parameters, reports and histories for spectra", function()
    local report, history = { opus.type(kind(12, { form = 6 })), "report" }, { opus.type { form = 5 }, "history" }
    local y, status = opus.spectrum(AB, { 1, 2, 3 })
    local set = assert(read(opus.file { report, history, { opus.type(TR), opus.reals { 9, 9 } }, y, status }))
    assert.same({ { 1, 2, 3 }, {} }, { values(set), set.notes })
    refuses(opus.file { report, history }, "it holds no spectrum, only 3 blocks of other kinds")
  end)
end)

describe("OPUS transmittance", function()
  it("and reflectance are fractions, or in percent if they go beyond 2", function()
    local set = assert(read(file { { TR, { 0.5, 1, 0.9 } } }))
    assert.same({ "transmittance" }, { set.quantity, set.percent })
    set = assert(read(file { { RFL, { 50, 100, 90 } } }))
    assert.same({ "reflectance", true, "block RFL; in percent, as they reach 100" },
      { set.quantity, set.percent, set.decided })
  end)
  it("may stand in a block AB: PLF and the single channels tell", function()
    local asked = { [{ parameters = 3 }] = { { "PLF", "TR" } } }
    local set = assert(read(file({ { AB, { 0.5, 0.25, 0.1 } } }, asked)))
    assert.same({ "transmittance", "PLF=TR, although the block is AB" }, { set.quantity, set.decided })
    local function with(y)
      return file({ { SCSM, { 5, 5, 5 } }, { SCRF, { 10, 20, 50 } }, { AB, y } }, asked)
    end
    set = assert(read(with { 0.5, 0.25, 0.1 }))
    assert.same({ "transmittance", "PLF=TR and the single channels, although the block is AB" },
      { set.quantity, set.decided })
    set = assert(read(with { 0.30103, 0.60206, 1 }))
    assert.same({ "absorbance", "block AB and the single channels, although PLF=TR" }, { set.quantity, set.decided })
  end)
end)

describe("an OPUS series", function()
  local list = {}
  for i = 1, 298 do list[i] = { i, i + 1, i + 2 } end
  local SERIES = kind(4, { form = 2 })
  local function series(of, more) return file { { SERIES, of[1], { bytes = opus.series(of, more), CSF = 2.0 } } } end
  it("of 298 spectra has their times as labels", function()
    local set = assert(read(series(list)))
    assert.same({ 298, 3 }, { #set.names, set.length })
    for _, i in ipairs { 1, 150, 298 } do assert.same({ 2 * i, 2 * i + 2, 2 * i + 4 }, values(set, i)) end
    assert.same({ "297", "297.5" }, { set.labels["start (s)"][298], set.labels["end (s)"][298] })
    assert.equal("absorbance", set.quantity)
  end)
  it("has a factor of each spectrum, or records too short for one", function()
    assert.same({ 5, 10, 15 }, values(assert(read(series({ { 1, 2, 3 }, { 4, 5, 6 } }, { factor = 5 })))))
    local set = assert(read(series({ { 1, 2, 3 }, { 4, 5, 6 } }, { record = 8 })))
    assert.same({ { 8, 10, 12 }, {} }, { values(set, 2), set.columns })
  end)
  it("leaves out runs that the table of stored runs does not count", function()
    local runs = string.pack("<i4i4i4i4", 1, 1, 4, 5)
    local set = assert(read(series({ { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }, { count = 5, table = runs })))
    assert.equal(3, #set.names)
  end)
  it("that is cut off gives the whole spectra on request", function()
    refuses(series({ { 1, 2, 3 }, { 4, 5, 6 } }, { count = 3 }), cut(2, 3, "spectra"))
    assert.equal(2, #assert(read(series({ { 1, 2, 3 }, { 4, 5, 6 } }, { count = 3 }), { partial = true })).names)
  end)
  it("of another layout is refused", function()
    refuses(series({ { 1, 2, 3 } }, { version = 1 }), "block AB series: a series of version 1 is not read")
    refuses(series({ { 1, 2, 3 } }, { count = 0 }), "block AB series: a series without spectra")
    refuses(file { { SERIES, { 1, 2, 3 }, { bytes = "short" } } }, "block AB series: 8 bytes are too few for a series")
    refuses(file { { SERIES, { 1, 2, 3, 4 }, { bytes = opus.series { { 1, 2, 3 } } } } },
      "block AB series: spectra of 12 bytes for 4 points")
  end)
end)

describe("OPUS that is damaged", function()
  it("is refused with the place", function()
    local bytes = file { { SCSM, { 1, 2, 3 } }, { AB, { 4, 5, 6 } } }
    refuses(bytes:sub(1, 20), "byte 0: expected 24 bytes of an OPUS header, the file ends at byte 20")
    refuses(bytes:sub(1, -5), cut(4, 5, "blocks"))
    assert.same({ 1, 2, 3 }, values(assert(read(bytes:sub(1, -5), { partial = true }))))
    refuses(opus.file({}, 0), "byte 24: the directory is empty")
    local block = { opus.type(AB), ("\0"):rep(200) }
    local overlapping = opus.file { block, block }
    overlapping = overlapping:sub(1, 52) .. string.pack("<I4I4", 80, 72) .. overlapping:sub(61)
    refuses(overlapping, ("its blocks overlap: they have 568 bytes in a file of %d"):format(#overlapping))
  end)
  it("is refused if parameters of a spectrum are wrong", function()
    refuses(file { { AB, { 1, 2, 3 }, { DPF = 7 } } }, "block AB: data point format DPF = 7 is not read")
    refuses(file { { AB, { 1, 2, 3 }, { NPT = 0 } } }, "block AB: 0 points")
    refuses(file { { AB, { 1, 2, 3 }, { NPT = 1 << 30 } } }, "block AB at byte 72: 1073741824 points, but room for 3")
    refuses(file { { AB, { 1, 2, 3 }, { FXV = "x" } } }, "block AB: its parameters lack FXV")
    assert.same({ 1, 2, 3 }, values(assert(read(file { { AB, { 1, 2, 3 }, { CSF = "text" } } }))))
  end)
  it("never raises", function()
    for _, bytes in ipairs(opus.seeds()) do instruments.survive(path, bytes) end
    local missing = instruments.damaged("^opus/", path)
    if missing then return pending(missing) end
  end)
end)

describe("OPUS of instruments", function()
  it("reads as the index says", function()
    local missing = instruments.match_index "^opus/"
    if missing then return pending(missing) end
  end)
end)
