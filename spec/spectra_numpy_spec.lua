-- Spectra in NumPy's .npy and .npz, made by the published layout and by mb.save_npz.
local mb = require "moonbow"
local instruments = require "support.instruments"
local spectra_files = require "support.spectra_files"
local written = require "support.written"

local read, refuses, path, remove = written.file ".npy"
local values = written.values
teardown(remove)

local function npy(type, shape, data, fortran)
  local header = ("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }"):format(type, fortran and "True" or "False",
    shape)
  header = header .. (" "):rep(-(#header + 11) % 64) .. "\n"
  return "\x93NUMPY\1\0" .. string.pack("<I2", #header) .. header .. data
end

local x = npy("<f8", "2, 3", string.pack("<dddddd", 11, 12, 13, 21, 22, 23))
local wavelength = npy(">f4", "3,", string.pack(">fff", 400, 400.5, 401))

local function npz(members)
  local list = {}
  for i, member in ipairs(members) do list[i] = { member[1] .. ".npy", member[2] } end
  return spectra_files.zip(list)
end

local function counted(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return mb.tensor(list)
end

describe("a .npy file", function()
  it("holds spectra in rows, whose points are counted", function()
    local set = assert(read(x))
    assert.same({ 21, 22, 23 }, values(set, 2))
    assert.same({ 1, 2, 3 }, set.axis)
    assert.same({ "no axis for array: its points are counted" }, set.notes)
    set = assert(read(npy("<i2", "2, 3", string.pack("<i2i2i2i2i2i2", 11, 21, 12, 22, 13, 23), true)))
    assert.same({ 21, 22, 23 }, values(set, 2))
    set = assert(read(npy("<f2", "3,", string.pack("<I2I2I2", 0x3800, 0xc000, 0x7bff))))
    assert.same({ 0.5, -2, 65504 }, values(set))
    assert.same({ 1, 0, 1 }, values(assert(read(npy("|b1", "3,", "\1\0\1")))))
    assert.same({ 2, 3, 1 }, assert(read(npy("<f4", "2, 3, 1", ("\0"):rep(24)))).x:shape())
  end)

  it("holds x and y if it has two columns, of which the first rises or falls", function()
    local set = assert(read(npy("<f8", "3, 2", string.pack("<dddddd", 400.1, 1, 400.2, 5, 400.3, 2))))
    assert.same({ 400.1, 400.2, 400.3 }, set.axis)
    assert.same({ 1, 5, 2 }, values(set, 1))
    assert.same({ "its two columns are taken as x and y" }, set.notes)
    set = assert(read(npy("<f8", "3, 2", string.pack("<dddddd", 3, 2, 1, 1, 5, 2), true)))
    assert.same({ { 3, 2, 1 }, { 1, 5, 2 } }, { set.axis, values(set, 1) })
    set = assert(read(npy("<f8", "3, 2", string.pack("<dddddd", 1, 1, 3, 5, 2, 2))))
    assert.same({ 3, 2, 1 }, set.x:shape())
  end)

  it("with more dimensions gives labels of the others", function()
    local numbers = {}
    for i = 1, 12 do numbers[i] = i end
    local set = assert(read(npy("<f8", "2, 2, 3", string.pack(("<" .. ("d"):rep(12)), table.unpack(numbers)))))
    assert.same({ 7, 8, 9 }, values(set, 3))
    assert.same({ "1", "2", "1", "2" }, set.labels["dimension 2"])
    assert.same({ "1", "1", "2", "2" }, set.labels["dimension 1"])
  end)

  it("is refused if it is cut off, or holds something else", function()
    refuses(x:sub(1, -9), "array is cut off: 5 of 6 numbers are there")
    refuses(npy("|O", "2,", "xxxx"), "holds Python objects (pickles), which only Python can read (type '|O'); bool, "
      .. "integers and reals of up to 64 bits can be read")
    refuses(npy("<f8", "1,", ("\0"):rep(8)), "an array of one number")
    refuses(npy("<f8", "0,", ""), "an empty array of shape (0,); a tensor has elements")
  end)
end)

describe("a .npz file", function()
  it("says which way a square matrix is read", function()
    assert(mb.save_npz({ X = mb.tensor { { 1, 2 }, { 3, 4 } }, wavelength = counted(2) }, path))
    local set = assert(mb.spectra.read(path))
    assert.same({ 1, 2 }, values(set, 1))
    assert.same({ "X is square: its rows are taken as the spectra" }, set.notes)
  end)
  it("gives X as spectra, with axis and labels by their names and sizes", function()
    local set = assert(read(npz { { "X", x }, { "wavelength", wavelength },
      { "names", npy("<U2", "2,", string.pack("<I4I4I4I4", 97, 0, 0xb5, 0x10ffff)) },
      { "class", npy("|S3", "2,", "oil\0\0\0") }, { "y", npy("<i8", "2,", string.pack("<i8i8", 1, 2)) } }))
    assert.same({ 21, 22, 23 }, values(set, 2))
    assert.same({ 400, 400.5, 401 }, set.axis)
    assert.equal("nm", set.unit)
    assert.same({ "class", "names", "y" }, set.columns)
    assert.same({ "a", "µ\u{10ffff}" }, set.names)
    assert.same({ "oil", "" }, set.labels.class)
    assert.same({ "1", "2" }, set.labels.y)
  end)

  it("has no spectra in a variable of one letter beside others, and percent by its unit", function()
    for _, name in ipairs { "C", "T", "R" } do
      assert(mb.save_npz({ X = mb.ones(4, 9), [name] = mb.ones(4, 2) }, path))
      local set = assert(mb.spectra.read(path))
      assert.same({ 4, 9, { name .. " 1", name .. " 2" } }, { #set, set.length, set.columns })
    end
    assert(mb.save_npz({ T = mb.ones(4, 9) }, path))
    assert.equal("transmittance", mb.spectra.read(path).quantity)
    local roles = require "moonbow.spectra.roles"
    local quantity, percent = roles.quantity_of { name = "transmittance", attributes = { units = "%" } } -- of HDF5
    assert.same({ "transmittance", true }, { quantity, percent })
  end)

  it("has spectra along its spectral axis, with labels of their times, places and masses", function()
    for axis, name in pairs { wl = "minutes", lambda = "seconds", bands = "V", index = "foo", wavelength = "mass",
      nm = "minutes", x = "index", energy = "ppm", ["Raman shift"] = "um" } do
      assert(mb.save_npz({ X = mb.ones(4, 9), [axis] = counted(9), [name] = counted(4) }, path))
      local set = assert(mb.spectra.read(path))
      assert.same({ 4, 9, { name }, {} }, { #set, set.length, set.columns, set.notes })
    end
    local set = assert(read(npz { { "intensity", wavelength }, { "wl", wavelength }, { "minutes", wavelength } }))
    assert.same({ "wl", "intensity" }, { set.axis_name, set.quantity })
  end)

  it("is refused if spectra may run along both of its axes; a doubtful one is noted", function()
    for _, names in ipairs { { "two_theta", "energy" }, { "V", "seconds" }, { "foo", "minutes" } } do
      assert(mb.save_npz({ X = mb.ones(4, 9), [names[1]] = counted(9), [names[2]] = counted(4) }, path))
      local set, why = mb.spectra.read(path)
      assert.is_nil(set)
      assert.truthy(why:find("several variables may be the axis of X", 1, true))
    end
    assert(mb.save_npz({ X = mb.ones(4, 9), minutes = counted(4) }, path))
    local set = assert(mb.spectra.read(path))
    assert.same({ 4, { "minutes is taken as the axis, since it is as long as the columns of X" } },
      { set.length, set.notes })
  end)

  it("that moonbow wrote is read", function()
    assert(mb.save_npz({ spectra = mb.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }, nm = mb.tensor { 7, 8 } }, path,
      { compress = true }))
    local set = assert(mb.spectra.read(path))
    assert.same({ 5, 6 }, values(set, 3))
    assert.same({ 7, 8 }, set.axis)
  end)

  it("says what is not read", function()
    local set = assert(read(npz { { "X", x }, { "more", npy("|O", "1,", "x") } }))
    assert.truthy(set.notes[2]:find "not read: more %(holds Python objects")
    refuses(npz { { "names", npy("<U1", "1,", string.pack("<I4", 97)) } }, "it holds no spectra: names (text)")
  end)
end)

describe("a damaged NumPy file", function()
  it("raises nothing", function()
    instruments.survive(path, x)
    instruments.survive(path, npz { { "X", x }, { "wavelength", wavelength } })
    instruments.survive(path, spectra_files.zip({ { "X.npy", x }, { "t.npy", npy("<U1", "1,", "a\0\0\0") } }, true))
  end)
end)
