-- LabSpec 6's XML.
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local damage = require "support.damage"

local expect_refusal = files.expect_refusal

local function values(list) return ('<LSX Format="6" ID="0x7D6CD4DB">\n%s\n</LSX>'):format(list) end

local function axis(id, kind, unit, list)
  return ('<LSX Format="9" ID="%s">%s<LSX ID="0x6D707974">%s</LSX><LSX ID="0x7C696E75">%s</LSX></LSX>'):format(id,
    list and values(list) or "", kind, unit)
end

local X = axis("0x1", "Spectr", "1/cm", "100 101.5 103")

local function rows(...)
  local parts = {}
  for i, row in ipairs { ... } do
    parts[i] = ('<LSX_Row Format="6" Index="%d" Size="3">\n%s \n</LSX_Row>'):format(i - 1, row)
  end
  return ('<LSX_Matrix Format="6" ID="0x7D6CD4DB" Size="%d">%s</LSX_Matrix>'):format(3 * #parts, table.concat(parts))
end

-- A file; given fields override those of a plain one.
local function file(given)
  given = setmetatable(given or {}, { __index = { x = X, places = "", unit = "Cnt/sec", matrix = rows "1 2.5 -3",
    more = "" } })
  return '<?xml version="1.0" encoding="UTF-8"?>\n<LSX_Data><LSX_Tree Format="9" ID="0x69746164">'
    .. '<LSX Format="8" ID="0x6C7469D9">quartz</LSX><LSX Format="9" ID="0x7A74D9D6"><LSX Format="9" ID="0x7B697861">'
    .. axis("0x0", "Intens", given.unit) .. given.x .. given.places .. "</LSX></LSX>" .. given.more
    .. '<LSX ID="0x6C62D4D9"><LSX ID="0x8716361"><LSX ID="0x6D7361DE"><LSX ID="0x6D6D616E">Laser (nm)</LSX>'
    .. '<LSX ID="0x7D6C61DB">633</LSX></LSX><LSX ID="0x6E6977E7"><LSX ID="0x6D6D616E">SWIFT</LSX>'
    .. '<LSX ID="0x7D6C61DB">Off</LSX></LSX></LSX></LSX></LSX_Tree>\n' .. given.matrix .. "</LSX_Data>\n"
end

local MAP = { places = axis("0x2", "XA", "µm", "-2 0 2") .. axis("0x3", "YA", "µm", "-1 1"),
  more = '<LSX ID="0x6C676EC6"><LSX ID="0x0">-0.5</LSX></LSX>',
  matrix = rows("1 1 1", "2 2 2", "3 3 3", "4 4 4", "5 5 5", "6 6 6") }

describe("labspec xml", function()
  it("reads a spectrum with units, title and parameters", function()
    local set = assert(files.read(file()))
    assert.same({ 1, 2.5, -3 }, files.values(set))
    assert.same({ 100, 101.5, 103 }, set.axis)
    assert.equal("Raman shift", set.axis_name)
    assert.equal("cm-1", set.unit)
    assert.equal("counts per second", set.quantity)
    assert.equal("unit of the intensity: Cnt/sec", set.decided)
    assert.same({ "quartz" }, set.names)
    assert.equal(633, set.metadata[1]["Laser (nm)"])
    assert.equal("Off", set.metadata[1].SWIFT)
  end)

  it("knows the units of axes and values", function()
    local function of(x_unit, unit)
      local set = assert(files.read(file { x = axis("0x1", "Spectr", x_unit, "1 2 3"), unit = unit }))
      return { set.axis_name, set.unit, set.quantity }
    end
    assert.same({ "wavelength", "nm", "counts" }, of("nm", "Cnt"))
    assert.same({ "absolute wavenumber", "cm-1", "counts per second" }, of("1/cm abs", "Cnt/sec"))
    assert.same({ "energy", "eV", "counts" }, of("eV", "Cnt"))
    assert.equal("furlong", of("furlong", "Cnt")[2])
    assert.is_nil(of("nm", "glow")[3])
  end)

  it("reads lines and maps with their places, the first axis fastest", function()
    local set = assert(files.read(file(MAP)))
    assert.same({ 6, 3, 1 }, set.x:shape())
    assert.same({ "XA (um)", "YA (um)" }, set.columns)
    assert.same({ "-2", "0", "2", "-2", "0", "2" }, set.labels["XA (um)"])
    assert.same({ "-1", "-1", "-1", "1", "1", "1" }, set.labels["YA (um)"])
    assert.same({ 4, 4, 4 }, files.values(set, 4))
    assert.equal(-0.5, set.metadata[1].rotation)
    local line = { places = axis("0x2", "Y", "µm", "0 0.5") .. axis("0x3", "X", "µm", "0"),
      matrix = rows("1 1 1", "2 2 2") }
    assert.same({ "Y (um)" }, assert(files.read(file(line))).columns)
  end)

  it("refuses what is wrong", function()
    expect_refusal("no <LSX_Tree>", "<LSX_Data/>")
    expect_refusal("no spectral axis", file { x = "" })
    expect_refusal("no <LSX_Matrix>", file { matrix = "" })
    expect_refusal("no <LSX_Row>", file { matrix = "<LSX_Matrix/>" })
    expect_refusal("4 values in 1 spectra of 3 points", file { matrix = rows "1 2 3 4" })
    expect_refusal("<LSX_Row>: expected a number, got 3.5.1", file { matrix = rows "1 2 3.5.1" })
    expect_refusal("spectral axis: expected a number, got O", file { x = axis("0x1", "Spectr", "nm", "1 2 O") })
    expect_refusal("2 spectra at 1 places", file { matrix = rows("1 2 3", "1 2 3") })
  end)

  it("reads the complete spectra of a file that is cut off, if asked to", function()
    local whole = file(MAP)
    local cut = whole:sub(1, whole:find("5 5 5", 1, true) + 2)
    local set, message = files.read(cut)
    assert.is_nil(set)
    assert.matches("^line %d+: the file is cut off: 3 elements are not closed; partial = true reads what is complete$",
      message)
    set = assert(files.read(cut, { partial = true }))
    assert.same({ 4, 3, 1 }, set.x:shape())
    assert.same({}, set.columns)
    assert.equal("the file is cut off: 4 of 6 spectra are there", set.notes[2])
  end)

  it("survives damage", function()
    local path = os.tmpname()
    local _, refused = damage.all(mb.spectra.read, path, file(MAP))
    damage.all(function(name) return mb.spectra.read(name, { partial = true }) end, path, file(MAP))
    os.remove(path)
    assert.is_true(refused > 50)
  end)
end)

describe("labspec xml of instruments", function()
  for _, name in ipairs { "linescan", "map_x2-y2_rotated", "spec", "spec_3s_abs-cm-1", "spec_3s_cm-1" } do
    it(name, function()
      local path, reference = files.measured("labspec_xml/jobinyvon_test_" .. name .. ".xml")
      if not path then return pending(reference) end
      assert.same({}, index.differences(assert(mb.spectra.read(path)), reference))
    end)
  end
end)
