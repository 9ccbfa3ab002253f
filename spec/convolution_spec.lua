-- Numbers of a wide range, in each algorithm of convolution: points far from a large value are not affected by it.
local mb = require "moonbow"

local function in_each_algorithm(test)
  for _, algorithm in ipairs { "automatic", "fft", "direct" } do
    mb.convolution_algorithm(algorithm)
    local ok, message = pcall(test)
    mb.convolution_algorithm "automatic"
    assert(ok, algorithm .. ": " .. tostring(message))
  end
end

-- A value in the middle of each of two spectra.
local function with_value(x, value)
  for n = 1, x:size(1) do x:set(n, 1000, 1, value) end
  return x
end

describe("convolution far from a large value", function()
  it("is chosen by its name", function()
    assert.error_matches(function() mb.convolution_algorithm "fast" end,
      "convolution_algorithm: algorithm: expected 'automatic', 'direct' or 'fft', got 'fast'")
  end)
  it("is zero if a window contains only zeros", function()
    local w = mb.rng(1):normal(0, 1, 50, 1, 64)
    in_each_algorithm(function()
      local y = with_value(mb.zeros(2, 2000, 1), 1e5):conv1d(w)
      assert.equal(0, y:slice(2, 1001, 100):abs():max():item())
    end)
  end)

  it("is right on raw counts, with 1 channel and with 64", function()
    for _, channels in ipairs { 1, 64 } do
      local w = mb.rng(1):normal(0, 1, 50, channels, 16)
      in_each_algorithm(function()
        local background = mb.ones(2, 2000, channels)
        local plain, peak = background:conv1d(w), with_value(mb.ones(2, 2000, channels), 1e5):conv1d(w)
        local wrong = (peak:slice(2, 1001, 100) - plain:slice(2, 1001, 100)):abs():max():item()
        assert.is_true(wrong <= 2e-5 * 50 * channels * 0.7, wrong)
      end)
    end
  end)

  it("has NaN and infinity in the windows of one and nowhere else", function()
    local x, w = mb.rng(2):normal(0, 1, 1, 2000, 64), mb.rng(1):normal(0, 1, 50, 64, 16)
    in_each_algorithm(function()
      local y = with_value(x:copy(), 0 / 0):conv1d(w)
      assert.equal(50 * 16, y:ne(y):sum():item())
      y = with_value(x:copy(), 1 / 0):conv1d(w)
      assert.equal(50 * 16, y:abs():eq(1 / 0):sum():item())
    end)
  end)

  it("gives right gradients of weights that never meet a large value at an end of the spectrum", function()
    local function gradient(algorithm, x, w, dy)
      mb.convolution_algorithm(algorithm)
      local p = w:copy():param()
      x:conv1d(p):backward(dy)
      mb.convolution_algorithm "automatic"
      return p.grad
    end
    for _, case in ipairs { { 200, 50, 20 }, { 200, 20, 14 }, { 500, 25, 18 } } do
      local length, kernel, strong = table.unpack(case)
      local weak = mb.full(1e-3, 1, length - strong, 1)
      local w, dy = mb.rng(1):normal(0, 1, kernel, 1, 64), mb.rng(2):normal(0, 1, 1, length - kernel + 1, 64)
      for _, parts in ipairs { { weak, mb.full(1e4, 1, strong, 1) }, { mb.full(1e4, 1, strong, 1), weak } } do
        local x = mb.concat(parts, 2)
        local size = gradient("direct", x, w:abs(), dy:abs())
        local wrong = gradient("fft", x, w, dy) - gradient("direct", x, w, dy)
        assert.is_true((wrong:abs() / size):max():item() < 2e-5)
      end
    end
  end)
end)
