-- Files of tensors and models: round trips, refusals, and saves that fail half way.
local mb = require "moonbow"
local json = require "cjson"
local core = require "moonbow.core"

local path = os.tmpname()
teardown(function() os.remove(path) end)

local function content() return assert(io.open(path, "rb")):read "a" end

local function write(bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function container(header, data)
  local text = json.encode(header)
  return string.pack("<I8", #text) .. text .. data
end

describe("safetensors", function()
  it("come back with their metadata", function()
    local tensors = { a = mb.randn(3, 4), ["b.c"] = mb.tensor { 1 / 3 }, d = mb.randn(2, 1, 2, 3) }
    assert.is_true(mb.safetensors.write(path, tensors, { note = "é\n" }))
    local back, metadata = assert(mb.safetensors.read(path))
    for name, tensor in pairs(tensors) do
      assert.same(tensor:shape(), back[name]:shape())
      assert.equal(tensor:tobytes(), back[name]:tobytes())
    end
    assert.same({ note = "é\n" }, metadata)
    assert.equal(0, string.unpack("<I8", content()) % 8)
  end)
  it("take 64-bit numbers of other programs", function()
    write(container({ x = { dtype = "F64", shape = { 2 }, data_offsets = { 0, 16 } } }, string.pack("<dd", 0.5, -2)))
    assert.same({ 0.5, -2 }, mb.safetensors.read(path).x:totable())
  end)
  it("are refused when truncated anywhere", function()
    assert(mb.safetensors.write(path, { a = mb.randn(3, 4) }, { note = "x" }))
    local whole = content()
    for length = 0, #whole - 1 do
      write(whole:sub(1, length))
      local back, err = mb.safetensors.read(path)
      assert.is_nil(back)
      assert.matches("^" .. path:gsub("%p", "%%%0") .. ": ", err)
    end
  end)
  it("are refused when they are something else, or lie", function()
    local function refuses(bytes, message)
      write(bytes)
      local back, err = mb.safetensors.read(path)
      assert.is_nil(back)
      assert.matches(message, err)
    end
    local entry = { dtype = "F32", shape = { 2 }, data_offsets = { 0, 8 } }
    local function with(key, value)
      local copy = { dtype = entry.dtype, shape = entry.shape, data_offsets = entry.data_offsets }
      copy[key] = value
      return container({ x = copy }, ("\0"):rep(8))
    end
    refuses("wavelength,1,2,3\na,1,2,3\n", "not a safetensors file")
    refuses(("\255"):rep(20), "not a safetensors file")
    refuses(string.pack("<I8", 5) .. "{abcd", "not JSON")
    refuses(with("dtype", "F8_E4M3"), "does not fit")
    refuses(with("dtype", "NEW"), "'x' has type NEW, which cannot be read")
    refuses(with("shape", { 3 }), "does not fit")
    refuses(with("shape", { -2 }), "impossible shape")
    refuses(with("shape", { 1, 1, 1, 1, 2 }), "'x' has 5 dimensions")
    refuses(with("data_offsets", { -8, 0 }), "does not fit")
    refuses(with("data_offsets", { 8, 16 }), "begins at byte 8 of the data, where 0 is expected")
    refuses(container({ x = 5 }, ""), "no type, shape or place")
    refuses(container({ x = { dtype = "F64", shape = { 1 }, data_offsets = { 0, 8 } } }, string.pack("<d", 1e300)),
      "'x' holds numbers too large for float32")
    assert.matches("No such file", select(2, mb.safetensors.read "no/such/file"))
  end)
  it("leave the old file whole when a save fails", function()
    assert(mb.safetensors.write(path, { a = mb.ones(2) }))
    local before = content()
    local put = core.file_put
    finally(function() core.file_put = put end)
    core.file_put = function() return nil, "No space left on device" end
    local ok, err = mb.safetensors.write(path, { a = mb.zeros(2) })
    assert.is_nil(ok)
    assert.is_string(err)
    assert.equal(before, content())
  end)
  it("need tensors and strings", function()
    assert.error_matches(function() mb.safetensors.write(path, { a = 3 }) end, "a: expected a tensor, got 3")
    assert.error_matches(function() mb.safetensors.write(path, {}, { a = 3 }) end, "a: expected a string, got 3")
  end)
end)

describe("models", function()
  local function model()
    return mb.models.ho2019_resnet { classes = 3, filters = 4, first_filters = 4, strides = { 2, 1 }, length = 32 }
  end
  it("come back with what they expect", function()
    local original, x = model(), mb.randn(mb.rng(1), 2, 32, 1)
    original:train()(x)
    original:eval()
    local fitted = mb.preprocess.fit({ "snv", "standardize" }, mb.randn(mb.rng(2), 5, 32, 1))
    assert.is_true(mb.save(original, path, { classes = { "a", "b", "c" }, axis = mb.linspace(400, 500, 32),
      preprocessing = fitted, note = "first" }))
    local back, info = assert(mb.load(path))
    assert.equal(original(x):tobytes(), back(x):tobytes())
    assert.same({ "a", "b", "c" }, info.classes)
    assert.equal("first", info.note)
    assert.is_true((info.axis:allclose(mb.linspace(400, 500, 32))))
    assert.is_true((mb.preprocess.apply(info.preprocessing, x):allclose(mb.preprocess.apply(fitted, x))))
    assert.is_false(back.training)
  end)
  it("are refused when built from something else", function()
    assert(mb.safetensors.write(path, { a = mb.ones(2) }))
    assert.matches("no description of a moonbow model", select(2, mb.load(path)))
    assert.error_matches(function() mb.save(3, path) end, "model: expected a layer or a fitted model, got 3")
    assert.error_matches(function() mb.save(mb.nn.Dense { units = 2 }, path) end, "no weights yet")
    assert.error_matches(function() mb.save(model(), path, { clases = {} }) end, "did you mean 'classes'")
    assert.is_nil((mb.save(model(), "/no/such/folder/model.safetensors")))
  end)
end)
