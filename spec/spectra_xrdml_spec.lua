-- PANalytical XRDML.
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local damage = require "support.damage"

local HEAD = [[<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.0" status="Completed">
<sample type="To be analyzed"><id>S1</id><name>quartz</name><preparedBy/></sample>
<xrdMeasurement measurementType="Scan" status="Completed">
<usedWavelength intended="K-Alpha 1"><kAlpha1 unit="Angstrom">1.5405980</kAlpha1></usedWavelength>
<incidentBeamPath><xRayTube><tension unit="kV">45</tension><current unit="mA">40</current>
<anodeMaterial>Cu</anodeMaterial></xRayTube></incidentBeamPath>
]]
local TAIL = "</xrdMeasurement></xrdMeasurements>"

local function scan(points, attributes)
  return ('<scan appendNumber="0" mode="Continuous" %s><header><startTimeStamp>2021-03-16T13:10:14+03:00'
    .. "</startTimeStamp><author><name>ann</name></author><source><instrumentID>007</instrumentID></source>"
    .. "</header><dataPoints>%s</dataPoints></scan>"):format(
    attributes or 'scanAxis="Gonio" status="Completed"', points)
end

local THETA2 = '<positions axis="2Theta" unit="deg"><startPosition>10</startPosition><endPosition>12</endPosition>'
  .. "</positions>"
local OMEGA = '<positions axis="Omega" unit="deg"><startPosition>5</startPosition><endPosition>6</endPosition>'
  .. "</positions>"
local TIME = '<commonCountingTime unit="seconds">0.5</commonCountingTime>'
local FACTORS = "<beamAttenuationFactors>100 100 1</beamAttenuationFactors>"
local INTENSITIES = '<intensities unit="counts">700 400 30</intensities>'
local COUNTS = '<counts unit="counts">7 4 30</counts>'

local function document(...) return HEAD .. table.concat { ... } .. TAIL end

local expect_refusal = files.expect_refusal

describe("xrdml", function()
  it("reads intensities, which hold the attenuation, as they are", function()
    local set = assert(files.read(document(scan(THETA2 .. OMEGA .. FACTORS .. TIME .. INTENSITIES))))
    assert.same({ 700, 400, 30 }, files.values(set))
    assert.same({ 10, 11, 12 }, set.axis)
    assert.equal("2theta", set.axis_name)
    assert.equal("deg", set.unit)
    assert.equal("counts", set.quantity)
    assert.equal('<intensities unit="counts">, corrected for attenuation', set.decided)
    assert.same({}, set.notes)
  end)

  it("multiplies counts by the attenuation factors once", function()
    local file = document(scan(THETA2 .. FACTORS .. TIME .. COUNTS))
    local set = assert(files.read(file))
    assert.same({ 700, 400, 30 }, files.values(set))
    assert.equal('<counts unit="counts"> times the attenuation factors', set.decided)
    assert.same({ "the stored counts were multiplied by the attenuation factors; "
      .. 'block = "counts" gives them as stored' }, set.notes)
    local raw = assert(files.read(file, { block = "counts" }))
    assert.same({ 7, 4, 30 }, files.values(raw))
    assert.equal('<counts unit="counts">, not corrected for attenuation', raw.decided)
  end)

  it("takes intensities if counts are there too", function()
    local set = assert(files.read(document(scan(THETA2 .. FACTORS .. TIME .. COUNTS .. INTENSITIES))))
    assert.same({ 700, 400, 30 }, files.values(set))
  end)

  it("multiplies counts by a common factor", function()
    local set = assert(files.read(document(scan(THETA2
      .. "<commonBeamAttenuationFactor>10</commonBeamAttenuationFactor>" .. COUNTS))))
    assert.same({ 70, 40, 300 }, files.values(set))
  end)

  it("says that divergence corrections of counts were not applied", function()
    local set = assert(files.read(document(scan(THETA2 .. "<divergenceCorrections>1 1 2</divergenceCorrections>"
      .. COUNTS))))
    assert.same({ 7, 4, 30 }, files.values(set))
    assert.same({ "the divergence corrections of the file were not applied to its counts" }, set.notes)
  end)

  it("keeps what a spectroscopist asks for as metadata", function()
    local set = assert(files.read(document(scan(THETA2 .. TIME .. INTENSITIES))))
    local metadata = set.metadata[1]
    assert.equal("quartz", metadata["sample name"])
    assert.same({ 1.540598, "K-Alpha 1" }, { metadata["kAlpha1 (Angstrom)"], metadata.usedWavelength })
    assert.equal("Cu", metadata.anodeMaterial)
    assert.equal(45, metadata["tension (kV)"])
    assert.equal(40, metadata["current (mA)"])
    assert.equal(0.5, metadata["commonCountingTime (seconds)"])
    assert.equal("2021-03-16T13:10:14+03:00", metadata.startTimeStamp)
    assert.equal("Gonio", metadata.scanAxis)
    assert.equal("ann", metadata.author)
    assert.equal("007", metadata.instrumentID)
  end)

  it("reads positions that are listed", function()
    local positions = '<positions axis="2Theta" unit="deg"><listPositions>10 10.5 12</listPositions></positions>'
    assert.same({ 10, 10.5, 12 }, assert(files.read(document(scan(positions .. INTENSITIES)))).axis)
  end)

  it("takes the axis that is scanned", function()
    local function axis(name)
      local set = assert(files.read(document(scan(THETA2 .. OMEGA .. INTENSITIES, ('scanAxis="%s"'):format(name)))))
      return set.axis_name, set.axis[1]
    end
    assert.same({ "2theta", 10 }, { axis "Gonio" })
    assert.same({ "2theta", 10 }, { axis "2Theta-Omega" })
    assert.same({ "2theta", 10 }, { axis "2Theta" })
    assert.same({ "Omega", 5 }, { axis "Omega" })
    assert.same({ "Omega", 5 }, { axis "Omega-2Theta" })
    assert.same({ "2theta", 10 }, { axis "Reciprocal Space" })
  end)

  it("reads several scans with a label for what differs", function()
    local function at(omega)
      return scan(THETA2 .. ('<positions axis="Omega" unit="deg"><commonPosition>%s</commonPosition></positions>'
        .. '<positions axis="Phi" unit="deg"><commonPosition>0</commonPosition></positions>'):format(omega)
        .. INTENSITIES, 'scanAxis="2Theta"')
    end
    local file = document(at "4.5", at "5", at "5.5")
    local set = assert(files.read(file))
    assert.same({ 3, 3, 1 }, set.x:shape())
    assert.same({ "scan", "Omega (deg)" }, set.columns)
    assert.same({ "4.5", "5", "5.5" }, set.labels["Omega (deg)"])
    assert.matches(" scan 2$", set.names[2])
    local second = assert(files.read(file, { block = 2 }))
    assert.same({ 1, 3, 1 }, second.x:shape())
    assert.equal(5, second.metadata[1]["Omega (deg)"])
    expect_refusal("block = 4: the file holds 3 scans", file, { block = 4 })
  end)

  it("says that a scan was aborted, and that counting times differ", function()
    local set = assert(files.read(document(scan(THETA2 .. "<countingTimes>1 2 2</countingTimes>" .. INTENSITIES,
      'status="Aborted"'))))
    assert.same({ "scan 1: its status is Aborted", "scan 1: counting times differ between points" }, set.notes)
  end)

  it("reads UTF-16, as XML allows it", function()
    local text = document(scan(THETA2 .. INTENSITIES)):gsub("UTF%-8", "UTF-16"):gsub(".", "%0\0")
    assert.same({ 700, 400, 30 }, files.values(assert(files.read("\255\254" .. text))))
  end)

  it("refuses what is wrong, with the element", function()
    expect_refusal("<beamAttenuationFactors>: 2 numbers for 3 points",
      document(scan(THETA2 .. "<beamAttenuationFactors>1 2</beamAttenuationFactors>" .. COUNTS)))
    expect_refusal("<intensities>: expected a number, got 4OO",
      document(scan(THETA2 .. "<intensities>700 4OO 30</intensities>")))
    expect_refusal("<listPositions>: 2 numbers for 3 points",
      document(scan('<positions axis="2Theta"><listPositions>1 2</listPositions></positions>' .. INTENSITIES)))
    expect_refusal("a value is beyond float32",
      document(scan(THETA2 .. FACTORS .. '<counts unit="counts">1 3e38 2</counts>')))
    expect_refusal("a scan without <intensities> and <counts>", document(scan(THETA2)))
    expect_refusal("no <counts>", document(scan(THETA2 .. INTENSITIES)), { block = "counts" })
    expect_refusal("a scan whose positions do not change", document(scan(INTENSITIES)))
    expect_refusal("scan 1: no <dataPoints>", document "<scan/>")
    expect_refusal("a PANalytical XRDML file without spectra", document "")
    expect_refusal("<intensities> in furlongs is not read", document(scan(THETA2 .. '<intensities unit="furlongs">1 2 3'
      .. "</intensities>")))
    expect_refusal('<positions axis="2Theta"> without positions',
      document(scan('<positions axis="2Theta"><startPosition>1</startPosition></positions>' .. INTENSITIES)))
    expect_refusal("<startPosition>: expected a number, got ten",
      document(scan('<positions axis="2Theta"><startPosition>ten</startPosition></positions>' .. INTENSITIES)))
  end)

  it("reads the complete scans of a file that is cut off, if asked to", function()
    local whole = document(scan(THETA2 .. INTENSITIES), scan(THETA2 .. COUNTS))
    local cut = whole:sub(1, whole:find("30</counts>", 1, true))
    expect_refusal("line 8: the file is cut off: 5 elements are not closed; partial = true reads what is complete", cut)
    local set = assert(files.read(cut, { partial = true }))
    assert.same({ 1, 3, 1 }, set.x:shape())
    assert.same({ "line 8: the file is cut off: 5 elements are not closed" }, set.notes)
  end)

  it("survives damage", function()
    local path = os.tmpname()
    local file = document(scan(THETA2 .. FACTORS .. TIME .. COUNTS), scan(THETA2 .. OMEGA .. INTENSITIES))
    local _, refused = damage.all(mb.spectra.read, path, file)
    damage.all(function(name) return mb.spectra.read(name, { partial = true }) end, path, file)
    os.remove(path)
    assert.is_true(refused > 10)
  end)
end)

-- The index holds the stored numbers. Those of XRDML_alt are <counts>: where the attenuator changes from 182 to 1, the
-- stored 13936, 11406, 1747520 jump by 153, and 182 * 13936 = 2536352, 182 * 11406 = 2075892, 1747520 do not. So the
-- product is right, whose sum the index has as y_sum_times_attenuation. Those of XRDML_attenuation are <intensities>:
-- 1851875, 949050, 396931 at factors 131.32, 131.32, 1 do not jump as they are.
describe("xrdml of instruments", function()
  for _, name in ipairs { "XRD-918-16_10", "XRDML_attenuation", "empyrean" } do
    it(name, function()
      local path, reference = files.measured("xrdml/" .. name .. ".xrdml")
      if not path then return pending(reference) end
      assert.same({}, index.differences(assert(mb.spectra.read(path)), reference))
    end)
  end

  it("XRDML_alt, corrected and as stored", function()
    local path, reference = files.measured "xrdml/XRDML_alt.xrdml"
    if not path then return pending(reference) end
    local raw = assert(mb.spectra.read(path, { block = "counts" }))
    assert.same({}, index.differences(raw, reference))
    local sum = 0
    for _, value in ipairs(files.values(assert(mb.spectra.read(path)))) do sum = sum + value end
    assert.near(reference.y_sum_times_attenuation, sum, 1e-7 * sum)
  end)
end)
