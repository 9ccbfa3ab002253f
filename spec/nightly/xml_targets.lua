-- Targets of the fuzzer for XML and zips of XML. The XML of an archive is changed before it is packed, so that changes
-- reach the code behind the checksums; the archives themselves are seeds too.
local mb = require "moonbow"
local files = require "support.spectra_files"

local XRDML = [[<?xml version="1.0" encoding="UTF-8"?><xrdMeasurements><sample><name>q</name></sample><xrdMeasurement>
<usedWavelength><kAlpha1 unit="Angstrom">1.54</kAlpha1></usedWavelength><scan scanAxis="Gonio" status="Completed">
<dataPoints><positions axis="2Theta" unit="deg"><startPosition>10</startPosition><endPosition>12</endPosition>
</positions><positions axis="Omega" unit="deg"><commonPosition>5</commonPosition></positions>
<beamAttenuationFactors>10 1 1</beamAttenuationFactors><counts unit="counts">1 2 3</counts></dataPoints></scan>
<scan scanAxis="2Theta"><dataPoints><positions axis="2Theta" unit="deg"><listPositions>10 11 12</listPositions>
</positions>
<intensities unit="counts">4 5 6</intensities></dataPoints></scan></xrdMeasurement></xrdMeasurements>]]

local LABSPEC = [[<LSX_Data><LSX_Tree><LSX ID="0x6C7469D9">t</LSX><LSX ID="0x7A74D9D6"><LSX ID="0x7B697861">
<LSX ID="0x0"><LSX ID="0x7C696E75">Cnt</LSX></LSX><LSX ID="0x1"><LSX ID="0x7D6CD4DB">1 2</LSX>
<LSX ID="0x7C696E75">nm</LSX></LSX><LSX ID="0x2"><LSX ID="0x7D6CD4DB">0 1</LSX><LSX ID="0x6D707974">X</LSX></LSX>
</LSX></LSX><LSX ID="0x6C62D4D9"><LSX ID="1"><LSX ID="0x6D6D616E">Laser</LSX><LSX ID="0x7D6C61DB">633</LSX></LSX>
</LSX></LSX_Tree><LSX_Matrix Size="4"><LSX_Row Size="2">1 2</LSX_Row><LSX_Row Size="2">3 4</LSX_Row></LSX_Matrix>
</LSX_Data>]]

local BRML = [[<RawData xmlns:xsi="x"><DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation VisibleName="s">
<MeasurementPoints>2</MeasurementPoints><ScanAxes><ScanAxisInfo AxisId="TwoTheta" Unit="°"/></ScanAxes>
</ScanInformation><Datum>1,1,20,7</Datum><Datum>1,1,21,8</Datum><DataViews>
<RawDataView xsi:type="VaryingRawDataView" Start="2"><FieldDefinitions AxisId="TwoTheta"/></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" Start="3" Length="1"><Recording LogicName="c" Category="Count"/>
</RawDataView></DataViews></DataRoute></DataRoutes><FixedInformation><Drives><InfoData VisibleName="Phi">
<Position Unit="°" Value="1"/></InfoData></Drives></FixedInformation></RawData>]]

local PROFILE = "1\t2\t1\r\n2\t3\t10\r\n"
local CONDITIONS = [[<MeasurementConditions><Axes><Axis Name="Omega" Unit="deg" Position="1"/></Axes><ScanInformation>
<AxisName>TwoTheta</AxisName><PositionUnit>deg</PositionUnit><IntensityUnit>counts</IntensityUnit>
<DataCount>2</DataCount></ScanInformation></MeasurementConditions>]]

local SHEET = [[<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>400</v></c><c r="C1">
<v>401</v></c><c r="D1" t="str"><v>day</v></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2"><v>1</v></c><c r="C2">
<f>1+1</f><v>2</v></c></row><row r="3"><c r="B3"><v>3</v></c><c r="C3"><v>4</v></c><c r="D3" s="1">
<v>45292</v></c></row></sheetData>
<mergeCells><mergeCell ref="A2:A3"/></mergeCells></worksheet>]]
local BOOK = '<workbook xmlns:r="r"><sheets><sheet name="s" r:id="i"/></sheets></workbook>'
local RELATIONS = '<Relationships><Relationship Id="i" Type="x/worksheet" Target="worksheets/a.xml"/></Relationships>'
local STYLES = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
local STRINGS = "<sst><si><t>class</t></si></sst>"

-- Archives by the member that is changed; content is put in the place of false.
local archives = {
  brml = { { { "Experiment0/RawData0.xml", false } }, BRML },
  rasx = { { { "Data0/Profile0.txt", PROFILE }, { "Data0/MesurementConditions0.xml", false } }, CONDITIONS },
  rasx_profile = { { { "Data0/Profile0.txt", false }, { "Data0/MesurementConditions0.xml", CONDITIONS } }, PROFILE },
  xlsx = { { { "xl/workbook.xml", BOOK }, { "xl/_rels/workbook.xml.rels", RELATIONS }, { "xl/styles.xml", STYLES },
    { "xl/sharedStrings.xml", STRINGS }, { "xl/worksheets/a.xml", false } }, SHEET },
}

local function packed(members, content)
  local list = {}
  for i, member in ipairs(members) do list[i] = { member[1], member[2] or content } end
  return files.zip(list)
end

--- Returns the targets by name, as fuzz_targets.lua does.
return function()
  local targets = { xrdml = { read = mb.spectra.read, files = { XRDML } },
    labspec_xml = { read = mb.spectra.read, files = { LABSPEC } }, zips = { read = mb.spectra.read, files = {} } }
  for name, archive in pairs(archives) do
    local members, content = table.unpack(archive)
    assert(files.read(packed(members, content)))
    table.insert(targets.zips.files, packed(members, content))
    targets[name] = { files = { content }, read = function(path)
      return files.read(packed(members, files.bytes(path)))
    end }
  end
  table.sort(targets.zips.files)
  return targets
end
