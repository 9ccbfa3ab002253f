-- Powder patterns in the RAW files of Bruker and Stoe, made here by their layout.
local mb = require "moonbow"
local damage = require "support.damage"
local measured = require "support.measured"
local written = require "support.written"

local read, refuses, path, remove = written.file()
local values = written.values

local function reals(list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = string.pack("<f", value) end
  return table.concat(parts)
end

-- A range of version 1.
local function range_1(first, step, counts, follows, theta)
  return string.pack("<I4ffI4I4fffff", #counts, 2, step, 0, 0, first, theta or 0, 0, 0, 0):sub(1, 36) ..
    string.pack("<c32ff", "quartz", 1.5406, 1.5444) .. ("\0"):rep(72) .. string.pack("<I4", follows) .. reals(counts)
end

local function range_2(first, step, counts)
  return string.pack("<I2I2I4fff", 48, #counts, 0, 1, step, first) .. ("\0"):rep(26) .. string.pack("<i2", 298)
    .. reals(counts)
end

local function version_2(ranges, announced)
  return "RAW2" .. string.pack("<I2", announced or #ranges) .. ("\0"):rep(162) ..
    string.pack("<c20c2ff", "2001-01-01", "Cu", 1.5406, 1.5444) .. ("\0"):rep(58) .. table.concat(ranges)
end

-- A range of version 3, whose records hold `extra` further bytes.
local function range_3(theta, two_theta, step, counts, kind, extra)
  local records = {}
  for i, count in ipairs(counts) do records[i] = string.pack("<f", count) .. ("\0"):rep(extra or 0) end
  local head = string.pack("<I4I4dd", 304, #counts, theta, two_theta)
  head = head .. ("\0"):rep(176 - #head) .. string.pack("<d", step) .. ("\0"):rep(8) .. string.pack("<fI4", 0.5, kind)
  head = head .. ("\0"):rep(252 - #head) .. string.pack("<I4I4", 4 + (extra or 0), 8)
  return head .. ("\0"):rep(304 - #head) .. ("\0"):rep(8) .. table.concat(records)
end

local function version_3(ranges, status, announced)
  local head = "RAW1.01\0" .. string.pack("<I4I4", status or 1, announced or #ranges)
  head = head .. string.pack("<c10c10c72c218c60", "03/04/10", "20:59:14", "me", "here", "corundum")
  return head .. ("\0"):rep(712 - #head) .. table.concat(ranges)
end

local function segment(kind, body) return string.pack("<I4I4", kind, 8 + #body) .. body end

local function text_4(name, value) return segment(10, ("\0"):rep(4) .. string.pack("<c24", name) .. value) end

local function range_4(scan, first, step, counts, extra)
  local records, drives = {}, ("\0"):rep(12)
  for i, count in ipairs(counts) do records[i] = string.pack("<f", count) .. ("\0"):rep(extra or 0) end
  local head = string.pack("<I4I4", 0, #counts) .. ("\0"):rep(24) .. string.pack("<c24", scan)
  head = head .. ("\0"):rep(72 - #head) .. string.pack("<ddI4f", first, step, #counts, 1)
  head = head .. ("\0"):rep(136 - #head) .. string.pack("<I4I4", 4 + (extra or 0), #drives)
  return head .. ("\0"):rep(160 - #head) .. drives .. table.concat(records)
end

local function version_4(...)
  return "RAW4.00\0" .. ("\0"):rep(4) .. "08/30/2021\0\0" .. "20:35:58\0\0" .. ("\0"):rep(27) .. table.concat { ... }
end

local function stoe(first, last, counts)
  local head = "RAW_1.06Powdat\0\0" .. "22-Sep-20 17:18\0" .. string.pack("<c80", "silver")
  head = head .. ("\0"):rep(2048 - #head) .. "22-Sep-20 17:18\0" .. "22-Sep-20 18:21\0\0\0"
  head = head .. string.pack("<i4", #counts) .. ("\0"):rep(6) .. string.pack("<ffff", first, 5, last, 0)
  local body = {}
  for i, count in ipairs(counts) do body[i] = string.pack("<i4", count) end
  return head .. ("\0"):rep(2560 - #head) .. table.concat(body)
end

teardown(remove)

describe("Bruker RAW", function()
  it("version 1 has its angle, wavelength and sample", function()
    local set = assert(read("RAW " .. range_1(10, 0.5, { 3, 5, 4 }, 0)))
    assert.same({ 10, 10.5, 11 }, set.axis)
    assert.same({ 3, 5, 4 }, values(set))
    assert.same({ "2theta", "deg", "counts" }, { set.axis_name, set.unit, set.quantity })
    assert.equal("quartz", set.metadata[1].sample)
  end)
  it("version 1 without 2theta scans theta", function()
    local set = assert(read("RAW " .. range_1(-1e6, 0.5, { 3, 5 }, 0, 7)))
    assert.same({ "theta", 7 }, { set.axis_name, set.axis[1] })
  end)
  it("version 1 repeats or leaves out its magic before later ranges", function()
    for _, magic in ipairs { "RAW ", "" } do
      local set = assert(read("RAW " .. range_1(10, 0.5, { 3, 5 }, 1) .. magic .. range_1(10, 0.5, { 7, 8 }, 0)))
      assert.same({ 7, 8 }, values(set, 2))
    end
  end)
  it("version 2 has several ranges", function()
    local set = assert(read(version_2 { range_2(5, 0.25, { 1, 2 }), range_2(5, 0.25, { 3, 4 }) }))
    assert.same({ 5, 5.25 }, set.axis)
    assert.same({ 3, 4 }, values(set, 2))
    assert.same({ "Cu", 298 }, { set.metadata[1].anode, set.metadata[1].kelvin })
  end)
  it("version 3 takes 2theta, and theta if that is what scans", function()
    local set = assert(read(version_3 { range_3(1, 2, 0.02, { 9, 8, 7 }, 0) }))
    assert.same({ 2, 2.02, 2.04 }, set.axis)
    assert.equal("corundum", set.metadata[1].sample)
    assert.equal(1, assert(read(version_3 { range_3(1, 2, 0.02, { 9, 8 }, 2) })).axis[1])
  end)
  it("version 3 steps over what else a record holds", function()
    assert.same({ 9, 8, 7 }, values(assert(read(version_3 { range_3(1, 2, 0.02, { 9, 8, 7 }, 0, 8) }))))
  end)
  it("version 3 that was cut during the measurement says so", function()
    local whole = version_3({ range_3(1, 2, 0.02, { 9, 8, 7 }, 0) }, 2)
    assert.same({ "the measurement is marked as active" }, assert(read(whole)).notes)
    local text = "the file is cut off: 2 of 3 points of a range are there"
    refuses(whole:sub(1, -5), text .. "; partial = true reads them")
    local set = assert(read(whole:sub(1, -5), { partial = true }))
    assert.same({ 9, 8 }, values(set))
    assert.same({ 2, 2.02 }, set.axis)
    assert.equal(text, set.notes[2])
    refuses(version_3({ range_3(1, 2, 0.02, { 9 }, 0) }, 1, 2), "the file is cut off: 1 of 2 ranges are there; "
      .. "partial = true reads them")
  end)
  it("version 4 walks segments, steps over drives and further values", function()
    for _, extra in ipairs { 0, 4 } do
      local range = range_4("Locked Coupled", 37, 0.5, { 4, 5, 6 }, extra)
      local set = assert(read(version_4(text_4("SAMPLEID", "Ag"), range, text_4("COMMENT", "end"))))
      assert.same({ 37, 37.5, 38 }, set.axis)
      assert.same({ 4, 5, 6 }, values(set))
      assert.same({ "2theta", "Ag" }, { set.axis_name, set.metadata[1].sampleid })
    end
    assert.equal("phi", assert(read(version_4(range_4("PHI", 0, 1, { 4, 5 })))).axis_name)
  end)
  it("version 4 has at most 100 texts, which every range would repeat", function()
    local range, texts = range_4("Locked Coupled", 37, 0.5, { 4, 5, 6 }), {}
    for i = 1, 101 do texts[i] = text_4("T" .. i, "a") end
    assert(read(version_4(table.concat(texts, "", 1, 100), range)))
    refuses(version_4(table.concat(texts), range), "byte 3761: more than 100 texts")
  end)
  it("refuses ranges with different axes, and headers that cannot be", function()
    refuses(version_2 { range_2(5, 0.25, { 1, 2 }), range_2(6, 0.25, { 3, 4 }) },
      "its spectra have different axes: point 1 of the axis is 5 there and 6 here; the option resample puts all on "
      .. "one axis")
    refuses("RAW2" .. string.pack("<I2", 1) .. ("\0"):rep(251), "byte 256: expected 2 bytes of a number, the file ends "
      .. "at byte 257")
    refuses(version_4(), "Bruker RAW without spectra")
  end)
  it("reads or refuses damaged files", function()
    local wholes = { "RAW " .. range_1(10, 0.5, { 3, 5, 4 }, 0), version_2 { range_2(5, 0.25, { 1, 2 }) },
      version_3 { range_3(1, 2, 0.02, { 9, 8, 7 }, 0) }, version_4(range_4("Locked Coupled", 37, 0.5, { 4, 5, 6 })) }
    for _, bytes in ipairs(wholes) do
      local _, refused = damage.all(mb.spectra.read, path, bytes)
      assert.is_true(refused >= 10)
      damage.all(function(name) return mb.spectra.read(name, { partial = true }) end, path, bytes)
    end
  end)
end)

describe("Stoe RAW", function()
  it("has its angles as the range states them", function()
    local set = assert(read(stoe(10, 11, { 4, 5, 6 })))
    assert.same({ 10, 10.5, 11 }, set.axis)
    assert.same({ 4, 5, 6 }, values(set))
    assert.same({ "silver", "22-Sep-20 17:18" }, { set.metadata[1].title, set.metadata[1].measured })
  end)
  it("reads or refuses damaged files", function()
    refuses(stoe(10, 11, { 4, 5, 6 }):sub(1, -5), "the file is cut off: 2 of 3 points are there; "
      .. "partial = true reads them")
    damage.all(mb.spectra.read, path, stoe(10, 11, { 4, 5, 6 }))
  end)
  it("has the angles of the points that are there if it is cut off, whatever it announces", function()
    local set = assert(read(stoe(10, 12, { 4, 5, 6, 7, 8 }):sub(1, -9), { partial = true }))
    assert.same({ { 10, 10.5, 11 }, { 4, 5, 6 } }, { set.axis, values(set) })
    local bytes = stoe(10, 11, { 4, 5, 6 })
    local many = bytes:sub(1, 2048 + 34) .. string.pack("<i4", 0x7fffffff) .. bytes:sub(2048 + 39)
    set = assert(read(many, { partial = true }))
    assert.same({ 3, 10 }, { set.length, set.axis[1] })
  end)
  it("ends a real scan at the angle of its range, not of its program", function()
    -- The index has 91.06, the end of the program in the file's header; 5404 points from 10 in steps of 0.015, which
    -- the header of the range states, end at 91.045, which it also states.
    local folder, missing = measured "instrument_files"
    if not folder then return pending(missing) end
    local set = assert(mb.spectra.read(folder .. "/stoe_raw/stoe.raw"))
    assert.equal(5404, set.length)
    assert.is_true(math.abs(set.axis[5404] - 91.045) < 1e-5)
    assert.is_true(math.abs(set.axis[2] - 10.015) < 1e-6)
  end)
end)
