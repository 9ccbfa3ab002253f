-- MATLAB's files of levels 4 and 5, made by the published layout, and the measured ones.
local mb = require "moonbow"
local index = require "support.instrument_index"
local instruments = require "support.instruments"
local limits = require "moonbow.io.limits"
local mat = require "support.made_mat"
local spectra_files = require "support.spectra_files"
local written = require "support.written"

local read, refuses, path, remove = written.file ".mat"
local values = written.values
teardown(remove)

local X = { 11, 21, 12, 22, 13, 23 } -- 2 x 3, as MATLAB orders it
local x = mat.numbers("X", { 2, 3 }, X)
local wl = mat.numbers("wl", { 1, 3 }, { 400, 400.5, 401 })

local function reads(variables, options) return assert(read(mat.file(variables), options)) end

describe("a MATLAB file", function()
  it("gives the rows of X as spectra, with the axis and labels beside it", function()
    local set = reads { x, wl, mat.text("label", { "a ", "bc" }), mat.numbers("conc", { 2, 1 }, { 0.5, 1.5 }),
      mat.numbers("laser", { 1, 1 }, { 532 }), mat.text("operator", { "Ada" }) }
    assert.same({ 2, 3, 1 }, set.x:shape())
    assert.same({ 11, 12, 13 }, values(set, 1))
    assert.same({ 21, 22, 23 }, values(set, 2))
    assert.same({ 400, 400.5, 401 }, set.axis)
    assert.same({ "label", "conc" }, set.columns)
    assert.same({ "a", "bc" }, set.labels.label)
    assert.same({ "0.5", "1.5" }, set.labels.conc)
    assert.equal(532, set.metadata[1].laser)
    assert.equal("Ada", set.metadata[1].operator)
  end)

  it("gives columns as spectra if the axis has their length", function()
    local set = reads { x, mat.numbers("wavenumbers", { 2, 1 }, { 900, 800 }) }
    assert.same({ 3, 2, 1 }, set.x:shape())
    assert.same({ 12, 22 }, values(set, 2))
    assert.equal("cm-1", set.unit)
    assert.equal("falling", set.direction)
  end)

  it("takes a square matrix by rows", function()
    local set = reads { mat.numbers("X", { 2, 2 }, { 1, 2, 3, 4 }), mat.numbers("nm", { 1, 2 }, { 1, 2 }) }
    assert.same({ 1, 3 }, values(set, 1))
  end)

  it("reads each type of numbers, also stored as a smaller one, in both byte orders", function()
    for _, type in ipairs { "f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4" } do
      assert.same({ 11, 12, 13 }, values(reads { mat.numbers("X", { 2, 3 }, X, type), wl }, 1))
      assert.same({ 11, 12, 13 }, values(reads { mat.numbers("X", { 2, 3 }, X, "f8", type), wl }, 1))
    end
    local big = mat.big_endian(function() return mat.file { mat.numbers("X", { 2, 3 }, X, "f8", "i2"),
      mat.numbers("wl", { 1, 3 }, { 1.5, 2, 3 }) } end)
    local set = assert(read(big))
    assert.same({ 21, 22, 23 }, values(set, 2))
    assert.same({ 1.5, 2, 3 }, set.axis)
  end)

  it("is refused if its elements lie in each other", function()
    -- a cell of numbers, of which each has its own head, and for its values all that follows
    local tail = ("\0"):rep(2000)
    local number = mat.numbers("", { 1, 250 }, {}, "f8"):gsub("\9\0\0\0\0\0\0\0$", "\9\0\0\0\xd0\7\0\0")
    local bytes = mat.file { (mat.cell("c", { 1, 3 }, { number:rep(3) .. tail })), x, wl }
    refuses(bytes, ("its blocks overlap: they have %d bytes in a file of %d"):format(4049, #bytes))
  end)

  it("reads compressed variables", function()
    local set = reads { mat.compressed(x), mat.compressed(wl), mat.compressed(mat.text("label", { "a", "b" })) }
    assert.same({ 21, 22, 23 }, values(set, 2))
    assert.same({ "a", "b" }, set.labels.label)
  end)

  it("reads texts of cells, in UTF-8, UTF-16 and Latin-1, and names the spectra by them", function()
    local set = reads { x, wl, mat.cell("names", { 2, 1 }, { mat.utf8("", "µ"), mat.text("", { "p\xe9" }) }) }
    assert.same({ "µ", "pé" }, set.labels.names)
    assert.same({ "µ", "pé" }, set.names)
    set = reads { x, wl, mat.cell("class", { 2, 1 }, { mat.numbers("", { 1, 1 }, { 7 }), mat.empty() }) }
    assert.same({ "7", "" }, set.labels.class)
  end)

  it("reads one spectrum of two vectors", function()
    local set = reads { mat.numbers("y", { 3, 1 }, { 5, 6, 7 }), mat.numbers("x", { 3, 1 }, { 1, 2, 3 }) }
    assert.same({ 5, 6, 7 }, values(set, 1))
    assert.same({ 1, 2, 3 }, set.axis)
    refuses(mat.file { wl, mat.numbers("nil", { 1, 1 }, { 1 }) },
      "it holds an axis, but no spectra: wl (1 x 3), nil (1 x 1)")
  end)

  it("counts the points if no axis is there, and says so", function()
    local set = reads { x, mat.numbers("wl", { 0, 0 }, {}) }
    assert.same({ 1, 2, 3 }, set.axis)
    assert.same({ "no axis for X: its points are counted", "wl is empty" }, set.notes)
  end)

  it("holds x and y if its matrix has two columns, of which the first rises or falls", function()
    local laser = mat.numbers("laser", { 1, 1 }, { 532 })
    local set = reads { mat.numbers("AB", { 3, 2 }, { 900, 800, 700, 1, 2, 4 }), laser }
    assert.same({ { 900, 800, 700 }, { 1, 2, 4 } }, { set.axis, values(set, 1) })
    assert.same({ "absorbance", 532 }, { set.quantity, set.metadata[1].laser })
    assert.same({ "its two columns are taken as x and y" }, set.notes)
    assert.same({ 3, 2, 1 }, reads { mat.numbers("AB", { 3, 2 }, { 900, 800, 850, 1, 2, 4 }) }.x:shape())
  end)

  it("takes a vector without a known name as the axis by its length, and says so", function()
    local set = reads { x, mat.numbers("M", { 1, 3 }, { 3, 2, 1 }) }
    assert.same({ 3, 2, 1 }, set.axis)
    assert.same({ "M is taken as the axis, by its length" }, set.notes)
    set = reads { x, mat.numbers("M", { 1, 3 }, { 3, 1, 2 }) } -- neither rises nor falls
    assert.same({ 1, 2, 3 }, set.axis)
    set = reads { x, mat.numbers("conc", { 1, 2 }, { 1, 2 }) } -- of the rows
    assert.same({ 3 }, { set.length })
  end)

  it("takes the widest of matrices with as many rows, and the others as labels", function()
    local set = reads { mat.numbers("M", { 2, 2 }, { 1, 2, 3, 4 }), mat.numbers("A", { 2, 3 }, X) }
    assert.same({ "M 1", "M 2" }, set.columns)
    assert.same({ "3", "4" }, set.labels["M 2"])
    assert.equal("A is taken as the spectra, since it has most columns", set.notes[1])
  end)

  it("holds numbers as labels, whose points are decimal signs", function()
    local set = reads { mat.numbers("conc", { 2, 1 }, { 1.125, 900 }), mat.numbers("A", { 2, 3 }, X) }
    assert.same({ { 1.125 }, { 900 } }, set:targets("conc"):totable())
  end)

  it("is refused if several variables may be the spectra or the axis; block and axis choose", function()
    local file = mat.file { mat.numbers("A", { 2, 3 }, X), mat.numbers("B", { 2, 3 }, { 1, 2, 3, 4, 5, 6 }), wl }
    refuses(file, "several variables may be its spectra; it holds A (2 x 3), B (2 x 3), wl (1 x 3); "
      .. 'block = "NAME" and axis = "NAME" choose')
    assert.same({ 1, 3, 5 }, values(assert(read(file, { block = "B" })), 1))
    refuses(file, "no variable 'C'; it holds A (2 x 3), B (2 x 3), wl (1 x 3)", { block = "C" })
    file = mat.file { x, wl, mat.numbers("nm", { 1, 3 }, { 1, 2, 3 }),
      mat.numbers("wavelength", { 1, 3 }, { 4, 5, 6 }) }
    refuses(file, "several variables may be the axis of X; it holds X (2 x 3), wl (1 x 3), nm (1 x 3), "
      .. 'wavelength (1 x 3); block = "NAME" and axis = "NAME" choose')
    assert.same({ 400, 400.5, 401 }, assert(read(file, { axis = "wl" })).axis)
    refuses(mat.file { x, wl, mat.numbers("c", { 1, 4 }, { 1, 2, 3, 4 }) }, "the axis c (1 x 4) does not fit X (2 x 3)",
      { axis = "c" })
    refuses(mat.file { x, wl }, "no variable 'c' for the axis; it holds X (2 x 3), wl (1 x 3); "
      .. 'block = "NAME" and axis = "NAME" choose', { axis = "c" })
  end)

  it("names the spectra of several structs, and of one that is chosen", function()
    local one = mat.struct("one", { { "X", x }, { "wl", wl } })
    local two = mat.struct("two", { { "inner", mat.struct("", { { "X", x }, { "wl", wl } }) } })
    local set = reads { one, two }
    assert.same({ "one", "one", "two.inner", "two.inner" }, set.labels.group)
    assert.equal(2, #reads({ one, two }, { block = "two.inner" }).names)
    assert.equal(2, #reads({ one, two }, { block = 2 }).names)
    refuses(mat.file { one, two }, "no block 3: 2 groups may hold spectra", { block = 3 })
  end)

  it("says what is not read", function()
    local complex = mat.numbers("Z", { 1, 1 }, { 1 }, "f8", nil, 0x800)
    local set = reads { x, wl, mat.other("S", 5), mat.other("f", 16), complex }
    assert.same({ "not read: S (a sparse matrix)", "not read: f (a function)", "not read: Z (complex numbers)" },
      set.notes)
    refuses(mat.file { mat.other("S", 5) }, "it holds no spectra: S (a sparse matrix)")
    refuses(mat.file {}, "a MATLAB file without variables")
  end)

  it("of level 4 is read in both byte orders", function()
    local function file() return mat.level4("X", 2, 3, X) .. mat.level4("wl", 1, 3, { 4, 5, 6 })
      .. mat.level4("t", 2, 2, { 65, 66, 67, 68 }, 1) end
    for _, bytes in ipairs { file(), mat.big_endian(file) } do
      local set = assert(read(bytes))
      assert.same({ 21, 22, 23 }, values(set, 2))
      assert.same({ 4, 5, 6 }, set.axis)
      assert.same({ "AC", "BD" }, set.labels.t)
    end
    refuses(file():sub(1, -3), "the file is cut off: 2 of more than 2 variables are there; partial = true reads them")
    assert.is_nil(assert(read(file():sub(1, -3), { partial = true })).labels.t)
  end)
end)

describe("a dataset object", function()
  local function object(fields, class)
    local all = { { "data", mat.numbers("", { 2, 3 }, X, "f4") } }
    return { mat.struct("d", table.move(fields, 1, #fields, 2, all), class) }
  end
  local scale = { "axisscale", mat.cell("", { 2, 2 }, { mat.numbers("", { 1, 2 }, { 0, 0.4 }),
    mat.numbers("", { 1, 3 }, { 100, 200, 300 }), mat.utf8("", "µm"), mat.text("", { "rel. 1/cm" }) }) }

  it("gives rows as spectra, with its scales, labels and classes", function()
    local none = mat.empty()
    local set = reads(object({ scale, { "name", mat.text("", { "a line" }) },
      { "date", mat.numbers("", { 1, 6 }, { 2015, 7, 9, 13, 35, 16 }) },
      { "label", mat.cell("", { 2, 2 }, { mat.text("", { "p", "q" }), none, mat.text("", { "who" }), none }) },
      { "class", mat.cell("", { 2, 2 }, { mat.numbers("", { 1, 2 }, { 2, 1 }), none, none, none }) },
      { "classlookup", mat.cell("", { 2, 1 }, { none, none }) },
      { "include", mat.cell("", { 2, 1 }, { mat.numbers("", { 1, 1 }, { 2 }), none }) } }, "dataset"))
    assert.same({ 11, 12, 13 }, values(set, 1))
    assert.same({ 100, 200, 300 }, set.axis)
    assert.same({ "cm-1", "Raman shift" }, { set.unit, set.axis_name })
    assert.same({ "who", "class", "µm" }, set.columns)
    assert.same({ "p", "q" }, set.names)
    assert.same({ "0", "0.4" }, set.labels["µm"])
    assert.same({ "2", "1" }, set.labels.class)
    assert.equal("2015-07-09 13:35:16", set.metadata[1].date)
    assert.same({ "the dataset object includes 1 of its 2 rows; all are read" }, set.notes)
  end)

  it("names its classes", function()
    local lookup = mat.cell("", { 2, 2 }, { mat.numbers("", { 1, 1 }, { 1 }), mat.numbers("", { 1, 1 }, { 2 }),
      mat.text("", { "oil" }), mat.text("", { "fat" }) })
    local classes = mat.cell("", { 2, 1 }, { mat.numbers("", { 1, 2 }, { 2, 1 }), mat.empty() })
    local set = reads(object({ scale, { "class", classes },
      { "classlookup", mat.cell("", { 2, 1 }, { lookup, mat.empty() }) } }, "dataset"))
    assert.same({ "fat", "oil" }, set.labels.class)
  end)

  it("may have an empty axis, and none of another length", function()
    local function with(list) return mat.file(object({ { "axisscale", mat.cell("", { 2, 1 }, { mat.empty(),
      mat.numbers("", { 1, #list }, list) }) } }, "dataset")) end
    local set = assert(read(with {}))
    assert.same({ "its axisscale is empty: the points are counted" }, set.notes)
    refuses(with { 1, 2 }, "an axisscale of 2 values for 3 columns")
  end)
end)

describe("a damaged MATLAB file", function()
  it("is refused with what could be read; partial reads it", function()
    local bytes = mat.file { x, wl, mat.text("label", { "a", "b" }) }
    refuses(bytes:sub(1, -9), "the file is cut off: 2 of more than 2 variables are there; partial = true reads them")
    assert.same({}, assert(read(bytes:sub(1, -9), { partial = true })).columns)
  end)

  it("is refused with the place", function()
    local file = mat.file { x }
    local function changed(place, with) return file:sub(1, place) .. with .. file:sub(place + 1 + #with) end
    refuses(changed(128, string.pack("<I4", 13)), "byte 128: an element of type 13, expected a variable")
    refuses(changed(160, string.pack("<i4i4", 1 << 30, 1 << 30)),
      "byte 152: an impossible shape (1073741824 x 1073741824)")
    refuses(changed(160, string.pack("<i4", -2)), "byte 152: an impossible shape (-2)")
    refuses(changed(160, string.pack("<i4", 200)), "byte 176: X (200 x 3) has 600 numbers in 48 bytes")
    refuses(changed(156, string.pack("<I4", 4)), "byte 152: a shape of 1 sizes")
    refuses(changed(176, string.pack("<I4", 99)), "byte 176: numbers of type 99 in X")
    refuses(mat.file { mat.compressed(x):sub(1, 12) .. "garbage" .. mat.compressed(x):sub(20) },
      "byte 136: a compressed variable is damaged")
    local variable = x
    for _ = 1, limits.depth do variable = mat.cell("c", { 1, 1 }, { variable }) end
    assert.truthy(select(2, read(mat.file { variable })):find "more than 100 levels")
  end)

  it("unpacks no more than mb.limits allows", function()
    local zeros = {}
    for i = 1, 20000 do zeros[i] = 0 end
    local before = limits.unpacked
    mb.limits.unpacked = 100000
    local set, message = read(mat.file { mat.compressed(mat.numbers("X", { 100, 200 }, zeros)) })
    mb.limits.unpacked = before
    assert.is_nil(set)
    assert.truthy(message:find "its compressed variables have more than limits.unpacked = 100000 bytes")
  end)

  it("raises nothing", function()
    for _, bytes in ipairs(mat.seeds()) do instruments.survive(path, bytes) end
  end)
end)

describe("measured MATLAB files", function()
  local function measured(name, use)
    local file, reference = spectra_files.measured(name)
    if not file then pending(reference) else use(file, reference) end
  end

  it("hold what scipy finds in them", function()
    local labels = { metas_numeric = { "M 1", "M 2", "N" }, metas_string = { "M" }, simple = {}, wavenumbers = {} }
    for name, expected in pairs(labels) do
      measured("mat/" .. name .. ".mat", function(file)
        local set = assert(mb.spectra.read(file))
        assert.same({ 5, 6, 7 }, values(set, 1))
        assert.same({ 4, 5, 6 }, values(set, 2))
        assert.same(expected, set.columns)
        assert.same(name == "wavenumbers" and { 0, 0.5, 1 } or { 1, 2, 3 }, set.axis)
      end)
    end
  end)

  it("without numbers are refused", function()
    measured("mat/only_annotations.mat", function(file)
      assert.equal(file .. ": it holds no spectra: M (text)", select(2, mb.spectra.read(file)))
    end)
  end)

  it("hold the spectra of their twin", function()
    measured("mat/synthetic_nirs_v5.mat", function(file, reference)
      local set = assert(mb.spectra.read(file))
      assert.same({}, index.differences(set, reference.nirs4all))
      assert.equal("nm", set.unit)
      assert.equal("S049", set.labels.sample_ids[50])
    end)
  end)

  it("of WITec are dataset objects", function()
    measured("witec_mat/LineX.mat", function(file, reference)
      local set = assert(mb.spectra.read(file))
      local data = reference.variables.LineX_000_SpecData_1.struct.data
      assert.same({ 50, 1024, 1 }, set.x:shape())
      assert.same({ data.first, data.last }, { values(set, 1)[1], values(set, 50)[1024] })
      local sum = 0
      for row = 1, 50 do
        for _, value in ipairs(values(set, row)) do sum = sum + value end
      end
      assert.equal(data.sum, sum)
      assert.equal("Raman shift", set.axis_name)
      assert.equal("19.6", set.labels["µm"][50])
    end)
  end)
end)
