-- mb.import_onnx: recurrent layers, upsampling, and graphs that are no tree of layers.
local mb = require "moonbow"
local core = require "moonbow.core"
local nn = mb.nn
local cases = require "support.onnx_cases"
local damage = require "support.damage"
local made = require "support.made_onnx"
local python = require "support.python"
local same = require "support.same"

local path = os.tmpname()
local numbers, integers, node, tensor = made.numbers, made.integers, made.node, made.tensor

local function import(...)
  made.write(path, ...)
  return mb.import_onnx(path)
end

local function refused(text, ...)
  local network, message = import(...)
  assert.is_nil(network)
  assert.matches(text, message, 1, true)
end

local function random(seed, ...) return mb.rng(seed):normal(0, 1, ...) end

local function assert_near(expected, got)
  assert.same(expected:shape(), got:shape())
  assert.is_true((got - expected):abs():max():item() < 1e-5)
end

-- Replaces a text in the file by another one of the same length.
local function change(from, to)
  local bytes, count = assert(io.open(path, "rb")):read("a"):gsub(from, to)
  assert.is_true(#from == #to and count > 0)
  damage.write(path, bytes)
end

describe("a graph of several inputs and outputs that moonbow exported comes back", function()
  teardown(function() os.remove(path) end)

  it("with its layers and the same bits, and is a network like any other", function()
    for _, case in ipairs(cases.graphs(1, 30, 3)) do
      assert(mb.export_onnx(case.model, path))
      local network = assert(mb.import_onnx(path))
      assert.equal(tostring(case.model), tostring(network))
      same.bits(case.expected, mb.no_grad(network, case.x))
      assert.matches("Dense", tostring(network:summary()))
      assert(mb.save(network, path))
      same.bits(case.expected, mb.no_grad(assert(mb.load(path)), case.x))
    end
  end)
  it("by its graph alone if there is no description, attention aside", function()
    local count = 0
    for _, case in ipairs(cases.graphs(1, 60, 3)) do
      assert(mb.export_onnx(case.model, path))
      change("moonbow.network", "moonbow.unknown")
      local network = mb.import_onnx(path)
      if network then
        count = count + 1
        local got = mb.no_grad(network, case.x)
        for name, value in pairs(case.expected) do assert_near(value, got[name]) end
        assert(mb.save(network, path))
        same.bits(got, mb.no_grad(assert(mb.load(path)), case.x))
      end
      assert.equal(network == nil, tostring(case.model):match "MultiHeadAttention" ~= nil, case.name)
    end
    assert.is_true(count > 20)
  end)
end)

describe("a graph of ONNX", function()
  teardown(function() os.remove(path) end)

  it("may have branches that cross, as an nn.Graph", function()
    local network = assert(import({ "n", 1, 5 }, { node("Relu", { "x" }, "a"), node("Tanh", { "a" }, "b"),
      node("Elu", { "a" }, "c"), node("Add", { "b", "c" }, "d"), node("Sigmoid", { "b" }, "e"),
      node("Mul", { "d", "e" }, "y") }))
    assert.equal("Graph", network.type)
    local x = random(1, 3, 5, 1)
    local b = x:relu():tanh()
    assert_near((b + x:relu():elu(1)) * b:sigmoid(), network(x))
  end)
  it("has the activation of a convolution once if its branches cross", function()
    local w = numbers({ 1, 1, 1 }, { 2 })
    local network = assert(import({ "n", 1, 5 }, { node("Conv", { "x", "w" }, "a"), node("Tanh", { "a" }, "b"),
      node("Relu", { "x" }, "c"), node("Add", { "b", "c" }, "d"), node("Add", { "d", "c" }, "y") }, { w = w }))
    local x = random(1, 3, 5, 1)
    assert.equal("Graph", network.type)
    assert_near((x * 2):tanh() + x:relu() * 2, network(x))
  end)
  it("may have several inputs and outputs, of which one may be the other", function()
    made.write_several(path, { { "map", { "n", 2, 5 } }, { "row", { "n", 3 } } }, {
      node("GlobalMaxPool", { "map" }, "a"), node("Flatten", { "a" }, "b"), node("Concat", { "b", "row" }, "c",
        { axis = 1 }), node("Gemm", { "c", "w" }, "d"), node("Tanh", { "d" }, "e"), node("Identity", { "d" }, "f"),
    }, { w = tensor(random(3, 5, 2)) }, { "d", "e", "f" })
    local network = assert(mb.import_onnx(path))
    local map, row = random(1, 4, 5, 2), random(2, 4, 3)
    local d = mb.concat({ map:max(2), row }, 2):matmul(random(3, 5, 2))
    local got = network { map = map, row = row }
    assert_near(d, got.d)
    assert_near(d:tanh(), got.e)
    assert_near(d, got.f)
    assert.same({ map = { 5, 2 }, row = { 3 } }, network.input_shape)
  end)
  it("may have a transposed convolution, with output_padding", function()
    local w = random(1, 2, 3, 4) -- (in, out, kernel)
    for stride = 1, 5 do
      for left = 0, 2 do
        for more = 0, stride - 1 do
          local network, message = import({ "n", 2, 6 }, { node("ConvTranspose", { "x", "w" }, "y", {
            strides = { stride }, pads = { left, 2 }, output_padding = { more } }) }, { w = tensor(w) })
          if not network then
            assert.matches("output_padding beyond the padding of 2 points", message, 1, true)
            assert.is_true(more > 2)
          else
            local x = random(2, 2, 6, 2)
            local got = assert(network, message)(x)
            local whole = core.conv1d_transpose(x, w:transpose(1, 3), 5 * stride + 4, stride, 1, "valid")
            assert_near(whole:pad(0, more, { dimension = 2 }):slice(2, left + 1, 5 * stride + 2 - left + more), got)
          end
        end
      end
    end
  end)
  it("may have a Resize that repeats points or draws lines, by scales or sizes", function()
    local x = random(1, 2, 5, 3)
    for _, case in ipairs {
      { "nearest", { mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor" } },
      { "nearest", {} },
      { "linear", { mode = "linear" } },
      { "linear", { mode = "linear", coordinate_transformation_mode = "pytorch_half_pixel" } },
    } do
      local expected = core.upsample1d(x, 3, case[1])
      local network = assert(import({ "n", 3, 5 }, { node("Resize", { "x", "", "s" }, "y", case[2]) },
        { s = numbers({ 3 }, { 1, 1, 3 }) }))
      assert_near(expected, network(x))
      network = assert(import({ 7, 3, 5 }, { node("Resize", { "x", "", "", "s" }, "y", case[2]) },
        { s = integers { 7, 3, 15 } }))
      assert_near(expected, network(x))
    end
  end)
  it("may have a recurrent layer with the batch first, without biases, whose last states are taken", function()
    local W, R = random(1, 1, 9, 2), random(2, 1, 9, 3)
    local network = assert(import({ "n", 5, 2 }, { node("GRU", { "x", "w", "r" }, { "", "h" }, { layout = 1,
      linear_before_reset = 1, hidden_size = 3 }), node("Squeeze", { "h", "axes" }, "y") },
      { w = tensor(W), r = tensor(R), axes = integers { 1 } }))
    local layer, x = nn.GRU { units = 3 }, random(3, 4, 5, 2)
    layer:build { 5, 2 }
    layer:load_state { weight = W[1]:transpose(1, 2), recurrent_weight = R[1]:transpose(1, 2), bias = mb.zeros(9),
      recurrent_bias = mb.zeros(3) }
    assert_near(layer(x), network(x))
    assert.equal("GRU", network.layers[1].type)
  end)
  it("may have the points first, which stand second in moonbow", function()
    local W, R, x = random(1, 1, 9, 2), random(2, 1, 9, 3), random(3, 4, 5, 2)
    for _, batch in ipairs { "n", 4 } do
      local network = assert(import({ 5, batch, 2 }, { node("GRU", { "x", "w", "r" }, "a", { linear_before_reset = 1 }),
        node("Squeeze", { "a", "axes" }, "y") }, { w = tensor(W), r = tensor(R), axes = integers { 1 } }))
      local layer = nn.GRU { units = 3, return_sequences = true }
      layer:build { 5, 2 }
      layer:load_state { weight = W[1]:transpose(1, 2), recurrent_weight = R[1]:transpose(1, 2), bias = mb.zeros(9),
        recurrent_bias = mb.zeros(3) }
      assert_near(layer(x), network(x))
    end
  end)
end)

describe("a file is refused, with its node,", function()
  teardown(function() os.remove(path) end)

  -- An LSTM over (N, L = 5, C = 2) of 3 units, with other inputs and attributes.
  local function lstm(attributes, more, constants)
    constants = constants or {}
    constants.w = constants.w or tensor(random(1, 1, 12, 2))
    constants.r = constants.r or tensor(random(2, 1, 12, 3))
    local given = { "t", "w", "r", table.unpack(more or {}) }
    return { "n", 5, 2 }, { node("Transpose", { "x" }, "t", { perm = { 1, 0, 2 } }),
      node(constants.kind or "LSTM", given, { "states" }, attributes), node("Squeeze", { "states", "a" }, "s"),
      node("Transpose", { "s" }, "y", { perm = { 1, 0, 2 } }) }, { w = constants.w, r = constants.r, b = constants.b,
      h = constants.h, a = integers { 1 } }
  end

  it("with a recurrent layer that is none of moonbow's", function()
    assert(import(lstm {}))
    local where = "node 2 (LSTM, states): "
    refused(where .. "the direction 'reverse'", lstm { direction = "reverse" })
    refused(where .. "the weights: expected the shape {2, 12, 2}, got {1, 12, 2}", lstm { direction = "bidirectional" })
    refused(where .. "bounds of the sums", lstm { clip = 1.5 })
    refused(where .. "a length for each spectrum", lstm({}, { "", "a" }))
    refused(where .. "states that do not begin at 0", lstm({}, { "", "", "h" }, { h = numbers({ 1, 1, 3 },
      { 0, 1, 0 }) }))
    refused(where .. "gates that see the cell", lstm({}, { "", "", "", "", "h" }, { h = numbers({ 1, 9 },
      { 0, 1, 0, 0, 0, 0, 0, 0, 0 }) }))
    refused(where .. "the bias: expected the shape {1, 24}, got {1, 2}", lstm({}, { "b" }, { b = numbers({ 1, 2 },
      { 1, 2 }) }))
    refused(where .. "the weights: expected the shape {1, 12, 2}, got {1, 12, 1}", lstm({}, {},
      { w = tensor(random(1, 1, 12, 1)) }))
    refused(where .. "the activations Tanh, Tanh, Softsign", lstm { activations = { "Tanh", "Tanh", "Softsign" } })
    refused(where .. "gates with the activation tanh", lstm { activations = { "Tanh", "Tanh", "Tanh" } })
    refused(where .. "an activation of the cell (tanh) other than that of the output (relu)",
      lstm { activations = { "Sigmoid", "Tanh", "Relu" } })
    refused("node 2 (GRU, states): a reset gate before the product with the state", lstm({}, {}, { kind = "GRU",
      w = tensor(random(1, 1, 9, 2)), r = tensor(random(2, 1, 9, 3)) }))
  end)
  it("that takes other parts of the states than moonbow's layers give", function()
    local dims, nodes, constants = lstm {}
    constants.first = { dims = {}, data_type = 7, raw_data = string.pack("<i8", 0) }
    nodes[4] = node("Gather", { "s", "first" }, "y", { axis = 0 })
    refused("node 4 (Gather, y): entry 0 of the dimension L", dims, nodes, constants)
    nodes[3], nodes[4] = node("Squeeze", { "states", "a" }, "s"), node("Relu", { "s" }, "y")
    refused("node 4 (Relu, y): the spectra do not stand in the first dimension", dims, nodes, constants)
  end)
  it("with a recurrence along the spectra", function()
    refused("node 1 (LSTM, y): a recurrence over {N, L, C}; expected the points first", { "n", 5, 2 },
      { node("LSTM", { "x", "w", "r" }, "y") }, { w = tensor(random(1, 1, 12, 2)), r = tensor(random(2, 1, 12, 3)) })
  end)
  it("with states of two directions that are not side by side", function()
    refused("its output has states of two directions that are not side by side", { 5, "n", 2 },
      { node("LSTM", { "x", "w", "r" }, "y", { direction = "bidirectional" }) },
      { w = tensor(random(1, 2, 12, 2)), r = tensor(random(2, 2, 12, 3)) })
  end)
  it("with a Resize of other points", function()
    local function resize(attributes, scales)
      return { "n", 3, 5 }, { node("Resize", { "x", "", "s" }, "y", attributes) }, { s = numbers({ 3 }, scales) }
    end
    refused("node 1 (Resize, y): the mode linear with the places align_corners",
      resize({ mode = "linear", coordinate_transformation_mode = "align_corners" }, { 1, 1, 2 }))
    refused("the mode cubic with the places half_pixel", resize({ mode = "cubic" }, { 1, 1, 2 }))
    refused("the mode nearest with the places asymmetric and round_prefer_floor",
      resize({ coordinate_transformation_mode = "asymmetric" }, { 1, 1, 2 }))
    refused("1.5 points for each", resize({}, { 1, 1, 1.5 }))
    refused("0.5 points for each", resize({}, { 1, 1, 0.5 }))
    refused("another size of the dimension C", resize({}, { 1, 2, 2 }))
    refused("points", resize({}, { 1, 1, 2 ^ 100 }))
  end)
  it("with a transposed convolution in groups, or of other sizes", function()
    local function transposed(attributes, w)
      return { "n", 2, 5 }, { node("ConvTranspose", { "x", "w" }, "y", attributes) }, { w = tensor(w) }
    end
    refused("node 1 (ConvTranspose, y): a transposed convolution in 2 groups",
      transposed({ group = 2 }, random(1, 2, 1, 3)))
    refused("its input has 2 channels, its filters expect 3", transposed({}, random(1, 3, 1, 3)))
    refused("output_padding 2 with the stride 2", transposed({ strides = { 2 }, output_padding = { 2 } },
      random(1, 2, 1, 3)))
    refused("-3 points", transposed({ pads = { 5, 5 } }, random(1, 2, 1, 3)))
    refused("points", transposed({ strides = { 1 << 30 } }, random(1, 2, 1, 3)))
  end)
  it("with a part of points that no layer takes, or values joined with themselves", function()
    refused("node 1 (Slice, y): a part of the points", { "n", 5, 2 }, { node("Slice", { "x", "a", "b", "c" }, "y") },
      { a = integers { 1 }, b = integers { 3 }, c = integers { 1 } })
    refused("a value joined with itself", { "n", 2, 5 }, { node("Relu", { "x" }, "a"), node("Mul", { "a", "a" }, "y") })
  end)
  it("for each damaged copy, or is read", function()
    local found = { 0, 0 }
    for _, case in ipairs(cases.graphs(1, 4, 1)) do
      assert(mb.export_onnx(case.model, path))
      change("moonbow.network", "moonbow.unknown")
      local copies, refusals = damage.all(mb.import_onnx, path, assert(io.open(path, "rb")):read "a")
      found = { found[1] + copies, found[2] + refusals }
    end
    assert.is_true(found[2] > found[1] // 4)
  end)
end)

describe("files of others:", function()
  -- What torch.export makes of lines between points: values chosen by tables of numbers.
  local unread = { linear_2 = true, linear_3 = true, linear_size = true }

  for _, option in ipairs { "", "--dynamo " } do
    it("layers of PyTorch, by " .. (option == "" and "traces" or "torch.export"), function()
      local modules = "torch, onnx" .. (option == "" and "" or ", onnxscript")
      if not python.has(modules) then return pending(python.missing(modules)) end
      python.run(function(folder) return "spec/support/torch_layers.py " .. option .. folder end, function(folder)
        local count = 0
        for name in require("lfs").dir(folder) do
          local case = name:match "^(.*)%.onnx$"
          local network, message = nil, nil
          if case then network, message = mb.import_onnx(folder .. "/" .. name) end
          if case and option ~= "" and unread[case] then
            assert.matches("GatherND", message)
          elseif case then
            count = count + 1
            local x, y = mb.load_npy(folder .. "/" .. case .. ".x.npy"), mb.load_npy(folder .. "/" .. case .. ".y.npy")
            assert_near(y, mb.no_grad(assert(network, message), x))
          end
        end
        assert.is_true(count >= 22)
      end)
    end)
  end
end)
