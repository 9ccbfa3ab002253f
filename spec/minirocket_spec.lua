-- The features of MiniROCKET (experiments/lib) are those of plain loops over the definition of Dempster et al. 2021.
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local minirocket = require "lib.minirocket"
local temporary_folder = require "support.temporary_folder"

local LENGTH = 40
local series = mb.rng(1):normal(0, 1, { 5, LENGTH, 1 })

-- The kernels in the order of the publication: all triples of the nine points.
local triples = {}
for a = 0, 8 do
  for b = a + 1, 8 do
    for c = b + 1, 8 do triples[#triples + 1] = { [a] = 2, [b] = 2, [c] = 2 } end
  end
end

local function convolution(values, triple, dilation, is_padded)
  local y = {}
  for t = 1, LENGTH do
    local sum, is_whole = 0, true
    for i = 0, 8 do
      local at = t + (i - 4) * dilation
      is_whole = is_whole and at >= 1 and at <= LENGTH
      sum = sum + (triple[i] or -1) * (values[at] and values[at][1] or 0)
    end
    if is_padded or is_whole then y[#y + 1] = sum end
  end
  return y
end

local function share_above(y, bias)
  local count = 0
  for _, value in ipairs(y) do count = count + (value > bias and 1 or 0) end
  return count / #y
end

describe("MiniROCKET", function()
  it("takes its biases from all series, also from a single one", function()
    local one = minirocket.fit(series:narrow(5, 1), { features = 84, seed = 3 })
    assert.same({ 5, 84 }, minirocket.apply(one, series):shape())
  end)
  local parts = minirocket.fit(series, { features = 5 * 84, seed = 3 })
  local features = minirocket.apply(parts, series)
  it("makes as many features of each kernel as asked, by dilations of 1 to the length over 8", function()
    assert.same({ 5, 5 * 84 }, features:shape())
    local seen = {}
    for p = 1, #parts, 2 do seen[#seen + 1] = parts[p].dilation end
    assert.same({ 1, 2, 3, 4 }, seen) -- the whole parts of 39 / 8 to the power of 0, 1/4, 1/2, 3/4 and 1: 1, 1, 2, 3, 4
    assert.equal(2, parts[1].numbers)
    assert.same({ 9, 1, 42 }, parts[1].kernels:shape())
  end)
  it("gives the share of points above each bias, padded or not in turn", function()
    local place, rows, padded = 0, features:totable(), 0
    for p, part in ipairs(parts) do
      padded = padded + (part.is_padded and 1 or 0)
      for f = 1, part.numbers do
        for k = 1, 42 do
          place = place + 1
          local triple = triples[2 * (k - 1) + (p - 1) % 2 + 1]
          for i = 1, 5 do
            local y = convolution(series:totable()[i], triple, part.dilation, part.is_padded)
            assert.near(share_above(y, part.biases:get(f, k)), rows[i][place], 1.01 / #y) -- a point may be a tie
          end
        end
      end
    end
    assert.equal(5 * 84, place)
    assert.equal(#parts // 2, padded)
  end)
  it("takes biases that are quantiles of a training series", function()
    local least, greatest = math.huge, -math.huge
    for i = 1, 5 do
      for _, value in ipairs(convolution(series:totable()[i], triples[1], 1, true)) do
        least, greatest = math.min(least, value), math.max(greatest, value)
      end
    end
    for f = 1, parts[1].numbers do
      local bias = parts[1].biases:get(f, 1)
      assert.is_true(bias >= least and bias <= greatest)
    end
    assert.is_true(parts[1].biases:get(1, 1) ~= parts[1].biases:get(2, 1))
  end)
  it("says the same again for a seed, and tells series of other shapes apart", function()
    assert.same(features:totable(), minirocket.apply(minirocket.fit(series, { features = 420, seed = 3 }),
      series):totable())
    assert.is_false(pcall(minirocket.apply, parts, mb.zeros(1, 5, 1)))
  end)
end)

describe("experiments/minirocket.lua", function()
  it("refuses a challenge set that there is not", function()
    local folder = temporary_folder()
    local pipe = io.popen(("%s experiments/minirocket.lua --challenge 2 --out %s 2>&1"):format(interpreter, folder))
    assert.equal("minirocket: --challenge: expected 0 or 1, got 2\n", pipe:read "a")
    pipe:close()
    os.execute("rm -r " .. folder)
  end)
end)
