-- Renishaw's WDF files, made here by their layout.
local mb = require "moonbow"
local damage = require "support.damage"
local written = require "support.written"

local read, refuses, path, remove = written.file()

local function chunk(name, body) return string.pack("<c4I4I8", name, 0, 16 + #body) .. body end

local function reals(format, list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = string.pack("<" .. format, value) end
  return table.concat(parts)
end

-- given: points, capacity, count, lists, kind, unit
local function header(given)
  local head = "WDF1" .. string.pack("<I4I8", 1, 512)
  head = head .. ("\0"):rep(60 - #head) .. string.pack("<I4I8I8I4I4I4I4", given.points, given.capacity or given.count,
    given.count, 1, 1, given.points, given.lists or 0) .. string.pack("<c24", "WiRE")
  head = head .. ("\0"):rep(132 - #head) .. string.pack("<I4", given.kind or 1)
  head = head .. ("\0"):rep(152 - #head) .. string.pack("<I4f", given.unit or 6, 18796.992)
  return head .. ("\0"):rep(240 - #head) .. string.pack("<c160", "title") .. ("\0"):rep(112)
end

local function axis(list, unit) return chunk("XLST", string.pack("<I4I4", 1, unit or 1) .. reals("f", list)) end

-- The lists of ORGN: { { kind, unit, values } }; values are reals, or numbers of 100 ns for times.
local function origins(lists)
  local body = { string.pack("<I4", #lists) }
  for _, list in ipairs(lists) do
    body[#body + 1] = string.pack("<I4I4c16", list[1], list[2], "") .. reals(list[1] == 11 and "i8" or "d", list[3])
  end
  return chunk("ORGN", table.concat(body))
end

local function map(width, height)
  return chunk("WMAP", ("\0"):rep(32) .. string.pack("<I4I4I4I4", width, height, 1, 0))
end

local single = header { points = 3, count = 1 } .. chunk("DATA", reals("f", { 7, 8, 9 })) .. axis { 300, 200, 100 }

teardown(remove)

describe("WDF", function()
  it("has the axis and values of a spectrum", function()
    local set = assert(read(single))
    assert.same({ 300, 200, 100 }, set.axis)
    assert.same({ 7, 8, 9 }, written.values(set))
    assert.same({ "Raman shift", "cm-1", "falling", "counts" },
      { set.axis_name, set.unit, set.direction, set.quantity })
    assert.equal("title", set.metadata[1].title)
    assert.is_true(math.abs(set.metadata[1].laser_nm - 532) < 0.001)
  end)
  it("knows the units of wavelengths, and says of unknown codes that it does not", function()
    local data = chunk("DATA", reals("f", { 7, 8, 9 }))
    local set = assert(read(header { points = 3, count = 1 } .. data .. axis({ 1, 2, 3 }, 3)))
    assert.same({ "wavelength", "nm" }, { set.axis_name, set.unit })
    set = assert(read(header { points = 3, count = 1, unit = 99 } .. data .. axis({ 1, 2, 3 }, 99)))
    assert.same({}, { set.axis_name, set.unit, set.quantity })
    assert.equal("the file's unit code 99 is not known", set.decided)
  end)
  it("gives spectra of a map their places; the stored ones where the grid disagrees", function()
    local head = header { points = 2, count = 2, lists = 3, kind = 3 }
    local body = chunk("DATA", reals("f", { 1, 2, 3, 4 })) .. axis { 1, 2 }
    local lists = { { 3 | 1 << 31, 5, { -1.5, 2 } }, { 4 | 1 << 31, 5, { 0, 0 } },
      { 11, 24, { 116444736000000000, 116444736010000000 } } }
    local set = assert(read(head .. body .. origins(lists) .. map(2, 1)))
    assert.same({ "x (um)", "time" }, set.columns)
    assert.same({ "-1.5", "2" }, set.labels["x (um)"])
    assert.same({ "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z" }, set.labels.time)
    assert.same({}, set.notes)
    assert.same({ "its grid of 3 x 1 places is not that of its 2 spectra; places are those stored with each spectrum" },
      assert(read(head .. body .. origins(lists) .. map(3, 1))).notes)
  end)
  it("leaves out lists of more places than the file has bytes", function()
    local set = assert(read(header { points = 2, count = 2, capacity = (1 << 61) - 3, lists = 1 } ..
      chunk("DATA", reals("f", { 1, 2, 3, 4 })) .. axis { 1, 2 } .. origins { { 3, 5, { -1.5, 2 } } }))
    assert.same({}, set.columns)
  end)
  it("takes what was measured of a stopped map", function()
    local set = assert(read(header { points = 2, count = 2, capacity = 3 } ..
      chunk("DATA", reals("f", { 1, 2, 3, 4, 0, 0 })) .. axis { 1, 2 }))
    assert.same({ 2, 2, 1 }, set.x:shape())
    assert.same({ "measured 2 of 3 spectra: the measurement was stopped" }, set.notes)
  end)
  it("refuses what is missing, and says what of a cut file is there", function()
    refuses(header { points = 3, count = 1 } .. axis { 1, 2, 3 }, "it has no chunk DATA")
    refuses(header { points = 0, count = 1 }, "1 spectra of 0 points")
    local numbers = reals("f", { 1, 2, 3, 4, 5 })
    local cut = header { points = 2, count = 3 } .. axis { 1, 2 } .. chunk("DATA", numbers)
    refuses(cut, "the file is cut off: 2 of 3 spectra are there; partial = true reads them")
    assert.same({ 2, 2, 1 }, assert(read(cut, { partial = true })).x:shape())
    refuses(header { points = 1 << 30, count = 1 } .. axis { 1 }, "byte 536: expected 4294967296 bytes of axis, the "
      .. "file ends at byte 540")
  end)
  it("reads or refuses damaged files", function()
    local _, refused = damage.all(mb.spectra.read, path, single)
    assert.is_true(refused >= 10)
    local whole = header { points = 2, count = 2, lists = 1, kind = 3 } .. chunk("DATA", reals("f", { 1, 2, 3, 4 })) ..
      axis { 1, 2 } .. origins { { 3, 5, { -1.5, 2 } } } .. map(2, 1)
    damage.all(function(name) return mb.spectra.read(name, { partial = true }) end, path, whole)
  end)
end)
