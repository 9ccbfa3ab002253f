-- Bruker BRML, a zip archive of XML.
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local damage = require "support.damage"

local TIME = '<RawDataView xsi:type="FixedRawDataView" Start="0" Length="1" LogicName="MeasuredTime" Unit="s"/>'
local ABSORBER = '<RawDataView xsi:type="FixedRawDataView" Start="1" Length="1" LogicName="AbsorptionFactor"/>'
local AXES = '<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying>'
  .. '<FieldDefinitions FieldName="TwoTheta" AxisId="TwoTheta"/><FieldDefinitions FieldName="Theta" AxisId="Theta"/>'
  .. "</Varying></RawDataView>"
local COUNTS = '<RawDataView xsi:type="RecordedRawDataView" Start="5" Length="1">'
  .. '<Recording LogicName="Counter0D" Category="Count"><Unit Prefix="None" Base="Counts"/></Recording></RawDataView>'
local TEMPERATURE = '<RawDataView xsi:type="RecordedRawDataView" Start="4" Length="1">'
  .. '<Recording LogicName="ActualTemperature" Category="Temperature"/></RawDataView>'
local VIEWS = TIME .. ABSORBER .. AXES .. TEMPERATURE .. COUNTS
local INFORMATION = '<ScanInformation VisibleName="Coupled"><MeasurementPoints>3</MeasurementPoints>'
  .. '<TimePerStep>0.5</TimePerStep><ScanAxes><ScanAxisInfo AxisId="TwoTheta" VisibleName="2Theta" Unit="°"/>'
  .. '<ScanAxisInfo AxisId="Theta" VisibleName="Omega" Unit="°"/></ScanAxes></ScanInformation>'
local DATA = "<Datum>1,10,20,10,25,7000</Datum><Datum>1,10,20.5,10.25,25,430</Datum><Datum>1,1,21,10.5,25,41</Datum>"

-- A scan; given fields override those of a plain one.
local function raw(given)
  given = setmetatable(given or {}, { __index = { flag = "Measured", information = INFORMATION, data = DATA,
    views = VIEWS, phi = 0, more = "" } })
  return ('<RawData xmlns:xsi="urn:x"><TimeStampStarted>2025-11-17T10:23:45</TimeStampStarted><DataRoutes>'
    .. '<DataRoute RouteFlag="%s">%s%s<DataViews>%s</DataViews></DataRoute>%s</DataRoutes><FixedInformation><Drives>'
    .. '<InfoData VisibleName="Phi"><Position Unit="°" Value="%s"/></InfoData></Drives><Instrument><Tube>'
    .. '<WaveLengthAlpha1 Unit="Å" Value="1.5406"/><TubeMaterial>Cu</TubeMaterial><Voltage Unit="kV" Value="40"/>'
    .. '</Tube></Instrument><InfoList><InfoItem Name="SampleName" Value="quartz"/></InfoList></FixedInformation>'
    .. "</RawData>"):format(given.flag, given.information, given.data, given.views, given.more, given.phi)
end

local function brml(...)
  local members = { { "experimentCollection.xml", "<a/>" } }
  for i, content in ipairs { ... } do
    members[#members + 1] = { ("Experiment0/RawData%d.xml"):format(i - 1), content }
  end
  return files.zip(members)
end

local function expect_refusal(message, given, options)
  files.expect_refusal("Experiment0/RawData0.xml: " .. message, brml(raw(given)), options)
end

describe("brml", function()
  it("reads the columns that the views name, and applies no absorber: the counts hold it", function()
    local set = assert(files.read(brml(raw())))
    assert.same({ 7000, 430, 41 }, files.values(set))
    assert.same({ 20, 20.5, 21 }, set.axis)
    assert.equal("2theta", set.axis_name)
    assert.equal("deg", set.unit)
    assert.equal("counts", set.quantity)
    assert.equal("the recorded counts, which hold the absorber already", set.decided)
    assert.same({ "also recorded, left out: ActualTemperature" }, set.notes)
  end)

  it("keeps what is known of instrument and sample", function()
    local metadata = assert(files.read(brml(raw { phi = 12.5 }))).metadata[1]
    assert.equal(1.5406, metadata["WaveLengthAlpha1 (Å)"])
    assert.equal("Cu", metadata.TubeMaterial)
    assert.equal(40, metadata["Voltage (kV)"])
    assert.equal("quartz", metadata.SampleName)
    assert.equal(0.5, metadata.TimePerStep)
    assert.equal(12.5, metadata["Phi (deg)"])
    assert.equal("2025-11-17T10:23:45", metadata.TimeStampStarted)
  end)

  it("reads several scans in the order of their numbers, with labels", function()
    local list = {}
    for i = 1, 11 do list[i] = raw { phi = i, data = DATA:gsub("7000", tostring(i)) } end
    local file = brml(table.unpack(list))
    local set = assert(files.read(file))
    assert.same({ 11, 3, 1 }, set.x:shape())
    for i = 1, 11 do assert.equal(i, files.values(set, i)[1]) end
    assert.same({ "scan", "Phi (deg)" }, set.columns)
    assert.equal("11", set.labels["Phi (deg)"][11])
    assert.matches(" scan 11$", set.names[11])
    assert.equal(3, files.values(assert(files.read(file, { block = 3 })))[1])
    files.expect_refusal("block = 12: the file holds 11 scans", file, { block = 12 })
  end)

  it("takes the axis that is shown first", function()
    local information = INFORMATION:gsub('AxisId="Theta"', '%0 UIVisibility="Primary"')
    local set = assert(files.read(brml(raw { information = information })))
    assert.same({ 10, 10.25, 10.5 }, set.axis)
    assert.equal("Omega", set.axis_name)
  end)

  it("reads files without views by the order of their columns", function()
    local data = "<Datum>1,1,20,10,7</Datum><Datum>1,1,20.5,10.25,4</Datum><Datum>1,1,21,10.5,3</Datum>"
    local set = assert(files.read(brml(raw { views = "", data = data })))
    assert.same({ 7, 4, 3 }, files.values(set))
    assert.same({ 20, 20.5, 21 }, set.axis)
    assert.same({ 20, 20.5, 21 }, assert(files.read(brml(raw { views = "", information = "",
      data = "<Datum>1,1,20,7</Datum><Datum>1,1,20.5,4</Datum><Datum>1,1,21,3</Datum>" }))).axis)
  end)

  it("takes the measured of several routes, or the one that is asked for", function()
    local more = ('<DataRoute RouteFlag="Processed">%s%s<DataViews>%s</DataViews></DataRoute>'):format(INFORMATION,
      DATA:gsub("7000", "1"), VIEWS)
    local file = brml(raw { more = more })
    local set = assert(files.read(file))
    assert.equal(7000, files.values(set)[1])
    assert.equal('of the data routes Measured, Processed, Measured is read; block = "NAME" reads another', set.notes[1])
    assert.equal(1, files.values(assert(files.read(file, { block = "Processed" })))[1])
    expect_refusal("no data route Final; there are: Measured, Processed", { more = more }, { block = "Final" })
    expect_refusal("no data route Final; there are: Measured", {}, { block = "Final" })
    assert.equal(7000, files.values(assert(files.read(brml(raw { flag = "Final" }))))[1])
  end)

  it("says that a measurement ended early", function()
    local set = assert(files.read(brml(raw { data = "<Datum>1,1,20,10,25,7</Datum><Datum>1,1,21,11,25,8</Datum>" })))
    assert.equal("Experiment0/RawData0.xml: the measurement ended early: 2 of 3 points", set.notes[2])
  end)

  it("refuses what it does not read by its name", function()
    expect_refusal("counts of a detector in a member of their own (ExtMemoryRecordedRawDataView) are not read",
      { views = TIME .. AXES .. COUNTS:gsub("Recorded", "ExtMemoryRecorded") })
    expect_refusal("points with 1280 counts of a line or area detector are not read",
      { views = TIME .. AXES .. COUNTS:gsub('Length="1"', 'Length="1280"') })
    expect_refusal("no data view of counts", { views = TIME .. AXES .. TEMPERATURE })
    expect_refusal("no data view of the axis TwoTheta", { views = TIME .. COUNTS })
    expect_refusal("a data view without a start", { views = AXES .. COUNTS:gsub('Start="5"', "") })
    expect_refusal("column 1000001 of points of 6 values", { views = AXES .. COUNTS:gsub('"5"', '"1000000"') })
    expect_refusal("no <Datum>", { data = "" })
    expect_refusal("<Datum>: expected a number, got 7O", { data = "<Datum>1,1,20,10,25,7O</Datum>" })
    files.expect_refusal("a value is beyond float32", brml(raw { data = "<Datum>1,1,20,10,25,1e300</Datum>" }))
    expect_refusal("points of more than 1000 values are not read",
      { data = "<Datum>" .. ("1,"):rep(1001) .. "</Datum>" })
    expect_refusal("column 6 of points of 0 values", { data = "<Datum> </Datum>" })
    expect_refusal("points of different numbers of values", { data = "<Datum>1,2</Datum><Datum>1,2,3,4</Datum>" })
    expect_refusal("points of different numbers of values", { data = "<Datum>1,2,3</Datum><Datum>1,2</Datum>" })
    files.expect_refusal("Experiment0/RawData0.xml: expected <RawData>, got <a>", brml "<a/>")
    files.expect_refusal("Experiment0/RawData0.xml: line 1, column 6: mismatched tag", brml "<a></b>")
  end)

  it("refuses bombs", function()
    files.expect_refusal("Experiment0/RawData0.xml: XML with a document type (DTD) is not read",
      brml '<!DOCTYPE a [<!ENTITY x "y">]><RawData>&x;</RawData>')
    local before = mb.limits.unpacked
    mb.limits.unpacked = 2000000
    local set, message = files.read(brml(raw { data = (" "):rep(3000000) }))
    mb.limits.unpacked = before
    assert.is_nil(set)
    assert.matches("its packed entries would have %d+ bytes; limits.unpacked = 2000000", message)
    mb.limits.unpacked = 80000
    set, message = files.read(brml(raw { data = "<Datum>" .. ("0 "):rep(12000) .. "</Datum>" }))
    mb.limits.unpacked = before
    assert.is_nil(set)
    assert.equal("Experiment0/RawData0.xml: more numbers than limits.unpacked / 8 = 10000", message)
  end)

  it("reads the whole scans of an archive that is cut off, if asked to", function()
    local file = brml(raw(), raw(), raw())
    local cut = file:sub(1, file:find("Experiment0/RawData2", 1, true) - 1)
    local message = "not a zip archive, or truncated, or its directory is damaged; whole members: 3"
    files.expect_refusal(message .. "; partial = true reads them", cut)
    local set = assert(files.read(cut, { partial = true }))
    assert.same({ 2, 3, 1 }, set.x:shape())
    assert.equal(message, set.notes[1])
    files.expect_refusal("not a zip archive, or truncated, or its directory is damaged", cut:sub(1, 40))
  end)

  it("survives damage", function()
    local path = os.tmpname()
    local _, refused = damage.all(mb.spectra.read, path, brml(raw(), raw()))
    damage.all(mb.spectra.read, path, files.zip({ { "Experiment0/RawData0.xml", raw() } }, "stored"))
    os.remove(path)
    assert.is_true(refused > 100)
  end)
end)

-- That the counts hold the absorber: in BRML_attenuation, where its factor changes from 77 to 8.8, 945098 is followed
-- by 717895.2, which is 8.8 * 81579.
describe("brml of instruments", function()
  for _, name in ipairs { "BRML_attenuation", "test" } do
    it(name, function()
      local path, reference = files.measured("bruker_brml/" .. name .. ".brml")
      if not path then return pending(reference) end
      assert.same({}, index.differences(assert(mb.spectra.read(path)), reference))
    end)
  end
end)
