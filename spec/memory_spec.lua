-- Memory: loops over temporaries stay bounded, a training step makes no new pages, opening twice is harmless.
local mb = require "moonbow"

local function status(key)
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match("^" .. key .. ":%s*(%d+) kB")
    if kilobytes then return tonumber(kilobytes) / 1024 end
  end
end

describe("memory", function()
  it("of a loop over 100 MB temporaries stays below 500 MB", function()
    mb.release_memory()
    local x = mb.zeros(25 * 1024 * 1024)
    for _ = 1, 100 do x = x + 1 end
    assert.equal(100, x:get(1))
    assert.is_true(mb.memory().peak < 500e6)
    x:close()
    mb.release_memory()
    assert.is_true(mb.memory().cached == 0)
  end)
  it("does not grow in a steady training step", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer keeps freed memory aside" end
    local model = mb.models.one_convolution { classes = 3, length = 1000, kernel = 3 }
    local x, y = mb.randn(256, 1000, 1), mb.full(2, 256)
    local optimizer, parameters, resident = mb.optim.Adam {}, model:train():parameters(), nil
    for step = 1, 200 do
      model(x):cross_entropy(y):backward()
      optimizer:step(parameters)
      if step == 3 then resident = status "VmRSS" end
    end
    if not resident then return pending "no /proc here" end
    assert.is_true(status "VmRSS" - resident < 2, ("grew by %.1f MB"):format(status "VmRSS" - resident))
  end)
end)

describe("opening the module twice", function()
  it("is harmless", function()
    local x = mb.tensor { 1, 2 }
    local saved = {}
    for name, module in pairs(package.loaded) do
      if name:match "^moonbow" then saved[name] = module end
    end
    for name in pairs(saved) do package.loaded[name] = nil end
    local again = require "moonbow"
    for name, module in pairs(saved) do package.loaded[name] = module end
    assert.same({ 2, 4 }, (x + again.tensor { 1, 2 }):totable())
    assert.is_true((again.rng(1):random(3):allclose(mb.rng(1):random(3))))
  end)
end)
