-- Rigaku RASX, a zip archive of text and XML.
local zlib = require "zlib"
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local damage = require "support.damage"

local PROFILE = "\239\187\1918.5000\t591\t1\r\n8.5100\t609\t1\r\n8.5200\t598\t1\r\n"
local ATTENUATED = "8.5000\t59\t10\r\n8.5100\t61\t10\r\n8.5200\t598\t1\r\n"

local function conditions(omega, scan)
  return ('<?xml version="1.0" encoding="utf-8"?><MeasurementConditions><GeneralInformation><Operator>ann</Operator>'
    .. "<SampleName>quartz</SampleName></GeneralInformation><HWConfigurations><XrayGenerator>"
    .. "<TargetName>Cu</TargetName><Current>200</Current><CurrentUnit>mA</CurrentUnit>"
    .. "<WavelengthKalpha1>1.540593</WavelengthKalpha1>"
    .. '</XrayGenerator></HWConfigurations><Axes><Axis Name="Omega" Unit="deg" Position="%s" State="Scan" />'
    .. '<Axis Name="TwoThetaTheta" Unit="deg" Position="8.5" State="Scan" /></Axes>'
    .. "<ScanInformation>%s</ScanInformation>"
    .. "</MeasurementConditions>"):format(omega or 10, scan or "<AxisName>TwoThetaTheta</AxisName>"
    .. "<PositionUnit>deg</PositionUnit><IntensityUnit>counts</IntensityUnit><DataCount>3</DataCount>")
end

local function rasx(...)
  local members = { { "root.xml", "<Root/>" } }
  for i, scan in ipairs { ... } do
    members[#members + 1] = { ("Data%d/Profile%d.txt"):format(i - 1, i - 1), scan[1] }
    members[#members + 1] = { ("Data%d/MesurementConditions%d.xml"):format(i - 1, i - 1), scan[2] or conditions() }
  end
  return files.zip(members)
end

describe("rasx", function()
  it("reads a profile and what is known of it", function()
    local set = assert(files.read(rasx { PROFILE }))
    assert.same({ 591, 609, 598 }, files.values(set))
    assert.same({ 8.5, 8.51, 8.52 }, set.axis)
    assert.equal("2theta", set.axis_name)
    assert.equal("deg", set.unit)
    assert.equal("counts", set.quantity)
    assert.equal("IntensityUnit counts", set.decided)
    local metadata = set.metadata[1]
    assert.equal("quartz", metadata.SampleName)
    assert.equal("ann", metadata.Operator)
    assert.equal("Cu", metadata.TargetName)
    assert.equal(200, metadata["Current (mA)"])
    assert.equal(1.540593, metadata.WavelengthKalpha1)
    assert.equal(10, metadata["Omega (deg)"])
  end)

  it("multiplies counts by the third column, once, and gives them as stored on request", function()
    local file = rasx { ATTENUATED }
    local set = assert(files.read(file))
    assert.same({ 590, 610, 598 }, files.values(set))
    assert.equal("IntensityUnit counts, times the attenuation factors", set.decided)
    assert.same({ "the stored counts were multiplied by the attenuation factors; "
      .. 'block = "counts" gives them as stored' }, set.notes)
    local raw = assert(files.read(file, { block = "counts" }))
    assert.same({ 59, 61, 598 }, files.values(raw))
    assert.equal("IntensityUnit counts, not corrected for attenuation", raw.decided)
  end)

  it("reads profiles of two columns, and axes and units by their names", function()
    local scan = "<AxisName>Omega</AxisName><PositionUnit>deg</PositionUnit><IntensityUnit>cps</IntensityUnit>"
    local set = assert(files.read(rasx { "1 2\n2 3\n", conditions(1, scan) }))
    assert.equal("Omega", set.axis_name)
    assert.equal("counts per second", set.quantity)
    assert.is_nil(assert(files.read(rasx { "1 2\n2 3\n", conditions(1, "") })).quantity)
  end)

  it("reads several profiles with a label for what differs", function()
    local set = assert(files.read(rasx({ PROFILE, conditions(4.5) }, { PROFILE, conditions(5) })))
    assert.same({ 2, 3, 1 }, set.x:shape())
    assert.same({ "scan", "Omega (deg)" }, set.columns)
    assert.same({ "4.5", "5" }, set.labels["Omega (deg)"])
  end)

  it("refuses what is wrong", function()
    files.expect_refusal("Data0/Profile0.txt: expected a number, got x", rasx { "1\tx\t1\n" })
    files.expect_refusal("a value is beyond float32", rasx { "1 1e300 1\n2 1 1\n3 1 1\n" })
    files.expect_refusal("Data0/Profile0.txt: 4 numbers; expected lines of 2 or 3, position, counts and factor",
      rasx { "1 2 1\n2" })
    files.expect_refusal("the file is cut off: 2 of 3 points are there; partial = true reads them",
      rasx { "1 2 1\n2 3 1\n" })
    assert.same({ 2, 3 }, files.values(assert(files.read(rasx { "1 2 1\n2 3 1\n" }, { partial = true }))))
    files.expect_refusal("Data0/MesurementConditions0.xml is missing", files.zip { { "Data0/Profile0.txt", PROFILE } })
    files.expect_refusal("images of a detector without a profile are not read",
      files.zip { { "Data0/Image0.bin", "\0\0" }, { "Data0/MesurementConditions0.xml", conditions() } })
    files.expect_refusal("Data0/MesurementConditions0.xml: XML with a document type (DTD) is not read",
      rasx { PROFILE, "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>" })
  end)

  it("reads the whole scans of an archive that is cut off, if asked to", function()
    local file = rasx({ PROFILE }, { PROFILE })
    local cut = file:sub(1, file:find("Data1/Mesurement", 1, true) - 1)
    files.expect_refusal("not a zip archive, or truncated, or its directory is damaged; whole members: 4; "
      .. "partial = true reads them", cut)
    assert.same({ 1, 3, 1 }, assert(files.read(cut, { partial = true })).x:shape())
  end)

  it("bounds the memory of the numbers of a small archive", function()
    local before = mb.limits.unpacked
    mb.limits.unpacked = 80000
    local set, message = files.read(rasx { ("0 "):rep(6000) })
    mb.limits.unpacked = before
    assert.is_nil(set)
    assert.equal("Data0/Profile0.txt: 12000 bytes of numbers; limits.unpacked / 8 = 10000", message)
  end)

  it("reads lines that pieces of the archive cut", function()
    local lines, expected = {}, {}
    for i = 1, 20000 do
      expected[i] = i * 7919 % 10007
      lines[i] = ("%.3f %d 1"):format(i * 1e-3, expected[i])
    end
    for _, is_stored in ipairs { false, true } do
      local set = assert(files.read(files.zip({ { "Data0/Profile0.txt", table.concat(lines, "\r\n") },
        { "Data0/MesurementConditions0.xml", conditions(1, "") } }, is_stored)))
      assert.same(expected, files.values(set))
      assert.equal(20, set.axis[20000])
    end
    files.expect_refusal("Data0/Profile0.txt: a line of more than 65536 bytes", rasx { ("1 2 "):rep(20000) })
  end)

  it("survives damage", function()
    local path = os.tmpname()
    local _, refused = damage.all(mb.spectra.read, path, rasx({ ATTENUATED }, { PROFILE }))
    damage.all(mb.spectra.read, path, files.zip({ { "Data0/Profile0.txt", PROFILE },
      { "Data0/MesurementConditions0.xml", conditions() } }, "stored"))
    os.remove(path)
    assert.is_true(refused > 100)
  end)
end)

-- An archive as programs write it that cannot go back: sizes and checksum stand behind the content of each member.
local function streamed(members)
  local parts, directory, place = {}, {}, 0
  for i, member in ipairs(members) do
    local name, content = table.unpack(member)
    local sums = string.pack("<I4I4I4", (zlib.crc32()(content)), #content, #content)
    local start = string.pack("<I2I2I2I2I2", 20, 8, 0, 0, 33)
    local local_header = "PK\3\4" .. start .. ("\0"):rep(12) .. string.pack("<I2I2", #name, 0) .. name
    parts[i] = local_header .. content .. "PK\7\8" .. sums
    directory[i] = "PK\1\2" .. string.pack("<I2", 20) .. start .. sums
      .. string.pack("<I2I2I2I2I2I4I4", #name, 0, 0, 0, 0, 0, place) .. name
    place = place + #parts[i]
  end
  local list = table.concat(directory)
  return table.concat(parts) .. list
    .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #members, #members, #list, place, 0)
end

describe("archives of other programs", function()
  it("are read if sizes stand behind the content", function()
    local members = { { "Data0/Profile0.txt", PROFILE }, { "Data0/MesurementConditions0.xml", conditions() } }
    assert.same({ 591, 609, 598 }, files.values(assert(files.read(streamed(members)))))
  end)

  it("are read if their folders have members of their own, or names have backslashes", function()
    local members = { { "Data0/", "" }, { "Data0/Profile0.txt", PROFILE },
      { "Data0/MesurementConditions0.xml", conditions() } }
    assert.is_truthy(files.read(files.zip(members)))
    for _, member in ipairs(members) do member[1] = member[1]:gsub("/", "\\") end
    assert.is_truthy(files.read(files.zip(members)))
  end)
end)

describe("other archives and XML", function()
  it("are refused with what they hold", function()
    files.expect_refusal("is a zip archive of no known format; it holds a.zip, b",
      files.zip { { "a.zip", rasx { PROFILE } }, { "b", "1,2\n" } })
    files.expect_refusal("is an OpenDocument file, which is not read; save the sheet as .xlsx or text",
      files.zip { { "content.xml", "<a/>" } })
    files.expect_refusal("not a zip archive, or truncated, or its directory is damaged; "
      .. "whole members: 1; partial = true reads them", files.zip({ { "a", "b" } }):sub(1, -9))
    files.expect_refusal("is XML of no known format; its first element is <a>", "<?xml version='1.0'?><a/>")
  end)
end)

describe("rasx of instruments", function()
  for _, name in ipairs { "TwoTheta_scan_powder", "rigaku_test" } do
    it(name, function()
      local path, reference = files.measured("rigaku_rasx/" .. name .. ".rasx")
      if not path then return pending(reference) end
      assert.same({}, index.differences(assert(mb.spectra.read(path)), reference))
    end)
  end
end)
