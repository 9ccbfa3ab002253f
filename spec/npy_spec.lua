-- NumPy's files: files that NumPy wrote (bytes kept here), round trips, refusals.
local mb = require "moonbow"

local path = os.tmpname()
teardown(function() os.remove(path) end)

local function write(bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function content() return assert(io.open(path, "rb")):read "a" end

local function file(header, data, version)
  version = version or 1
  header = header .. (" "):rep(-(#header + (version == 1 and 11 or 13)) % 64) .. "\n"
  return ("\x93NUMPY%c\0"):format(version) .. string.pack(version == 1 and "<I2" or "<I4", #header)
    .. header .. data
end

local function header(type, shape, fortran)
  return ("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }"):format(type, fortran and "True"
    or "False", shape)
end

local function loads(type, shape, data, fortran)
  write(file(header(type, shape, fortran), data))
  return assert(mb.load_npy(path))
end

local function refuses(bytes, message)
  write(bytes)
  local x, err = mb.load_npy(path)
  assert.is_nil(x)
  assert.matches("^" .. path:gsub("%p", "%%%0") .. ": ", err)
  assert.matches(message, err)
end

describe("npy", function()
  it("reads every type of number, in both byte orders", function()
    for type, case in pairs {
      ["<f4"] = { "<ffff", 0.5, -2, 1 / 0, 3 }, [">f4"] = { ">ffff", 0.5, -2, 1 / 0, 3 },
      ["<f2"] = { "<HHHH", 0.5, -2, 1 / 0, 2 ^ -24, bits = { 0x3800, 0xc000, 0x7c00, 1 } },
      ["<f8"] = { "<dddd", 0.5, -2, 1 / 0, 3 }, [">f8"] = { ">dddd", 0.5, -2, -1 / 0, 3 },
      ["|i1"] = { "<i1i1i1i1", 0, -128, 127, 3 }, ["<i2"] = { "<i2i2i2i2", 0, -32768, 32767, 3 },
      [">i4"] = { ">i4i4i4i4", 0, -2147483648, 16777216, 3 }, ["<i8"] = { "<i8i8i8i8", 0, math.mininteger,
        1 << 40, 3 },
      ["|u1"] = { "<I1I1I1I1", 0, 255, 128, 3 }, ["<u2"] = { "<I2I2I2I2", 0, 65535, 1, 3 },
      ["<u4"] = { "<I4I4I4I4", 0, 1 << 31, 1, 3 }, [">u8"] = { ">I8I8I8I8", 0, 1 << 62, 1, 3 },
      ["|b1"] = { "<I1I1I1I1", 0, 1, 1, 0 },
    } do
      local values = { table.unpack(case, 2) }
      local data = string.pack(case[1], table.unpack(case.bits or values))
      assert.same(values, loads(type, "4,", data):totable(), type)
    end
    assert.same({ 1 }, loads("<f4", "", string.pack("<f", 1)):totable())
  end)
  it("returns type and order of the file", function()
    loads("<f8", "1, 1", string.pack("<d", 1), true)
    assert.same({ type = "float64", fortran_order = true }, (select(2, mb.load_npy(path))))
  end)
  it("reads Fortran order", function()
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, loads("|u1", "2, 3", "\1\4\2\5\3\6", true):totable())
    local shape, bytes = { 2, 3, 4, 5 }, {}
    for l = 1, 5 do
      for k = 1, 4 do
        for j = 1, 3 do
          for i = 1, 2 do bytes[#bytes + 1] = string.char(((i * 3 + j) * 4 + k) * 5 + l) end
        end
      end
    end
    local x = loads("|u1", "2, 3, 4, 5", table.concat(bytes), true)
    assert.same(shape, x:shape())
    for i = 1, 2 do assert.equal(((i * 3 + 3) * 4 + 2) * 5 + 4, x:get(i, 3, 2, 4)) end
    assert.same({ { { 1 }, { 3 } }, { { 2 }, { 4 } } }, loads("|u1", "2, 2, 1", "\1\2\3\4", true):totable())
  end)
  it("reads headers of all versions, in any order", function()
    for version = 1, 3 do
      write(file("{'shape': (2,), 'fortran_order': False, 'descr': '|u1'}", "\1\2", version))
      assert.same({ 1, 2 }, mb.load_npy(path):totable())
    end
  end)
  it("is equal bit for bit after loading, in every type", function()
    local x = mb.randn(mb.rng(1), 3, 4, 2)
    for _, type in ipairs { "float32", "float64" } do
      assert.is_true(mb.save_npy(x, path, { type = type }))
      local back, about = mb.load_npy(path)
      assert.equal(x:tobytes(), back:tobytes())
      assert.same({ 3, 4, 2 }, back:shape())
      assert.equal(type, about.type)
      assert.equal(0, content():find("\n", 1, true) % 64)
    end
    local limits = { bool = { 0, 1 }, int8 = { -128, 127 }, uint8 = { 0, 255 }, int16 = { -32768, 32767 },
      uint16 = { 0, 65535 }, int32 = { -2147483648, 16777216 }, uint32 = { 0, 4294967040 },
      int64 = { -0x1p63, 0x1p62 }, uint64 = { 0, 0x1p63 } }
    for type, range in pairs(limits) do
      local y = mb.tensor(range)
      assert.is_true(mb.save_npy(y, path, { type = type }))
      assert.equal(y, (mb.load_npy(path)))
    end
  end)
  it("writes the same bytes as NumPy", function() -- numpy.save of array([1.5, -2], float32)
    assert(mb.save_npy(mb.tensor { 1.5, -2 }, path))
    assert.equal("\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
      .. (" "):rep(60) .. "\n"
      .. "\0\0\xc0\x3f\0\0\0\xc0", content())
  end)
  it("refuses numbers that a type cannot hold", function()
    local function fails(value, type, message)
      assert.error_matches(function() mb.save_npy(mb.tensor { 0, value }, path, { type = type }) end, message)
    end
    fails(-1, "uint8", "x: element 2 is %-1.0, which uint8 cannot hold")
    fails(128, "int8", "which int8 cannot hold")
    fails(256, "uint8", "which uint8 cannot hold")
    fails(0.5, "int32", "which int32 cannot hold")
    fails(2, "bool", "which bool cannot hold")
    fails(0 / 0, "int64", "which int64 cannot hold")
    fails(1e30, "uint64", "which uint64 cannot hold")
    refuses(file(header("<i4", "2,"), string.pack("<i4i4", 0, 16777217)),
      "number 2 in the file, of type int32, cannot")
    refuses(file(header("<i8", "1,"), string.pack("<i8", math.maxinteger)), "exactly")
    refuses(file(header("<f8", "1,"), string.pack("<d", 1e300)), "without becoming infinite")
  end)
  it("refuses files that are not arrays of numbers", function()
    local one = string.pack("<f", 1)
    refuses("wavelength,1,2\n", "not an npy file")
    refuses(file(header("|O", "1,"), "\x80\4"), "Python objects %(pickles%)")
    refuses(file(header("<U5", "1,"), ("\0"):rep(20)), "holds text %(type '<U5'%)")
    refuses(file(header("<c8", "1,"), one .. one), "complex")
    refuses(file(header("<f16", "1,"), ("\0"):rep(16)), "reals of another size")
    refuses(file(header("<M8[ns]", "1,"), one .. one), "dates")
    refuses(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", one), "holds records")
    refuses(file(header("<f4", "0, 3"), ""), "an empty array of shape %(0, 3%)")
    refuses(file(header("<f4", "1, 1, 1, 1, 1"), one), "5 dimensions")
    refuses(file(header("<f4", "99999999999999999999,"), one), "impossible size")
    refuses(file(header("<f4", "1048576, 1048576, 1048576"), one), "impossible shape")
    refuses(file(header("<f4", "1099511627776, 16777216"), one), "impossible shape") -- 2^64 elements wrap to 0
    refuses(file(header("<f4", "1099511627776, 16777216, 1"), ""), "impossible shape")
    refuses(file(header("<f4", "2147483648, 2"), one), "limits.elements = 2147483648")
    refuses(file("{'descr': '<f4', 'shape': (1,), }", one), "'fortran_order' is neither")
    refuses(file("{'fortran_order': False, 'shape': (1,), }", one), "no type 'descr'")
    refuses(file("{'descr': '<f4', 'fortran_order': False, }", one), "no 'shape'")
    refuses(file("['descr', '<f4']", one), "not a dictionary")
    refuses(file(header("<f4", "1,"), one .. one),
      "more data than the header says: 4 bytes of numbers expected, 8")
    refuses("\x93NUMPY\9\0" .. ("x"):rep(100), "version 9")
    assert.matches("No such file", select(2, mb.load_npy "no/such/file"))
    assert.error_matches(function() mb.save_npy(3, path) end, "x: expected a tensor, got 3")
    assert.error_matches(function() mb.save_npy(mb.ones(1), path, { type = "float" }) end,
      "did you mean 'float")
    assert.is_nil((mb.save_npy(mb.ones(1), "/no/such/folder/x.npy")))
  end)
  it("is refused when truncated anywhere", function()
    assert(mb.save_npy(mb.randn(3, 4), path))
    local whole = content()
    for length = 0, #whole - 1 do
      refuses(whole:sub(1, length), length < 6 and "not an npy file" or "truncated")
    end
  end)
end)

describe("npz", function()
  local arrays = { x = mb.randn(mb.rng(1), 40, 5), y = mb.arange(40), ["odd name"] = mb.ones(1) }
  it("is equal after loading, stored and compressed", function()
    for _, compress in ipairs { false, true } do
      assert.is_true(mb.save_npz(arrays, path, { compress = compress, type = { y = "int32" } }))
      local back, about = assert(mb.load_npz(path))
      for name, x in pairs(arrays) do assert.equal(x, back[name]) end
      assert.equal("int32", about.y.type)
      assert.equal("float32", about.x.type)
    end
    assert.is_true(mb.save_npz({ zeros = mb.zeros(100000) }, path, { compress = true }))
    assert.is_true(#content() < 2000)
  end)
  it("reads files of numpy.savez", function() -- 64-bit sizes in the local header
    local npy = file(header("|u1", "2,"), "\1\2")
    local crc = string.pack("<I4", (require("zlib").crc32()(npy)))
    local place = "PK\3\4\45\0\0\0\0\0\0\0!\0" .. crc .. ("\xff"):rep(8) .. "\5\0\20\0x.npy"
      .. string.pack("<I2I2I8I8", 1, 16, #npy, #npy)
    local listing = "PK\1\2\45\3\45\0\0\0\0\0\0\0!\0" .. crc .. string.pack("<I4I4", #npy, #npy)
      .. "\5\0\0\0\0\0\0\0\0\0\0\0\x80\1" .. "\0\0\0\0x.npy"
    write(place .. npy .. listing .. "PK\5\6\0\0\0\0\1\0\1\0" .. string.pack("<I4I4I2", #listing,
      #place + #npy, 0))
    assert.same({ 1, 2 }, assert(mb.load_npz(path)).x:totable())
  end)
  it("is refused when damaged anywhere, and never raises", function()
    for _, compress in ipairs { false, true } do
      assert(mb.save_npz({ a = mb.tensor { 1, 2, 3 } }, path, { compress = compress }))
      local whole = content()
      for length = 0, #whole - 1 do
        write(whole:sub(1, length))
        assert.is_nil((mb.load_npz(path)))
      end
      for place = 1, #whole do
        write(whole:sub(1, place - 1) .. string.char(whole:byte(place) ~ 0x55) .. whole:sub(place + 1))
        local back, err = mb.load_npz(path)
        assert.is_true(back ~= nil or type(err) == "string")
        if back and back.a then assert.same({ 1, 2, 3 }, back.a:totable()) end
      end
    end
  end)
  it("names the array that is wrong", function()
    assert.error_matches(function() mb.save_npz({ a = 3 }, path) end, "a: expected a tensor, got 3")
    assert.error_matches(function() mb.save_npz({ a = mb.tensor { 0.5 } }, path, { type = "int8" }) end,
      "a: element 1 is 0.5")
    assert.error_matches(function() mb.save_npz({ spectra = mb.ones(1) }, path, { type = { spectrum = "int16" } }) end,
      "type: expected one of 'spectra', got 'spectrum' %(did you mean 'spectra'%?%)")
    assert.error_matches(function() mb.save_npz({ a = mb.ones(1) }, path, { type = { "int16" } }) end,
      "type: expected one of 'a', got 1")
    assert.error_matches(function() mb.save_npz({ mb.ones(1) }, path) end, "name of an array")
    write "PK"
    assert.matches("not a zip archive", select(2, mb.load_npz(path)))
  end)
end)

describe("npz of other programs", function()
  local zip = require "moonbow.io.zip"
  local limits = mb.limits
  local function archive(entries, compress)
    local parts = {}
    zip.write(entries, function(part) parts[#parts + 1] = part end, compress)
    return table.concat(parts)
  end
  local function npy_of(count) return file(header("|u1", count .. ","), ("\0"):rep(count)) end
  local function refuses_npz(bytes, message)
    write(bytes)
    local arrays, err = mb.load_npz(path)
    assert.is_nil(arrays)
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ": ", err)
    assert.matches(message, err)
  end

  it("keeps the arrays that can be read beside one that cannot, and names it", function()
    write(archive { { name = "a.npy", content = npy_of(3) },
      { name = "b.npy", content = file(header("|O", "1,"), "\x80") }, { name = "notes.txt", content = "hello" } })
    local arrays, about, skipped = assert(mb.load_npz(path))
    assert.same({ 0, 0, 0 }, arrays.a:totable())
    assert.same({ a = { type = "uint8", fortran_order = false } }, about)
    assert.matches("Python objects", skipped.b)
    assert.matches("not an npy file", skipped["notes.txt"])
    assert.is_nil(arrays.b)
    refuses_npz(archive { { name = "b.npy", content = file(header("|O", "1,"), "\x80") } }, "'b': holds Python objects")
    refuses_npz(archive { { name = "a.npy", content = npy_of(3) }, { name = "a", content = npy_of(4) } },
      "'a' is there twice")
  end)
  it("holds the number of entries in its end record, and nothing after them", function()
    local whole = archive { { name = "a.npy", content = npy_of(3) }, { name = "b.npy", content = npy_of(3) } }
    local place = #whole - 21
    local function with_count(count)
      return whole:sub(1, place + 7) .. string.pack("<I2I2", count, count) .. whole:sub(place + 12)
    end
    assert.equal(whole, with_count(2))
    refuses_npz(with_count(1), "holds more than its 1 entries")
    refuses_npz(with_count(3), "entry 3 of the archive is damaged")
    refuses_npz(with_count(0), "holds more than its 0 entries")
    refuses_npz(whole .. "x", "its directory is damaged")
    refuses_npz(whole:gsub("PK\1\2", "PK\1\3"), "entry 1 of the archive is damaged")
    refuses_npz(whole:gsub("a.npy", "c.npy", 1), "its place is wrong: another name is there")
    refuses_npz(archive { { name = "a.npy", content = npy_of(3) }, { name = "a.npy", content = npy_of(3) } },
      "'a.npy': the name comes twice")
  end)
  it("whose entries share bytes is refused before they are unpacked", function() -- a bomb of 4.5 GB in 103 KB
    local numbers = npy_of(1000000)
    local packed = require("zlib").deflate(9, -15)(numbers, "finish")
    local crc = (require("zlib").crc32()(numbers))
    local function place_of(name, local_header)
      return (local_header and "PK\3\4\20\0\0\0\8\0\0\0!\0" or "PK\1\2\20\0\20\0\0\0\8\0\0\0!\0")
        .. string.pack("<I4I4I4I2I2", crc, #packed, #numbers, #name, 0)
    end
    local body = place_of("a.npy", true) .. "a.npy" .. packed
    local listing = (place_of("a.npy") .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, 0) .. "a.npy"):rep(2)
    local stop = "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, 2, 2, #listing, #body, 0)
    refuses_npz(body .. listing .. stop, "the name comes twice")
    local inner = place_of("b.npy", true) .. "b.npy" .. packed
    local outer = "PK\3\4\20\0\0\0\0\0\0\0!\0" .. string.pack("<I4I4I4I2I2", 0, #inner, #inner, 5, 0) .. "a.npy"
      .. inner
    listing = "PK\1\2\20\0\20\0\0\0\0\0\0\0!\0" .. string.pack("<I4I4I4I2I2", 0, #inner, #inner, 5, 0)
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, 0) .. "a.npy" .. place_of("b.npy")
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, #outer - #inner) .. "b.npy"
    stop = "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, 2, 2, #listing, #outer, 0)
    refuses_npz(outer .. listing .. stop, "'a.npy' and 'b.npy' share bytes")
  end)
  it("may be written for more than 4 GB, with sizes and offsets of 64 bits", function()
    local bytes = npy_of(3)
    local crc = require("zlib").crc32()(bytes)
    local wide = string.pack("<I2I2i8i8i8", 1, 24, #bytes, #bytes, 0)
    local function common(size, extra)
      return string.pack("<I2I2I2I2I2I4I4I4I2I2", 45, 0, 0, 0, 33, crc, size, size, 5, extra)
    end
    local body = "PK\3\4" .. common(#bytes, 0) .. "a.npy" .. bytes
    local function whole(extra, changes)
      local list = "PK\1\2\45\0" .. common(0xffffffff, #extra) .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, 0xffffffff)
        .. "a.npy" .. extra
      local place = #body + #list
      local fields = { size = 44, at = place, count = 1, signature = "PK\6\7" }
      for key, value in pairs(changes or {}) do fields[key] = value end
      return body .. list .. "PK\6\6" .. string.pack("<i8I2I2I4I4i8i8i8i8", fields.size, 45, 45, 0, 0, 1, fields.count,
        #list, #body) .. fields.signature .. string.pack("<I4i8I4", 0, fields.at, 1) .. "PK\5\6"
        .. string.pack("<I2I2I2I2I4I4I2", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    end
    write(whole(wide))
    assert.same({ 0, 0, 0 }, assert(mb.load_npz(path)).a:totable())
    write(whole("\7\0\2\0xy" .. wide)) -- after another extra field
    assert.same({ 0, 0, 0 }, assert(mb.load_npz(path)).a:totable())
    refuses_npz(whole(""), "its place is wrong")
    refuses_npz(whole(wide, { count = 2 }), "its directory is damaged")
    refuses_npz(whole(wide, { at = 1 << 40 }), "its directory is damaged")
    refuses_npz(whole(wide, { at = 3 }), "its directory is damaged")
    refuses_npz(whole(wide, { signature = "PK\6\8" }), "its directory is damaged")
  end)
  it("unpacks to at most limits.unpacked, and to at most what deflate can make of its bytes", function()
    local members = { { name = "a.npy", content = npy_of(100000) }, { name = "b.npy", content = npy_of(100000) } }
    local whole = archive(members, true)
    limits.unpacked = 150000
    finally(function() limits.unpacked = 1 << 30 end)
    refuses_npz(whole, "its packed entries would have 200256 bytes; limits.unpacked = 150000")
    limits.unpacked = 300000
    refuses_npz(whole, "'a': takes 400000 bytes, but 300000 are left; limits.unpacked = 300000") -- as float32
    limits.unpacked = 900000
    write(whole)
    assert.equal(100000, #assert(mb.load_npz(path)).b)
    limits.entries = 1
    finally(function() limits.entries, limits.unpacked = 1 << 20, 1 << 30 end)
    refuses_npz(whole, "2 entries; limits.entries = 1")
    limits.entries = 1 << 20
    local at = whole:find("PK\1\2", 1, true)
    refuses_npz(whole:sub(1, at + 23) .. string.pack("<I4", 299999) .. whole:sub(at + 28), "its size is impossible")
  end)
  it("reports that memory has run out, and not that a checksum is wrong", function()
    local inflate = require("zlib").inflate
    finally(function() require("zlib").inflate = inflate end)
    require("zlib").inflate = function() return function() error("not enough memory", 0) end end
    refuses_npz(archive({ { name = "a.npy", content = npy_of(9) } }, true), "'a.npy': not enough memory")
  end)
end)
