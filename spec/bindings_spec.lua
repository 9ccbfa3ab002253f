-- The functions in C check every argument: the Lua files that call them pass valid ones, but a mistake there must not
-- read or write past the end of a tensor.
local mb = require "moonbow"
local core = require "moonbow.core"

local function refuses(message, f, ...)
  local arguments = table.pack(...)
  assert.error_matches(function() f(table.unpack(arguments, 1, arguments.n)) end, message, nil, false)
end

local x, w = mb.ones(2, 6, 3), mb.ones(2, 3, 4)
local flags = { true, true, true }

describe("in C, a layer refuses", function()
  it("weights of other channels than the input", function()
    refuses("conv1d: input has 3 channels, weights expect 5", core.conv1d, x, mb.ones(2, 5, 4), nil, 1, 1, "valid")
  end)
  it("a gradient of another shape than its result", function()
    refuses("conv1d: dy: expected 40 elements, got shape {2, 6, 4}", core.conv1d_backward, mb.ones(2, 6, 4), nil, x, w,
      1, 1, "valid", 1, nil, nil, nil, table.unpack(flags))
    refuses("slice: dy does not fit", core.slice_backward, mb.ones(2, 5), { 2, 6 }, 2, 3)
  end)
  it("a backward pass after a forward pass that saved nothing", function()
    refuses("conv1d: backward expected the argmax of a forward pass that kept it", core.conv1d_backward,
      mb.ones(2, 2, 4), nil, x, w, 1, 1, "valid", 1, 2, 2, nil, table.unpack(flags))
    refuses("dropout: backward expected what a forward pass kept", core.dropout_backward, x, mb.ones(2), 0.5)
  end)
  it("an unknown kind of padding", function()
    local message = "conv1d: padding: expected 'same', 'valid', 'causal', a number of points or { left, right }, got "
    refuses(message .. "'full'", core.conv1d, x, w, nil, 1, 1, "full")
    refuses(message .. "a table", core.conv1d, x, w, nil, 1, 1, { 1, -1 })
    refuses(message .. "a table", core.conv1d, x, w, nil, 1, 1, { 1, 2, 3 })
    refuses("max_pool1d: padding: expected 'same' or 'valid'", core.max_pool1d, x, 2, 2, 1)
  end)
  it("groups that do not divide the channels", function()
    refuses("conv1d: input has 3 channels in 2 groups, weights expect 3 in each", core.conv1d, x, w, nil, 1, 1,
      "valid", 2)
    refuses("conv1d: groups: expected a divisor of 3 channels and 4 filters, got 3", core.conv1d, x,
      mb.ones(2, 1, 4), nil, 1, 1, "valid", 3)
  end)
  it("a recurrence whose arrays do not fit", function()
    local recurrent, backward = core.recurrent, core.recurrent_backward
    local weights, bias = mb.ones(3, 8), mb.ones(8)
    refuses("recurrent: kind: expected 'lstm' or 'gru', got 'rnn'", recurrent, "rnn", x, weights, bias, mb.ones(2, 3))
    refuses("recurrent: recurrent weights: expected 8 columns, got 3", recurrent, "lstm", x, weights, bias,
      mb.ones(2, 3))
    refuses("recurrent: input has 3 channels, weights expect 4", recurrent, "lstm", x, mb.ones(4, 8), bias,
      mb.ones(2, 8))
    refuses("recurrent: bias: expected 8 elements, got shape {3}", recurrent, "lstm", x, weights, mb.ones(3),
      mb.ones(2, 8))
    refuses("recurrent: product bias: expected a tensor, got nil", recurrent, "gru", x, mb.ones(3, 6), mb.ones(6),
      mb.ones(2, 6))
    refuses("recurrent: gates: expected 96 elements, got shape {3}", backward, "gru", mb.ones(2, 6, 2),
      mb.ones(2, 6, 2), mb.ones(3), nil, mb.ones(2, 6))
    refuses("recurrent: c: expected a tensor, got nil", backward, "lstm", mb.ones(2, 6, 2), mb.ones(2, 6, 2),
      mb.ones(2, 6, 8), nil, mb.ones(2, 8))
  end)
  it("attention whose arrays do not fit", function()
    refuses("attention: qkv: expected 3 times a multiple of 2 channels, got 9", core.attention, mb.ones(1, 4, 9), 2)
    refuses("attention: dy: expected 8 elements, got shape {3}", core.attention_backward, mb.ones(3), mb.ones(1, 4, 6),
      2)
  end)
  it("a rate of dropout of 1", function()
    refuses("dropout: rate: expected a number of at least 0 and below 1, got 1", core.dropout, x, 1, mb.rng(1), true)
  end)
  it("a backward pass of batch norm and pooling after a forward pass that saved nothing", function()
    local ones = mb.ones(3)
    refuses("batch_norm: backward expected the argmax of a forward pass that kept it", core.batch_norm_backward,
      mb.ones(2, 3, 3), nil, x, ones, ones, ones, ones, 1e-3, 0, 2, 2, true)
  end)
  it("class weights that are negative or NaN", function()
    for _, bad in ipairs { -1, 0 / 0, math.huge } do
      refuses("class weights: expected numbers of at least 0, got .* for class 2", core.cross_entropy, mb.ones(2, 2),
        { 1, 2 }, mb.tensor { 1, bad })
    end
  end)
end)

describe("in C, the search for NaN", function()
  it("refuses values that are not tensors, also when it looks for gradients", function()
    for _, value in ipairs { 1, "x", print } do
      refuses("find_non_finite: tensor: expected a tensor, got ", core.find_non_finite, { x, value }, false)
      refuses("find_non_finite: tensor: expected a tensor, got ", core.find_non_finite, { x, value }, true)
    end
  end)
end)

describe("in C, an option", function()
  it("is one of its names, which the message lists", function()
    refuses("preprocess: scale: expected 'snv', 'min_max', 'max' or 'area', got 'same'", core.scale, x, "same")
    refuses("distances: metric: expected 'euclidean', .*'dtw' or 'ddtw', got 1", core.distances, mb.ones(2, 2),
      mb.ones(2, 2), 1)
  end)
end)

describe("in C, a tensor refuses", function()
  it("bytes that are more or fewer than its elements", function()
    refuses("frombytes: expected 24 bytes for the shape, got 8", core.frombytes, "12345678", 2, 3)
    refuses("decode: expected 24 bytes for the shape, got 7", core.decode, "12345678", 2, "f4", false, { 2, 3 })
    refuses("decode: type: expected a type of numbers, such as 'f4', got 'f5'", core.decode, "12345678", 1, "f5", false,
      { 2 })
  end)
  it("more cells of a CSV than a row has", function()
    refuses("csv_row: 3 numbers do not fit row 2", core.csv_row, "1,2,3", ",", ".", "111", mb.zeros(2, 2), 2)
  end)
  it("parts of other shapes than the first", function()
    refuses("concat: tensor 2 has shape {3, 2}, which does not fit beside {2, 2} along dimension 2", core.concat,
      { mb.ones(2, 2), mb.ones(3, 2) }, 2)
  end)
  it("more elements than can be counted", function()
    refuses("zeros: the tensor would have too many elements", mb.zeros, 1 << 30, 1 << 30, 1 << 30)
  end)
end)

describe("in C, a generator refuses", function()
  it("probabilities that are not a list", function()
    refuses("rng:choice: p: expected a tensor or table of probabilities, got 'even'", core.rng_choice, mb.rng(1), 3, 1,
      true, "even", true)
  end)
end)

describe("in C, a baseline refuses", function()
  local rows = mb.tensor { { 1, 2 }, { 3, 4 }, { 5, 7 } }

  it("labels that are more or fewer than the rows", function()
    refuses("linear.fit: y: expected 3 labels, one per row of x, got 2", core.linear_fit, rows, { 1, 2 }, 2, false, 1,
      1e-4, 1)
  end)
  it("spectra of two points, if derivatives are compared", function()
    refuses("a derivative needs at least 3 points, got 2", core.nearest, rows, rows, "ddtw", nil, 1)
  end)
  it("rows of other points than those it was fitted on", function()
    local forest = mb.forest.fit(rows, { 1, 2, 2 }, { trees = 2 })
    refuses("forest: x has 3 points per row, the forest was fitted on 2", core.forest_predict, forest.grown,
      mb.ones(1, 3))
    refuses("distances: rows of a have 3 points, rows of b 2", core.distances, mb.ones(1, 3), rows, "euclidean")
  end)
end)

describe("in C, peaks refuse", function()
  local spectra = mb.zeros(2, 10, 1)

  it("heights that are more or fewer than the positions", function()
    refuses("op: expected as many heights as positions, at least 1, got 1 and 2", core.peaks_exact, "op", spectra, 1,
      { 3, 4 }, { 1 }, 2, false)
    refuses("op: heights: expected a table of numbers, got 3", core.peaks_exact, "op", spectra, 1, { 3 }, 3, 2, false)
  end)
  it("a width of 0, or above the length of the spectrum", function()
    for _, sigma in ipairs { 0, 11, 0 / 0 } do
      refuses("op: sigma: expected more than 0 and at most the 10 points, got ", core.peaks_exact, "op", spectra, 1,
        { 3 }, { 1 }, sigma, false)
    end
  end)
end)

-- These have no binding: the choice of instruction sets, status and threads, the epilogue of convolutions; matrices of
-- doubles and the search for a minimum, which the models that are solved use.
local shared = { simd = true, status = true, epilogue = true, dense = true, lbfgs = true }

describe("a kernel", function()
  local function exists(path)
    local file = io.open(path)
    return file ~= nil and file:close()
  end
  it("has a binding and a test of its name, or the name of such a kernel as its prefix", function()
    local pipe = assert(io.popen "ls csrc/kernel/*.c")
    local count = 0
    for path in pipe:lines() do
      local name = path:match "([%w_]+)%.c$"
      local family = name
      for prefix in name:gmatch "()_" do
        local shorter = name:sub(1, prefix - 1)
        if exists("csrc/kernel/" .. shorter .. ".c") then family = shorter break end
      end
      if not shared[family] then
        count = count + 1
        assert.is_true(exists("csrc/bind/" .. family .. ".c"), path .. " has no binding")
        assert.is_true(exists("csrc/test/test_" .. family .. ".c"), path .. " has no test")
      end
    end
    pipe:close()
    assert.is_true(count > 20)
  end)
end)
