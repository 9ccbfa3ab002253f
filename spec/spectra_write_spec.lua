-- Spectra as files: what mb.spectra.write writes, mb.spectra.read reads back. Other readers were tried by hand: pandas
-- and NumPy for CSV, XY, npy and npz, jcamp 1.3.2 and nmrglue 0.12 for JCAMP-DX; they give the same numbers.
local lfs = require "lfs"
local mb = require "moonbow"
local files = require "support.spectra_files"
local temporary_folder = require "support.temporary_folder"

local folder, path

local function content()
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

local function noise(n, length, scale) return mb.rng(1):normal(0, scale or 1, n, length) end

local function raman(n)
  return mb.spectra.set { x = noise(n, 50), axis = { first = 400, last = 500, points = 50 }, unit = "cm-1",
    axis_name = "Raman shift", quantity = "counts", metadata = { laser = 785.25, operator = "me" },
    labels = { species = { "a", 'b,"c"', "#d", " e " }, dose = { 1, 0.1, 2, 3 } } }
end

-- Writes, reads and compares the numbers.
local function there_and_back(spectra, options, tolerance)
  assert.is_true(mb.spectra.write(spectra, path, options))
  local back = assert(mb.spectra.read(path))
  assert.same({ #spectra, spectra.length }, { #back, back.length })
  for i = 1, #spectra do assert.same(files.values(spectra, i), files.values(back, i)) end
  for t, value in ipairs(spectra.axis) do assert.near(value, back.axis[t], tolerance or 0) end
  return back
end

local function before() folder = temporary_folder() end

local function after()
  for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
end

describe("CSV", function()
  before_each(before)
  after_each(after)

  it("gives back numbers, the axis and labels", function()
    path = folder .. "/a.csv"
    local back = there_and_back(raman(4))
    assert.same({ "a", 'b,"c"', "#d", "e" }, { back.labels.species[1], back.labels.species[2], back.labels.species[3],
      (back.labels.species[4]:match "^%s*(.-)%s*$") })
    assert.same({ "1", "0.1", "2", "3" }, back.labels.dose)
    assert.same({ "1", "2", "3", "4" }, back.labels.name)
    assert.same({ "Raman shift", "cm-1", "counts" }, { back.axis_name, back.unit, back.quantity })
    assert.same({ 785.25, "me" }, { back.metadata[1].laser, back.metadata[1].operator })
    local uneven = mb.spectra.set { x = noise(2, 3, 1e-30), axis = { 0.1, 1 / 3, 1e5 } }
    there_and_back(uneven)
    there_and_back(uneven, { separator = ";" })
  end)

  it("says what the axis and the values are", function()
    path = folder .. "/a.csv"
    assert(mb.spectra.write(mb.spectra.set { x = { 0.5, 1 }, axis = { 400, 401 }, unit = "cm-1", quantity = "%T",
      metadata = { laser = 785.25, ["a:b"] = 1 } }, path))
    assert.equal("# xunits: wavenumber (cm-1)\n# yunits: transmittance (%)\n# laser: 785.25\nname,400,401\n1,0.5,1\n",
      content())
  end)

  it("says it once, also of a set that was read from such a file and changed", function()
    path = folder .. "/a.csv"
    local set = mb.spectra.set { x = { 0.5, 1 }, axis = { 400, 401 }, unit = "nm", quantity = "counts" }
    assert(mb.spectra.write(set, path))
    set = assert(mb.spectra.read(path)):with { unit = "cm-1", quantity = "absorbance" }
    assert(mb.spectra.write(set, path))
    assert.equal("# xunits: wavenumber (cm-1)\n# yunits: absorbance\nname,400,401\n1,0.5,1\n", content())
  end)

  it("refuses what would not read back", function()
    path = folder .. "/a.csv"
    local set = mb.spectra.set { x = noise(1, 2), axis = { 1, 2 }, labels = { ["400"] = { "a" } } }
    assert.has_error(function() mb.spectra.write(set, path) end,
      "write: labels: a column named '400' would read as a value of the axis")
    set = mb.spectra.set { x = noise(1, 2), axis = { 1, 2 }, labels = { ["1,5"] = { "a" } } }
    assert.has_error(function() mb.spectra.write(set, path) end,
      "write: labels: a column named '1,5' would read as a value of the axis")
    assert.has_error(function() mb.spectra.write(mb.spectra.set { x = { { 1 }, { 2 } }, axis = { 5 } }, path) end,
      "write: axis: expected at least 2 points, got 1, which beside the names would read as x and y")
    assert.has_error(function() mb.spectra.write(files.repeated { 1, 2, 2, 3 }, path) end,
      "write: axis: the axis holds 2 twice; XY takes a few points that are equal")
    local holes = mb.spectra.set { x = { 0 / 0, 1 }, axis = { 1, 2 } }
    assert.has_error(function() mb.spectra.write(holes, path) end, "write: x: expected finite values, 1 are NaN")
    assert.is_nil(lfs.attributes(path))
  end)
end)

describe("XY", function()
  before_each(before)
  after_each(after)

  it("gives back numbers and the axis", function()
    path = folder .. "/a.xy"
    for _, set in ipairs { raman(4):select { 1 }, raman(4) } do
      local back = there_and_back(set)
      assert.same({ "Raman shift", "cm-1", "counts" }, { back.axis_name, back.unit, back.quantity })
    end
    there_and_back(mb.spectra.set { x = noise(1, 3, 1e30), axis = { 0.1, 1 / 3, 1e5 } }, { separator = "," })
  end)

  it("names columns without separators", function()
    path = folder .. "/a.xy"
    local set = mb.spectra.set { x = { { 1, 2 }, { 3, 4 } }, axis = { 5, 6 }, names = { "a\tb", "c#" } }
    assert(mb.spectra.write(set, path))
    assert.equal("x\ta b\tc\n5\t1\t3\n6\t2\t4\n", content())
  end)

  it("names columns so that they read as spectra", function()
    path = folder .. "/a.xy"
    local function written(names, axis, options)
      local rows = {}
      for i = 1, #names do rows[i] = { i, 2, 3 } end
      local set = mb.spectra.set { x = rows, axis = axis or { 5, 6, 7 }, names = names }
      return there_and_back(set, options).names
    end
    assert.same({ "1", "2" }, written({ "1", "2" }))
    assert.same({ "spectrum 1", "spectrum 2" }, written({ "1", "2" }, { 1, 2, 3 }))
    assert.same({ "spectrum 1", "b" }, written({ "400", "b" }))
    assert.same({ "a", "spectrum 2", "spectrum 3", "spectrum 4", "b c", "spectrum 6" },
      written({ "a", "sigma", "nm", "", "b c", "Absorbance" }))
    assert.same({ "spectrum_1", "a_b" }, written({ "counts", "a b" }, nil, { separator = " " }))
    assert.same({ "a", "b", "C", "T" }, written { "a", "b", "C", "T" })
  end)

  it("keeps the kind of the values of a spectrum that is named as another", function()
    path = folder .. "/a.xy"
    for name, kind in pairs { T = { "counts" }, Absorbance = { "transmittance" }, R = { "reflectance", true },
      Transmittance = { "transmittance", true }, ["T (%)"] = { "transmittance" }, Ab = {} } do
      local set = mb.spectra.set { x = { { 1, 2, 3 } }, axis = { 5, 6, 7 }, names = { name }, quantity = kind[1],
        percent = kind[2] }
      local back = there_and_back(set)
      assert.same({ kind[1], kind[2] }, { back.quantity, back.percent }, name)
    end
  end)

  it("refuses an axis that would not read back", function()
    path = folder .. "/a.xy"
    assert.has_error(function() mb.spectra.write(mb.spectra.set { x = { { 1 }, { 2 } }, axis = { 5 } }, path) end,
      "write: axis: expected at least 2 points, got 1, beside which spectra in columns would not read back")
    local twice = files.repeated { 1, 2, 2, 3 }
    assert.has_error(function() mb.spectra.write(twice, path) end,
      "write: axis: the axis holds 2 twice, too often for XY")
  end)

  it("of rows that count come back with as many points", function()
    local source, missing = files.shared "coffee_ftir/ucr/Coffee_TRAIN.txt"
    if not source then return pending(missing) end
    path = folder .. "/a.xy"
    there_and_back(assert(mb.spectra.read(source)))
  end)
end)

describe("NumPy's files", function()
  before_each(before)
  after_each(after)

  it("hold the values, and the axis in double precision", function()
    path = folder .. "/a.npy"
    local set = raman(4)
    assert.is_true(mb.spectra.write(set, path))
    assert.same({ 4, 50 }, mb.load_npy(path):shape())
    assert.same(set.x:reshape(4, 50):totable(), mb.load_npy(path):totable())
    path = folder .. "/a.npz"
    assert.is_true(mb.spectra.write(set, path))
    local arrays, about = mb.load_npz(path)
    assert.same(set.x:reshape(4, 50):totable(), arrays.spectra:totable())
    assert.equal("float64", about.axis.type)
    for t, value in ipairs(set.axis) do assert.near(value, arrays.axis:get(t), 1e-4) end
    local bytes = content()
    assert.truthy(bytes:find(string.pack("<ddd", set.axis[2], set.axis[3], set.axis[4]), 1, true))
    there_and_back(set)
  end)
end)

describe("JCAMP-DX", function()
  before_each(before)
  after_each(after)

  it("gives back numbers, labels and metadata, as AFFN and DIFDUP", function()
    path = folder .. "/a.jdx"
    for _, form in ipairs { "AFFN", "DIFDUP" } do
      for _, set in ipairs { raman(4), raman(4):select { 2 } } do
        local back = there_and_back(set, { form = form }, 1e-12)
        assert.same({ "Raman shift", "cm-1", "counts" }, { back.axis_name, back.unit, back.quantity })
        assert.same(set.names, back.names)
        assert.same(set.columns, back.columns)
        assert.equal(set.labels.dose[1], back.labels.dose[1])
        assert.same({ 785.25, "me" }, { back.metadata[1].laser, back.metadata[1].operator })
        assert.same({}, back.notes)
      end
    end
  end)

  it("keeps units and kinds of values", function()
    path = folder .. "/a.jdx"
    for _, row in ipairs { { "nm", "wavelength", "absorbance" }, { "cm-1", "wavenumber", "transmittance", true },
      { "deg", "2theta", "counts per second" }, { "ppm", "chemical shift", "intensity" }, { "Hz", "frequency" },
      { "um", "wavelength", "Kubelka-Munk" }, { "s", "time", "log(1/R)" }, { "eV", "energy", "reflectance" } } do
      local set = mb.spectra.set { x = { 0.5, 0.25, 1 }, axis = { 3, 2, 1 }, unit = row[1], axis_name = row[2],
        quantity = row[3], percent = row[4] }
      local back = there_and_back(set)
      assert.same(row, { back.unit, back.axis_name, back.quantity, back.percent })
    end
  end)

  it("keeps fractions beyond 2, as noise has them, fractions", function()
    path = folder .. "/a.jdx"
    for _, quantity in ipairs { "transmittance", "reflectance" } do
      local set = mb.spectra.set { x = { { 0.5, 0.25, 1 }, { 0.5, 2.5, 1 } }, axis = { 3, 2, 1 }, unit = "nm",
        quantity = quantity }
      local back = there_and_back(set)
      assert.same({ quantity, {}, {} }, { back.quantity, back.columns, back.notes })
      assert.is_nil(back.percent)
      assert.is_nil(back.metadata[2]["VALUES IN PERCENT"])
    end
  end)

  it("scales values by powers of ten or two, so that they come back", function()
    path = folder .. "/a.jdx"
    local function factor() return content():match "##YFACTOR= (%S+)" end
    local axis = { first = 1, last = 4, points = 4 }
    for _, row in ipairs { { { 1, 5, -7, 30000 }, "1" }, { { 0.12, 0.5, 12.25, 0 }, "0.01" }, { { 0, 0, 0, 0 }, "1" },
      { { 0.1234567, 0.5, 0.25, -1.5 }, "1e-07" }, { { 2 ^ 40, 2 ^ 41, 0, -2 ^ 40 }, "1024" } } do
      there_and_back(mb.spectra.set { x = row[1], axis = axis }, { form = "DIFDUP" })
      assert.equal(row[2], factor())
    end
    there_and_back(mb.spectra.set { x = { 1e-6, 1.1, 2.2, 3.3 }, axis = axis }, { form = "DIFDUP" })
    -- A ratio beyond 2^28 is rounded in DIFDUP, and kept in AFFN.
    local wide = mb.spectra.set { x = { 1e-20, 1.1, 2.2, 3.3 }, axis = axis }
    there_and_back(wide)
    assert(mb.spectra.write(wide, path, { form = "DIFDUP" }))
    assert.same({ 0, files.values(wide)[2] }, { table.unpack(files.values(assert(mb.spectra.read(path))), 1, 2) })
  end)

  it("writes runs with counts of one digit, which all readers take", function()
    path = folder .. "/a.jdx"
    local set = mb.spectra.set { x = mb.ones(30), axis = { first = 1, last = 30, points = 30 } }
    there_and_back(set, { form = "DIFDUP" })
    assert.truthy(content():find("\n1.000A%s%s%s%T\n30.000A\n", 1, true))
  end)

  it("writes uneven axes as pairs, exactly", function()
    path = folder .. "/a.jdx"
    local set = mb.spectra.set { x = { 1.5, -2e-9, 3 }, axis = { 0.1, 1 / 3, 1e5 }, unit = "nm" }
    there_and_back(set)
    assert.has_error(function() mb.spectra.write(set, path, { form = "DIFDUP" }) end,
      "write: form: DIFDUP needs an even axis; AFFN writes pairs of numbers")
  end)

  it("keeps apart labels that differ behind a sign of comments", function()
    path = folder .. "/a.jdx"
    local set = mb.spectra.set { x = noise(2, 4), axis = { 1, 2, 3, 4 }, names = { "$$ 1", "a$$$b" },
      labels = { kind = { "a $$ b", "a $$ c" } } }
    local back = there_and_back(set)
    assert.same({ { "a $ $ b", "a $ $ c" }, { "$ $ 1", "a$ $ $b" } }, { back.labels.kind, back.names })
  end)

  it("writes NaN as '?', and keeps labels from becoming records", function()
    path = folder .. "/a.jdx"
    local set = mb.spectra.set { x = { 1, 0 / 0, 3 }, axis = { 1, 2, 3 }, metadata = { note = "x\n##END=\n$$ y" } }
    local back
    for _, axis in ipairs { { 1, 2, 4 }, { 1, 2, 3 } } do
      assert(mb.spectra.write(set:with { axis = axis }, path))
      back = assert(mb.spectra.read(path))
      local values = files.values(back)
      assert.truthy(values[2] ~= values[2])
      assert.same({ 1, 3 }, { values[1], values[3] })
    end
    assert.equal("x\n# #END=\n$ $ y", back.metadata[1].note)
    assert.has_error(function() mb.spectra.write(set, path, { form = "DIFDUP" }) end,
      "write: x: expected finite values, 1 are NaN")
  end)

  it("of a measured file gives the same numbers", function()
    local source, missing = files.measured "jcamp/jcamp-difdup.jdx"
    if not source then return pending(missing) end
    path = folder .. "/a.jdx"
    there_and_back(assert(mb.spectra.read(source)), { form = "DIFDUP" })
  end)
end)

-- A set whose names, labels and metadata may read as something else, of few spectra and points.
local function draw(rng)
  local words = { "sigma", "counts", "Absorbance", "", "nm", "x", "x1", "1,5", "1.5", "X400", "400 nm", "a b",
    "y error", "C", "T", "name", "k: v", "class", "2", "#1", '"', "µm", "%" }
  local function pick(list) return list[rng:integers(1, #list + 1)] end
  local forms = { function() return rng:normal(0, 1) end, function() return rng:integers(0, 900) end,
    function() return rng:integers(0, 80) / 8 end }
  local n, length, form, sorted = rng:integers(1, 7), rng:integers(1, 8), pick(forms), rng:integers(1, 4) == 1
  local first, step = pick { 1, 0, 500.5, 1.125, 990 }, pick { 1, 0.125, -7 }
  local set = { x = {}, axis = {}, names = {}, labels = {}, metadata = { note = pick { "400,401", "5\t6\t7", "a" } } }
  for t = 1, length do set.axis[t] = first + step * (t - 1) end
  local name = rng:integers(1, 3) == 1 and tostring or function() return pick(words) end
  local label = ({ "dose", "energy", "a b" })[rng:integers(1, 5)]
  if label then set.labels[label] = {} end
  for i = 1, n do
    set.x[i], set.names[i] = {}, name(i)
    for t = 1, length do set.x[i][t] = form() end
    if sorted then table.sort(set.x[i]) end
    if label then set.labels[label][i] = pick { pick(words), i } end
  end
  set.unit = pick { "cm-1", "nm", "points" }
  return mb.spectra.set(set)
end

describe("a small set with odd names", function()
  before_each(before)
  after_each(after)

  it("comes back from every format of text, or is refused", function()
    local rng, refused, count = mb.rng(5), 0, 0
    for _ = 1, 80 do
      local set = draw(rng)
      for _, way in ipairs { { "csv", "," }, { "csv", ";" }, { "csv", " " }, { "xy", "\t" }, { "xy", "," },
        { "xy", " " }, { "jdx" } } do
        path, count = folder .. "/a." .. way[1], count + 1
        local options = { separator = way[2] }
        local ok, why = pcall(mb.spectra.write, set, path, options)
        if ok then there_and_back(set, options, 1e-9) else refused = refused + 1 end
        assert.is_true(ok or set.length == 1 and why:find "got 1, " ~= nil or why:find "second header" ~= nil
          or set.length < 3 and why:find "between blanks" ~= nil, why)
      end
    end
    assert.is_true(refused < count / 5, refused)
  end)
end)

describe("write", function()
  before_each(before)
  after_each(after)

  it("gives numbers as labels decimal signs that are no separators of thousands", function()
    local set = raman(4):select({ 1, 2 }):with { labels = { fat = { 1.125, 900 }, code = { "1.125", "900" } } }
    for _, name in ipairs { "a.csv", "a.jdx" } do
      path = folder .. "/" .. name
      local back = there_and_back(set, nil, 1e-12)
      assert.same({ { 1.125 }, { 900 } }, back:targets("fat"):totable())
      assert.same({ "1.125", "900" }, back.labels.code)
      os.remove(path)
    end
    assert.is_true(mb.spectra.write(set, folder, { each = true, format = "csv" }))
    assert.same({ { 1.125 }, { 900 } }, assert(mb.spectra.read(folder, { verbose = false })):targets("fat"):totable())
  end)

  it("writes a file for each spectrum, by its name", function()
    path = folder
    local set = raman(4):with { names = { "a.txt", "A", "b/c", "" } }
    assert.is_true(mb.spectra.write(set, folder, { each = true, format = "jcamp" }))
    local names = {}
    for name in lfs.dir(folder) do names[#names + 1] = name:match "^[^.].*" end
    table.sort(names)
    assert.same({ "4.jdx", "A_2.jdx", "a.jdx", "b_c.jdx" }, names)
    assert.equal(4, #assert(mb.spectra.read(folder, { verbose = false })))
  end)

  it("writes a file for each spectrum, whatever their names", function()
    path = folder
    local set = mb.spectra.set { x = { { 1, 2 }, { 3, 4 }, { 5, 6 } }, axis = { 1, 2 }, names = { "x_3", "x", "x" } }
    assert.is_true(mb.spectra.write(set, folder, { each = true, format = "csv" }))
    assert.equal(3, #assert(mb.spectra.read(folder, { verbose = false })))
  end)

  it("takes sets, paths and known formats only", function()
    local set = raman(4)
    local function refuses(message, ...)
      local arguments = table.pack(...)
      assert.has_error(function() mb.spectra.write(table.unpack(arguments, 1, arguments.n)) end, message)
    end
    refuses("write: spectra: expected spectra, as mb.spectra.read returns them, got 1", 1, "a.csv")
    refuses("write: path: expected a string, got nil", set)
    refuses("write: path: no format has the suffix 'foo'; give format: 'csv', 'xy', 'npy', 'npz', 'jcamp'", set,
      "a.foo")
    refuses("write: format: expected one of 'csv', 'xy', 'npy', 'npz', 'jcamp', got 'cvs' (did you mean 'csv'?)", set,
      "a", { format = "cvs" })
    refuses("write: separator: expected ',', ';', a tab or a blank, got '|'", set, "a.csv", { separator = "|" })
    refuses("write: form: expected one of 'AFFN', 'DIFDUP', got 'DIF'", set, "a.jdx",
      { form = "DIF" })
    local ok, message = mb.spectra.write(set, folder .. "/none/a.csv")
    assert.is_nil(ok)
    assert.truthy(message:find("could not be written", 1, true))
  end)
end)
