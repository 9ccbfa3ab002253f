-- Spectra in HDF5, by the files in spec/corpus/hdf5, which h5py 3.16, hdf5storage 0.2 and RosettaSciIO wrote, and the
-- measured ones.
-- Where moonbow was built without libhdf5, they are refused with its name.
local mb = require "moonbow"
local damage = require "support.damage"
local arrays = require "moonbow.spectra.arrays"
local hdf5 = require "moonbow.io.hdf5"
local hyperspy = require "moonbow.spectra.hdf5.hyperspy"
local index = require "support.instrument_index"
local level73 = require "moonbow.spectra.mat.level73"
local Source = require "moonbow.spectra.source"
local Tree = require "moonbow.spectra.hdf5.tree"
local spectra_files = require "support.spectra_files"
local written = require "support.written"

local folder = "spec/corpus/hdf5/"
local bytes, values = spectra_files.bytes, written.values
local read, refuses, _, remove = written.file ".h5"
teardown(remove)

local is_built = pcall(require, "moonbow.hdf5")

describe("without libhdf5", function()
  it("HDF5 is refused by its name, or with why it cannot be loaded", function()
    local module, preload = package.loaded["moonbow.hdf5"], package.preload
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = nil, function()
      error "module 'moonbow.hdf5' not found"
    end
    refuses(bytes(folder .. "plain.h5"), "it is an HDF5 file, and moonbow was built without libhdf5")
    preload["moonbow.hdf5"] = function() error("libhdf5.so: cannot map memory", 0) end
    refuses(bytes(folder .. "plain.h5"), "moonbow.hdf5 cannot be loaded: libhdf5.so: cannot map memory")
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = module, nil
  end)
end)

if not is_built then return end

describe("moonbow.io.hdf5", function()
  it("lists all objects of a file, whatever their addresses", function()
    local objects = {}
    for i = 1, 300 do objects[i] = { path = ("/%03d"):format(i), shape = { 1 }, bytes = "\0\0\0\0" } end
    local found = assert(hdf5.objects(require("moonbow.hdf5").image(objects)))
    assert.equal(301, #found)
    for i = 1, 300 do assert.equal(objects[i].path, found[i + 1].path) end
  end)
end)

local function reads(name, options) return assert(mb.spectra.read(folder .. name, options)) end

local function refused(name, message, options)
  local set, err = mb.spectra.read(folder .. name, options)
  assert.is_nil(set)
  assert.equal(folder .. name .. ": " .. message, err)
end

describe("an HDF5 file", function()
  it("gives the dataset named spectra, with axis, units and labels beside it", function()
    local set = reads "plain.h5"
    assert.same({ 101, 102, 103, 104, 105, 106 }, values(set, 1))
    assert.same({ 401, 406 }, { values(set, 4)[1], values(set, 4)[6] })
    assert.same({ 400, 500, 600, 700, 800, 900 }, set.axis)
    assert.same({ "nm", "absorbance", "its units is absorbance" }, { set.unit, set.quantity, set.decided })
    assert.same({ "fixed", "flags", "protein", "sample_ids" }, set.columns)
    assert.same({ "p", "q", "r", "s" }, set.labels.fixed)
    assert.same({ "1", "0", "1", "0" }, set.labels.flags)
    assert.same({ "1.5", "2.5", "3.5", "4.5" }, set.labels.protein)
    assert.same({ "a", "b", "c", "d" }, set.names)
    assert.same({ "made", 3 }, { set.metadata[1].instrument, set.metadata[1].runs })
    assert.same({ "not read: pairs (compound)", 'also there: reflectance (4 x 6); block = "reflectance" chooses it' },
      set.notes)
  end)

  it("gives what block and axis name", function()
    assert.equal("reflectance", reads("plain.h5", { block = "/reflectance" }).quantity)
    assert.same({ 10, 11, 12, 13, 14 }, reads("nexus.h5", { block = "entry/old", axis = "two_theta" }).axis)
    assert.same({ 10, 11, 12, 13, 14 }, reads("nexus.h5", { block = "entry/old/I" }).axis)
    assert.same({ 201, 206 }, { values(reads("groups.h5", { block = "first/Raman intensity" }))[1],
      values(reads("groups.h5", { block = "/first" }))[6] })
    refused("groups.h5", "no variable 'third'; it holds first/Raman intensity (6), first/Wavenumber (6), "
      .. "second/Raman intensity (6), second/Wavenumber (6)", { block = "third" })
    refused("nexus.h5", "/entry/scan has no axis 'z'", { axis = "z" })
  end)

  it("gives the spectra of several groups, named by them", function()
    local set = reads "groups.h5"
    assert.same({ "first", "second" }, set.labels.group)
    assert.same({ "first", "second" }, set.names)
    assert.same({ 301, 302, 303, 304, 305, 306 }, values(set, 2))
    assert.equal("cm-1", set.unit)
  end)

  it("gives what packed numbers stand for, by the attributes of the CF conventions", function()
    local set = reads "packed.h5"
    assert.same({ 25, 30, 35, 40 }, values(set, 2))
    local first = values(set, 1)
    assert.same({ 5, 10 }, { first[1], first[2] })
    assert.is_true(first[3] ~= first[3] and first[4] ~= first[4])
    assert.same({ 100, 200, 300, 400 }, set.axis)
    assert.same({ "spectra: the stored numbers are packed: times 0.5 plus 5",
      "wavenumber: the stored numbers are packed: times 100 plus 0",
      "spectra: 2 values are missing (-999, -998): NaN" }, set.notes)
  end)

  it("of NeXus gives what packed numbers stand for, by the factor and the offset beside them", function()
    for _, group in ipairs { "named", "older" } do
      local set = reads("packed_nexus.h5", { block = group })
      assert.same({ 1.5, 6.5, 11.5 }, values(set, 1))
      assert.same({ 25, 50, 75 }, set.axis)
    end
  end)

  it("takes an axis from a group above, and columns as spectra if the axis has their length", function()
    local set = reads "latest.h5"
    assert.same({ 4, 6, 1 }, set.x:shape())
    assert.same({ 201, 202, 203, 204, 205, 206 }, values(set, 2))
    assert.equal("cm-1", set.unit)
  end)

  it("of NeXus gives the default NXdata: the axis with a spectral unit, places as labels", function()
    local set = reads "nexus.h5"
    assert.same({ 6, 4, 1 }, set.x:shape())
    assert.same({ 4, 5, 6, 7 }, values(set, 2))
    assert.same({ 12, 13, 14, 15 }, values(set, 4))
    assert.same({ 10, 11, 12, 13 }, set.axis)
    assert.same({ "keV", "energy", "counts" }, { set.unit, set.axis_name, set.quantity })
    assert.same({ "0", "0.5", "1", "0", "0.5", "1" }, set.labels.x)
    assert.same({ "5", "5", "5", "6", "6", "6" }, set.labels.y)
    assert.same({ "a scan", 40 }, { set.metadata[1].title, set.metadata[1]["instrument/current"] })
  end)

  it("of NeXus gives spectra along the spectral axis, not along the time", function()
    local set = reads "nexus_times.h5"
    assert.same({ { 0, 2, 4 }, { 10, 11, 12 }, "keV", { "0", "5" } },
      { values(set, 1), set.axis, set.unit, set.labels.time })
  end)

  it("of NeXus gives signals and axes that datasets name themselves", function()
    local set = reads("nexus.h5", { block = "entry/old" })
    assert.same({ 0, 1, 2, 3, 4 }, values(set, 1))
    assert.same({ 10, 11, 12, 13, 14 }, set.axis)
    assert.same({ "deg", "2theta" }, { set.unit, set.axis_name })
    refused("nexus.h5", "/entry/image holds images of 3 x 3 points, no spectra", { block = "entry/image" })
  end)

  it("of NeXus with the edges of bins gives their centres", function()
    local set = reads("nexus.h5", { block = "entry/edges" })
    assert.same({ 1.5, 3, 6 }, set.axis)
    assert.same({ 5, 6, 7 }, values(set))
    assert.same({ "energy holds the edges of bins: their centres are taken" }, set.notes)
  end)

  it("of PTIR Studio gives the spectra of the first signal, or of one by its name or path, with places", function()
    local set = reads "usid.h5"
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 }, { 900, 950, 1000 } }, { values(set, 1), values(set, 2), set.axis })
    assert.same({ "cm-1", "wavenumber", { "-1.5", "3.25" }, "41.5 %" },
      { set.unit, set.axis_name, set.labels["X (um)"], set.metadata[1].Humidity })
    assert.same({ 'OPTIR is read; other signals: block = "Raman Intensity"' }, set.notes)
    for _, block in ipairs { 2, "Raman Intensity", "Measurement_002/Channel_000" } do
      local raman = reads("usid.h5", { block = block })
      assert.same({ { 7, 8, 9, 10 }, "Raman shift" }, { values(raman, 1), raman.axis_name })
    end
    refused("usid.h5", "block = 'x': it holds Measurement_001/Channel_000 (OPTIR), Measurement_002/Channel_000 "
      .. "(Raman Intensity)", { block = "x" })
  end)
  it("of HyperSpy gives spectra along the axis of the signal, evenly spaced or listed, and places as labels", function()
    local set = reads "map.hspy"
    assert.same({ 6, 4, 1 }, set.x:shape())
    assert.same({ 104, 105, 106, 107 }, values(set, 2))
    assert.same({ 400, 410, 425, 430 }, set.axis)
    assert.same({ "cm-1", "Raman shift", "counts" }, { set.unit, set.axis_name, set.quantity })
    assert.same({ "0", "2", "4", "0", "2", "4" }, set.labels.x)
    assert.same({ "1", "1", "1", "1.5", "1.5", "1.5" }, set.labels.y)
    assert.equal("map", set.metadata[1].title)
  end)

  it("of MATLAB 7.3 gives the rows of X, texts of cells, structs", function()
    local set = reads "matlab73.mat"
    assert.same({ 201, 202, 203, 204, 205, 206 }, values(set, 2))
    assert.same({ 400, 500, 600, 700, 800, 900 }, set.axis)
    assert.same({ "a", "bb", "c", "dé" }, set.names)
    assert.same({ "0", "1", "2", "3" }, set.labels.y)
    assert.same({ "spectra may also be in 1 structs or groups; block chooses: s", "empty is empty" }, set.notes)
    set = reads("matlab73.mat", { block = "s.deep" })
    assert.same({ { 1, 0 }, "hello" }, { values(set, 1), set.metadata[1].t })
  end)

  it("of MATLAB 7.3 is refused if many references lead to one long text", function()
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    local cell = { path = "/c", name = "c", kind = "dataset", type = "reference", shape = { 50 },
      attributes = { MATLAB_class = "cell" } }
    local text = { path = "/#refs#/a", name = "a", kind = "dataset", type = "u2", shape = { 1000, 1 },
      attributes = { MATLAB_class = "char" } }
    local tree = { source = Source.of("", "made"), list = { cell, text }, by_address = { [7] = text },
      by_path = { ["/c"] = cell, ["/#refs#/a"] = text }, members = function() return { cell } end,
      read = function() return { ["/c"] = string.pack("<I8", 7):rep(50), ["/#refs#/a"] = ("a\0"):rep(1000) } end }
    assert.equal(50, #level73.variables(tree)[1].items)
    mb.limits.unpacked = 50000
    local list, message = Source.try(level73.variables, tree)
    assert.is_nil(list)
    assert.equal("its references lead to more bytes than it has and limits.unpacked = 50000", message)
  end)

  it("is refused if its groups hold more than the file and limits.unpacked", function()
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    mb.limits.unpacked = 1
    local tree = Tree.of(Source.of(bytes(folder .. "plain.h5"), "made"))
    local function load_again()
      for _, object in ipairs(tree.list) do
        local variable = tree:variable(object)
        if variable.kind == "numbers" then variable:open() end
      end
    end
    assert(Source.try(function() load_again() return true end))
    tree.loaded = #tree.source.bytes -- as after many groups
    assert.same({ nil, "its groups hold more bytes than the file has and limits.unpacked = 1" },
      { Source.try(load_again) })
  end)

  it("of HyperSpy has its shape checked before an axis as long is made", function()
    local made = Source.of("", "made")
    local axis = { path = "/s/axis-0", attributes = setmetatable({}, { __index = function() error "too early" end }) }
    local data = { path = "/s/data", kind = "dataset", shape = { 1 << 40 } }
    local tree = { source = made, text = Tree.text, get = function(_, _, name)
      return name == "data" and data or name == "axis-0" and axis or nil
    end, variable = function()
      return arrays.numbers { name = "data", shape = data.shape, load = function() made:fail "too large" end }
    end }
    assert.same({ nil, "too large" }, { Source.try(hyperspy.block, tree, "/s") })
  end)

  it("is refused if its numbers are not in it, or are no spectra", function()
    refused("outside.h5", "/spectra: its values are in other files")
    refused("outside.h5", "/more: its values are in other files", { block = "more" })
    refused("bomb.h5", "/spectra: 1000000000 values, for which the file holds 0 bytes")
    refused("keras.h5", "it holds a Keras model, no spectra")
  end)

  it("that is cut off is refused", function()
    local whole = bytes(folder .. "plain.h5")
    refuses(whole:sub(1, 9000), ("the file is cut off: 9000 of %d bytes are there"):format(#whole))
  end)

  it("is read whatever limits.unpacked is", function()
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    mb.limits.unpacked = 1 << 62
    assert.is_truthy(read(bytes(folder .. "plain.h5")))
  end)

  it("may begin behind a block of the user's", function()
    local set = assert(read(("\0"):rep(512) .. bytes(folder .. "groups.h5")))
    assert.equal(2, #set.names)
  end)

  it("that is damaged raises nothing", function()
    for _, name in ipairs { "nexus.h5", "matlab73.mat" } do
      local whole, some = bytes(folder .. name), 0
      damage.each(whole, function(copy, what)
        some = some + 1
        if some % 8 > 0 then return end -- each copy takes two child processes
        local ok, set, message = pcall(read, copy)
        assert.is_true(ok, what)
        assert.is_true(set ~= nil or utf8.len(message) ~= nil, what)
      end)
    end
  end)
end)

describe("objects of an HDF5 file", function()
  local function object(name, where)
    for _, one in ipairs(assert(hdf5.objects(bytes(folder .. name)))) do
      if one.path == where then return one end
    end
  end

  it("have paths, types, shapes and attributes", function()
    local kernel = object("keras.h5", "/dense/dense/kernel:0")
    assert.same({ "dataset", "f4", { 2, 3 } }, { kernel.kind, kernel.type, kernel.shape })
    assert.equal('{"class_name": "Sequential"}', object("keras.h5", "/").attributes.model_config)
    assert.same({ "dense/kernel:0", "dense/bias:0" }, object("keras.h5", "/dense").attributes.weight_names)
    assert.same({ 1, 2, 3 }, object("latest.h5", "/run/deep").attributes.k)
  end)

  it("with several names are listed once, and links out of the file are not followed", function()
    assert.equal("/run", object("latest.h5", "/run/deep/loop").same)
    assert.is_nil(object("latest.h5", "/run/deep/loop/deep"))
    assert.equal("/run/deep/again", object("latest.h5", "/run/wavenumber").same)
    assert.is_nil(object("latest.h5", "/run/deep/out"))
    assert.equal("unreadable", object("latest.h5", "/run/deep/gone").kind)
  end)

  it("have values", function()
    local paths = { "/dense/dense/kernel:0", "/dense/dense/bias:0", "/nothing", "/dense" }
    local found, reasons = hdf5.read(bytes(folder .. "keras.h5"), paths)
    assert.equal(string.pack("<ffffff", 101, 102, 103, 201, 202, 203), found["/dense/dense/kernel:0"])
    assert.equal(string.pack("<fff", 0, 1, 2), found["/dense/dense/bias:0"])
    assert.same({ "/dense", "/nothing" }, { reasons["/dense"] and "/dense", reasons["/nothing"] and "/nothing" })
    assert.same({ "a", "b", "c", "d" }, hdf5.read(bytes(folder .. "plain.h5"), { "/sample_ids" })["/sample_ids"])
    assert.is_nil(hdf5.read("no HDF5", { "/x" }))
  end)

  it("are read by the module itself, too", function()
    local core = require "moonbow.hdf5"
    local file <close> = assert(core.open(bytes(folder .. "plain.h5")))
    assert.same({ "fixed", "flags", "pairs", "protein", "reflectance", "sample_ids", "spectra", "wavelengths" },
      file:names "/")
    assert.same({ "units", "text", {}, { "absorbance" } }, { file:attribute("/spectra", 1) })
    assert.same({ "p", "q", "r", "s" }, file:read "/fixed")
    assert.same({ nil, "values of type compound are not read" }, { file:read "/pairs" })
    assert.same({ nil, "it is no dataset" }, { file:read "/" })
    assert.is_nil(file:about "/nothing")
    assert.is_nil(file:names "/nothing")
    assert.is_nil(file:attribute("/spectra", 9))
    assert.is_nil(core.open "")
  end)
end)

describe("a child process of HDF5", function()
  local core = require "moonbow.hdf5"
  local megabyte = 1 << 20

  it("sends what its function puts", function()
    local child <close> = core.child(function(put) put "ab" put "cdef" end, 5, megabyte)
    assert.same({ "abc", "def", nil }, { child:take(3), child:take(3), child:take(1) })
    assert.is_true(child:finish())
    local text = ("0123456789abcdef"):rep(1 << 16) -- as much as a pipe holds at most
    local large <close> = core.child(function(put) put(text) put "z" end, 5, 16 * megabyte)
    assert.is_true(require "moonbow.core".file_take(large:pipe(), #text) == text)
    assert.equal("z", large:take(1))
    assert.is_nil(require "moonbow.core".file_take(large:pipe(), 1 << 17))
  end)

  it("says how it ended", function()
    local failing <close> = core.child(function() error "x" end, 5, megabyte)
    assert.same({ nil, "code 1" }, { failing:finish() })
    local busy <close> = core.child(function() while true do end end, 1, megabyte)
    assert.same({ nil, "it took too long" }, { busy:finish() })
    local greedy <close> = core.child(function(put) put(("x"):rep(1 << 30)) end, 5, megabyte)
    assert.same({ nil, nil, "code 1" }, { greedy:take(1), greedy:finish() })
    local stopped = core.child(function(put) while true do put "x" end end, 5, megabyte)
    getmetatable(stopped).__close(stopped)
  end)
end)

describe("measured HDF5 files", function()
  local function measured(name, use)
    local file, reference = spectra_files.measured(name)
    if not file then pending(reference) else use(file, reference) end
  end

  it("hold the spectra of their twins", function()
    measured("mat/synthetic_nirs_v73.mat", function(file, reference)
      assert.same({}, index.differences(assert(mb.spectra.read(file)), reference.nirs4all))
    end)
    measured("hdf5/synthetic_nirs.h5", function(file)
      -- The index counts both datasets as spectra: 100. One is the other's transform, so 50 are read, and it is named.
      local set = assert(mb.spectra.read(file))
      local twin = assert(mb.spectra.read((file:gsub("hdf5/synthetic_nirs.h5", "mat/synthetic_nirs_v5.mat"))))
      assert.same(twin.x:totable(), set.x:totable())
      assert.same(twin.axis, set.axis)
      assert.equal("absorbance", set.quantity)
      set = assert(mb.spectra.read(file, { block = "reflectance" }))
      assert.equal("reflectance", set.quantity)
    end)
    measured("hdf5/xrdml_918-16_10_ref.nxs", function(file)
      local set = assert(mb.spectra.read(file))
      local twin = assert(mb.spectra.read((file:gsub("hdf5/.*", "xrdml/XRD-918-16_10.xrdml"))))
      assert.same(twin.x:totable(), set.x:totable())
      for i = 1, set.length, 100 do assert.near(twin.axis[i], set.axis[i], 1e-6) end
      assert.same({ twin.unit, twin.length }, { set.unit, set.length })
    end)
  end)

  it("hold what h5py finds in them", function()
    measured("hdf5/spectra_demo.nxs", function(file, reference)
      local set = assert(mb.spectra.read(file))
      assert.same({ "S0B", "PST" }, set.names)
      for i, name in ipairs { "2380eb4a-056a-57cd-8e1b-80fcc13b41b0/RAW_DATA/S0B_1",
        "a2a551dd-9c77-5d33-9ec0-43572b0bee9c/RAW_DATA/PST_1" } do
        local data, got = reference.datasets["ICV_TEST-" .. name .. "/Raman intensity"], values(set, i)
        local sum = 0
        for _, value in ipairs(got) do sum = sum + value end
        assert.same({ data.first, data.last, data.sum }, { got[1], got[#got], sum })
      end
      assert.same({ -3.08, 2000.18, "cm-1" }, { set.axis[1], set.axis[762], set.unit })
    end)
    measured("hdf5/small_OK.hdf5", function(file)
      local set = assert(mb.spectra.read(file))
      assert.same({ 4, 2, 1 }, set.x:shape())
      assert.near(1000.1, values(set, 1)[1], 1e-3)
      assert.near(4001.1, values(set, 4)[2], 1e-3)
      assert.same({ "1.1", "1.1", "2.1", "2.1" }, set.labels.sample_x)
    end)
  end)

  it("with images alone, or a model, are refused", function()
    measured("hdf5/simple_signal.nxs", function(file)
      assert.equal(file .. ": /entry1/rocks holds images of 15 x 1 x 40 x 40 points, no spectra",
        select(2, mb.spectra.read(file)))
    end)
  end)
end)
