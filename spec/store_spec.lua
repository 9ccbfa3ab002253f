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

local function refuses_tensors(bytes, message)
  write(bytes)
  local back, err = mb.safetensors.read(path)
  assert.is_nil(back)
  assert.matches(message, err)
end

describe("safetensors", function()
  it("load with their metadata", function()
    local tensors = { a = mb.randn(3, 4), ["b.c"] = mb.tensor { 1 / 3 }, d = mb.randn(2, 1, 2, 3) }
    assert.is_true(mb.safetensors.write(path, tensors, { note = "é\n" }))
    local back, metadata = assert(mb.safetensors.read(path))
    for name, tensor in pairs(tensors) do
      assert.same(tensor:shape(), back[name]:shape())
      assert.equal(tensor:tobytes(), back[name]:tobytes())
    end
    assert.same({ note = "é\n", ["moonbow.version"] = mb.VERSION }, metadata)
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
  it("are refused if they are of another format, or contradict themselves", function()
    local entry = { dtype = "F32", shape = { 2 }, data_offsets = { 0, 8 } }
    local function with(key, value)
      local copy = { dtype = entry.dtype, shape = entry.shape, data_offsets = entry.data_offsets }
      copy[key] = value
      return container({ x = copy }, ("\0"):rep(8))
    end
    refuses_tensors("wavelength,1,2,3\na,1,2,3\n", "not a safetensors file")
    refuses_tensors(("\255"):rep(20), "not a safetensors file")
    refuses_tensors(string.pack("<I8", 5) .. "{abcd", "not JSON")
    refuses_tensors(with("dtype", "F8_E4M3"), "does not fit")
    refuses_tensors(with("dtype", "NEW"), "'x' has type 'NEW', which cannot be read")
    refuses_tensors(with("shape", { 3 }), "does not fit")
    refuses_tensors(with("shape", { -2 }), "impossible shape")
    refuses_tensors(with("shape", { 1, 1, 1, 1, 2 }), "'x' has 5 dimensions")
    refuses_tensors(with("data_offsets", { -8, 0 }), "does not fit")
    refuses_tensors(with("data_offsets", { 8, 16 }), "begins at byte 8 of the data instead of 0")
    refuses_tensors(container({ x = 5 }, ""), "no type, shape or place")
    refuses_tensors(container({ x = { dtype = "F64", shape = { 1 }, data_offsets = { 0, 8 } } },
      string.pack("<d", 1e300)), "'x' holds numbers too large for float32")
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

describe("safetensors of other programs", function()
  local function entry(dtype, shape, first, last)
    return { dtype = dtype, shape = shape, data_offsets = { first, last } }
  end
  local function raw(header, data) return string.pack("<I8", #header) .. header .. data end

  it("must cover their bytes without gap or overlap", function()
    local eight = ("\0"):rep(8)
    refuses_tensors(container({ a = entry("F32", { 2 }, 0, 8), b = entry("F32", { 2 }, 0, 8) }, eight),
      "'b' begins at byte 0 of the data instead of 8: bytes are claimed twice")
    refuses_tensors(container({ a = entry("F32", { 2 }, 0, 8), b = entry("F32", { 2 }, 4, 12) }, eight .. eight),
      "claimed twice")
    refuses_tensors(container({ a = entry("F32", { 1 }, 0, 4), b = entry("F32", { 1 }, 8, 12) }, eight .. eight),
      "'b' begins at byte 8 of the data instead of 4: bytes belong to no tensor")
    refuses_tensors(container({ a = entry("F32", { 1 }, 0, 4) }, eight), "4 bytes at the end belong to no tensor")
    refuses_tensors(container({ a = entry("F32", { 2 }, 4, 12) }, eight .. eight), "begins at byte 4")
    local many = {}
    for i = 1, 2000 do many["t" .. i] = entry("F32", { 2 }, 0, 8) end
    refuses_tensors(container(many, eight), "claimed twice")
  end)
  it("have names that are UTF-8 and occur once", function()
    local one = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    refuses_tensors(raw('{"a":' .. one .. ',"a":' .. one .. '}', "\0\0\0\0"), "the name 'a' comes twice")
    refuses_tensors(raw('{"\xff":' .. one .. '}', "\0\0\0\0"), "not UTF%-8")
    assert.error_matches(function() mb.safetensors.write(path, { ["\xff"] = mb.ones(1) }) end, "not valid UTF%-8")
    assert.error_matches(function() mb.safetensors.write(path, {}, { a = "\xff" }) end, "a is not valid UTF%-8")
    assert.error_matches(function() mb.safetensors.write(path, { __metadata__ = mb.ones(1) }) end, "no tensor can")
  end)
  it("may have the metadata null, but no number or list", function()
    local a = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    write(raw('{"__metadata__":null,' .. a, "\0\0\0\0"))
    local tensors, metadata = assert(mb.safetensors.read(path))
    assert.same({ 0 }, tensors.a:totable())
    assert.same({}, metadata)
    refuses_tensors(raw('{"__metadata__":5,' .. a, "\0\0\0\0"), "its __metadata__ is not a table of strings")
    refuses_tensors(raw('{"__metadata__":["x"],' .. a, "\0\0\0\0"), "its __metadata__ is not a table of strings")
    refuses_tensors(raw('{"__metadata__":{"x":5},' .. a, "\0\0\0\0"), "holds no string under 'x'")
    refuses_tensors(raw('{"__metadata__":{},"a":null}', ""), "no type, shape or place")
  end)
  it("give tensors that can be converted exactly, and name the others", function()
    local data = string.pack("<ffI2I2I2I2i8i8bB", 1.5, -2, 0x3c00, 0x0001, 0x3fc0, 0xff80, -3, 1 << 60, 1, 255)
    write(container({
      f32 = entry("F32", { 2 }, 0, 8), f16 = entry("F16", { 2 }, 8, 12), bf16 = entry("BF16", { 2 }, 12, 16),
      i64 = entry("I64", { 1 }, 16, 24), large = entry("I64", { 1 }, 24, 32), bool = entry("BOOL", {}, 32, 33),
      u8 = entry("U8", { 1 }, 33, 34), empty = entry("F32", { 0, 3 }, 34, 34), f8 = entry("F8_E4M3", { 0 }, 34, 34),
    }, data))
    local tensors, _, skipped = assert(mb.safetensors.read(path))
    assert.same({ 1.5, -2 }, tensors.f32:totable())
    assert.same({ 1, 2 ^ -24 }, tensors.f16:totable())
    assert.same({ 1.5, -1 / 0 }, tensors.bf16:totable())
    assert.same({ -3 }, tensors.i64:totable())
    assert.same({ 1 }, tensors.bool:totable())
    assert.same({ 255 }, tensors.u8:totable())
    assert.equal("is empty", skipped.empty)
    assert.matches("type 'F8_E4M3'", skipped.f8)
    assert.is_nil(skipped.large) -- 2^60 is a float
    write(container({ a = entry("F32", { 1 }, 0, 4), odd = entry("I64", { 2 }, 4, 20) },
      string.pack("<fi8i8", 1, 1, (1 << 60) + 1)))
    tensors, _, skipped = assert(mb.safetensors.read(path))
    assert.same({ 1 }, tensors.a:totable())
    assert.matches("cannot hold exactly, number 2", skipped.odd)
  end)
  it("that were damaged in a weight or a name are refused, old ones without a checksum not", function()
    assert(mb.safetensors.write(path, { a = mb.randn(mb.rng(1), 4) }, { note = "as it is" }))
    local whole = content()
    for _, place in ipairs { #whole, #whole - 9, (whole:find("as it is", 1, true)) } do
      refuses_tensors(whole:sub(1, place - 1) .. string.char(whole:byte(place) ~ 1) .. whole:sub(place + 1),
        "does not fit its checksum")
    end
    write(container({ a = entry("F32", { 1 }, 0, 4), __metadata__ = { note = "old" } }, string.pack("<f", 2)))
    assert.same({ note = "old" }, (select(2, mb.safetensors.read(path))))
  end)
  it("of another version say so if they cannot be read", function()
    local config = { type = "Sequential", layers = { { type = "Later" } } }
    local text = json.encode { config = config, input_shape = { 3 }, info = json.decode "{}" }
    local function file_of(version)
      return container({ a = entry("F32", { 1 }, 0, 4), __metadata__ = { moonbow = text,
        ["moonbow.version"] = version } }, "\0\0\0\0")
    end
    write(file_of "9.1.0")
    assert.matches("Later.* %(moonbow 9.1.0 wrote it, this is " .. mb.VERSION .. "%)$", select(2, mb.load(path)))
    write(file_of(mb.VERSION))
    assert.not_matches("wrote it", select(2, mb.load(path)))
  end)
  it("have headers within the limits", function()
    mb.limits.header = 32
    finally(function() mb.limits.header, mb.limits.elements = 16 << 20, 1 << 31 end)
    refuses_tensors(container({ a = entry("F32", { 1 }, 0, 4) }, "\0\0\0\0") .. ("\0"):rep(100), "limits.header = 32")
    assert.error_matches(function() mb.safetensors.write(path, { a = mb.ones(1) }) end, "limits.header = 32")
    mb.limits.header, mb.limits.elements = 16 << 20, 3
    refuses_tensors(container({ a = entry("U8", { 4 }, 0, 4) }, "\0\0\0\0"), "has 4 elements; limits.elements = 3")
  end)
end)

describe("models", function()
  local function model()
    return mb.models.ho2019_resnet { classes = 3, filters = 4, first_filters = 4, strides = { 2, 1 }, length = 32 }
  end
  it("load with classes, axis and preprocessing", function()
    local original, x = model(), mb.randn(mb.rng(1), 2, 32, 1)
    original:train()(x)
    original:eval()
    local fitted = mb.preprocess.fit({ "snv", "standardize" }, mb.randn(mb.rng(2), 5, 32, 1))
    assert.is_true(mb.save(original, path, { classes = { "a", "b", "c" }, axis = mb.linspace(400, 500, 32),
      preprocessing = fitted, note = "first", unit = "cm-1", quantity = "counts" }))
    local back, info = assert(mb.load(path))
    assert.equal(original(x):tobytes(), back(x):tobytes())
    assert.same({ "a", "b", "c" }, info.classes)
    assert.equal("first", info.note)
    assert.is_true((info.axis:allclose(mb.linspace(400, 500, 32))))
    assert.equal("cm-1 counts", info.unit .. " " .. info.quantity)
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
  it("load exactly the info that was saved, or are refused by name", function()
    local original, inf = model(), 1 / 0
    local fitted = mb.preprocess.fit({ "snv", { "savitzky_golay", window = 5 }, "standardize" },
      mb.randn(mb.rng(2), 5, 32, 1))
    local info = { classes = { "a", "ü\n\"", "" }, axis = { 16777217, 0.1, 1e-300 }, preprocessing = fitted,
      note = ("long "):rep(1000) }
    assert(mb.save(original, path, info))
    local _, back = assert(mb.load(path))
    assert.same(info, back)
    assert.equal("table", type(back.axis))
    local before = content()
    local function refuses(given, message)
      assert.error_matches(function() mb.save(original, path, given) end, message)
      assert.equal(before, content())
    end
    refuses({ axis = { 1, inf } }, "save: info%.axis%[2%] is inf")
    refuses({ axis = { 0 / 0, 1 } }, "info%.axis%[1%] is nan")
    refuses({ axis = mb.tensor { 1, inf } }, "info%.axis%[2%] is inf")
    refuses({ axis = { 1, "x" } }, "axis%[2%]: expected a finite number, got 'x'")
    refuses({ axis = {} }, "axis: expected numbers")
    refuses({ classes = { "a", nil, "c" } }, "classes")
    refuses({ classes = { "a", "b", "\xe4" } }, "info%.classes%[3%] is not valid UTF%-8")
    refuses({ classes = { "a", "b", {} } }, "classes%[3%]: expected a string")
    refuses({ classes = { "a", "b" } }, "classes: expected 3, one per output of the model, got 2")
    refuses({ note = "\xff" }, "info%.note is not valid UTF%-8")
    local broken = mb.preprocess.fit({ "standardize" }, mb.randn(mb.rng(2), 5, 32, 1))
    broken[1].mean[3] = inf
    refuses({ preprocessing = broken }, "info%.preprocessing%[1%]%.mean%[3%] is inf")
    refuses({ preprocessing = { { name = "svn" } } }, "did you mean 'snv'")
    mb.limits.entries = 50
    finally(function() mb.limits.entries = 1 << 20 end)
    refuses({ axis = mb.arange(100) }, "limits%.entries = 50")
  end)
  it("give the same bytes whenever they are saved", function()
    local bytes = {}
    for i = 1, 3 do
      local script = [[local mb = require "moonbow"
        mb.seed(1)
        local model = mb.models.ho2019_resnet { classes = 3, filters = 4, first_filters = 4, length = 32 }
        assert(mb.save(model, arg[1], { classes = { "a", "b", "c" }, note = "n", axis = mb.arange(32) }))]]
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write(script)
      file:close()
      assert(os.execute(("%s %s %s"):format(require "support.interpreter", name, path)))
      os.remove(name)
      bytes[i] = content()
    end
    assert.equal(bytes[1], bytes[2])
    assert.equal(bytes[1], bytes[3])
  end)
  it("with an invalid description give nil and a message, in bounded memory", function()
    local tensors = mb.nn.Sequential { mb.nn.Dense { units = 2 } }
    tensors:build { 3 }
    tensors = tensors:state()
    local function refuses(description, message)
      assert(mb.safetensors.write(path, tensors, { moonbow = json.encode(description) }))
      local back, err = mb.load(path)
      assert.is_nil(back)
      assert.matches("^" .. path:gsub("%p", "%%%0") .. ": ", err)
      assert.matches(message, err)
    end
    local dense = { type = "Dense", units = 2 }
    local config = { type = "Sequential", layers = { dense } }
    local function with(info) return { config = config, input_shape = { 3 }, info = info } end
    assert(mb.safetensors.write(path, tensors, { moonbow = json.encode(with { note = "fine" }) }))
    assert(mb.load(path))
    refuses(with { axis = { 1, "x" } }, "axis%[2%]")
    refuses(with { classes = { 1, { 2 } } }, "classes%[2%]")
    refuses(with { classes = { "a" } }, "classes: expected 2, one per output of the model, got 1")
    refuses(with { clases = { "a" } }, "did you mean 'classes'")
    refuses(with { note = 5 }, "note: expected a string")
    refuses(with { preprocessing = { 5 } }, "step 1: expected a table")
    refuses(with { preprocessing = { { name = "standardize" } } }, "step 1: %a+: expected a table, got nil")
    refuses(with { preprocessing = { { name = "standardize", mean = { 1 }, sd = {} } } }, "step 1: sd")
    refuses(with { preprocessing = { { name = "savitzky_golay", options = { window = -1 } } } }, "window")
    refuses({ config = 5, input_shape = { 3 }, info = {} }, "config: expected a table")
    refuses({ kind = "tree", config = {}, info = {} }, "unknown kind 'tree'")
    refuses({ config = config, input_shape = { 1e9, 1 }, info = {} }, ".")
    refuses({ config = { type = "Dense", units = 2 ^ 30 }, input_shape = { 3 }, info = {} }, ".")
    local text = json.encode { type = "ReLU" }
    for _ = 1, 60 do text = ('{"type":"Sequential","layers":[%s]}'):format(text) end
    refuses({ config = json.decode(text), input_shape = { 3 }, info = {} }, ".")
    local function forest(classes)
      return { kind = "forest", config = { points = 1, classes = classes }, info = {} }
    end
    tensors = { tree = mb.ones(1, 2), node = mb.tensor { { 1, 0, 0, 1 } }, share = mb.ones(1, 2),
      importances = mb.ones(1) }
    assert(mb.safetensors.write(path, tensors, { moonbow = json.encode(forest(3)):gsub("%.0", "") }))
    assert.equal(3, assert(mb.load(path)).classes)
    refuses(forest(1 << 24), "classes: expected at most 65536, got 16777216") -- 3.2 GB for 50 rows
    refuses(forest(0), "classes: expected a positive integer, got 0")
    refuses(forest(nil), "classes: expected a positive integer, got nil")
    tensors = { x = mb.ones(2, 3), y = mb.ones(2) }
    refuses({ kind = "neighbours", config = { k = 1, weights = "uniform", metric = "euclidean", classes = 1 << 20 },
      info = {} }, "classes: expected at most 65536")
    refuses({ kind = "linear", config = { loss = "hinge", classes = 2 }, info = {} }, "loss: expected one of")
    refuses({ kind = "linear", config = { loss = "svm", classes = 2 }, info = {} }, "weight: expected a tensor")
  -- Files of older versions may hold class names in other encodings.
    tensors = { ["1.weight"] = mb.ones(3, 2), ["1.bias"] = mb.ones(2) }
    local text_of_old = '{"config":{"type":"Sequential","layers":[{"type":"Dense","units":2}]},'
      .. '"input_shape":[3],"info":{"classes":["a","\xe4"],"axis":[1,2.5]}}'
    local header = json.encode { ["1.bias"] = { dtype = "F32", shape = { 2 }, data_offsets = { 0, 8 } },
      ["1.weight"] = { dtype = "F32", shape = { 3, 2 }, data_offsets = { 8, 32 } },
      __metadata__ = { moonbow = text_of_old } }
    write(string.pack("<I8", #header) .. header .. ("\0"):rep(32))
    local _, info = assert(mb.load(path))
    assert.same({ "a", "\xe4" }, info.classes)
    assert.same({ 1, 2.5 }, info.axis:totable())
    for _, bad in ipairs { "null", "5", "[]", "{", '{"info":5}' } do
      assert(mb.safetensors.write(path, tensors, { moonbow = bad }))
      assert.matches("no description of a moonbow model", select(2, mb.load(path)))
    end
  end)
end)
