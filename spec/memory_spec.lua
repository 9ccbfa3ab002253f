-- Memory: loops over temporaries stay bounded, a step keeps only what it needs and makes no new pages, opening twice
-- is harmless.
local mb = require "moonbow"
local interpreter = require "support.interpreter"

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
    for _ = 1, 20 do x = x + 1 end -- 2 GB
    assert.equal(20, x:get(1))
    assert.is_true(mb.memory().peak < 500e6)
    x:close()
    mb.release_memory()
    assert.is_true(mb.memory().cached == 0)
  end)
  it("has a peak since the last release that was asked for, not since a large file was read", function()
    mb.release_memory()
    local before = mb.memory().peak
    mb.zeros(4000000):close()
    require "moonbow.io.let_go"(1 << 30)
    assert.is_true(mb.memory().peak - before >= 16e6)
    mb.release_memory()
    assert.is_true(mb.memory().peak - before < 16e6)
  end)
  it("of a loop over small temporaries stays bounded too", function()
    mb.release_memory()
    local x = mb.zeros(100000)
    for _ = 1, 2000 do x = x + 1 end
    assert.equal(2000, x:get(1))
    assert.is_true(mb.memory().peak < 100e6, mb.memory().peak)
    x:close()
    mb.release_memory()
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

describe("memory that runs out", function()
  -- Returns what a script prints if it may address that many megabytes (nil: no limit).
  local function within(megabytes, script)
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write("local mb = require 'moonbow'\n", script)
    file:close()
    local pipe = assert(io.popen(("ulimit -v %s; OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 %s %s 2>&1"):format(
      megabytes and megabytes * 1024 or "unlimited", interpreter, name)))
    local text = pipe:read "a"
    pipe:close()
    os.remove(name)
    return text
  end
  local free_blocks = [[
    local kept = {}
    for i = 1, 800 do kept[i] = mb.zeros(125000) end
    for i = 1, 800 do kept[i]:close() end
    kept = nil
    assert(mb.memory().cached > 4e8)
  ]]

  it("is there for a tensor when the pool is full of free blocks", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer maps terabytes" end
    assert.equal("75000000\n", within(700, free_blocks .. "print(mb.zeros(75e6):count())"))
  end)
  it("is there for Lua when the pool is full of free blocks", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer maps terabytes" end
    assert.equal("200000000\n", within(700, free_blocks .. "print(#('x'):rep(200000000))")) -- held twice for a moment
  end)
  it("is an error after which a script can continue", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer maps terabytes" end
    assert.equal("false\ttrue\t3\n", within(700, [[
      local ok, err = pcall(mb.zeros, 2^28 | 0)
      print(ok, err:find("not enough memory: 1024 MB asked for, ", 1, true) ~= nil, mb.ones(3):sum():item() | 0)
    ]]))
  end)
  it("does not end the process inside liblinear", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer maps terabytes" end
    if not os.execute "command -v prlimit >/dev/null" then return pending "no prlimit here" end
    -- With little more memory than now, Lua cannot hold the rows; with some more, liblinear cannot allocate its own.
    local text = within(nil, [[
      local x, y = mb.rng(1):normal(0, 1, 300000, 1), mb.ones(300000)
      for i = 1, 300000, 2 do y:set(i, 2) end
      mb.linear.fit(x:narrow(1, 100), y:narrow(1, 100))
      local kilobytes = io.open "/proc/self/status":read "a":match "VmSize:%s*(%d+)"
      local process = io.open "/proc/self/stat":read "n"
      for megabytes = 8, 120, 4 do
        os.execute(("prlimit --pid %d --as=%d:"):format(process, (kilobytes + megabytes * 1024) * 1024))
        local ok, err = pcall(mb.linear.fit, x, y)
        if ok then break end
        print(err)
      end
    ]])
    for line in text:gmatch "[^\n]+" do assert.matches("not enough memory", line) end
    assert.matches("linear.fit: not enough memory: %d+ MB asked for\n", text)
  end)
end)

local MAP = 64 * 1000 * 16 * 4 -- bytes of each map below

-- Returns by how many maps memory has grown after f, without a garbage collection in between.
local function maps_left(f)
  collectgarbage()
  collectgarbage()
  collectgarbage "stop"
  local before = mb.memory().live
  local kept = table.pack(pcall(f))
  local maps = (mb.memory().live - before) / MAP
  collectgarbage "restart"
  assert(table.unpack(kept))
  return maps
end

local function three_maps(...)
  local nn, layers = mb.nn, { ... }
  for _ = 1, 3 do
    layers[#layers + 1] = nn.Conv1d { filters = 16, kernel = 3, padding = "same" }
    layers[#layers + 1] = nn.BatchNorm1d { activation = "relu" }
  end
  local model = nn.Sequential(layers)
  model:build({ 1000, 16 }, mb.rng(1))
  return model
end

describe("memory of maps between layers", function()
  local x = mb.randn(64, 1000, 16)

  it("is freed at once while not recording", function()
    local model, y = three_maps(), nil
    mb.no_grad(model, x) -- allocates the scratch that convolutions share
    assert.near(1, maps_left(function() y = mb.no_grad(model, x) end), 0.1)
    assert.same({ 64, 1000, 16 }, y:shape())
  end)
  it("is one map for a convolution and its batch norm, and none after backward", function()
    local model = three_maps():train()
    local y
    assert.near(4, maps_left(function() y = model(x) end), 0.1) -- three and the result
    assert.near(-4, maps_left(function()
      y:sum():backward()
      y:close()
    end), 0.1)
  end)

  local function with_pooling(channels)
    local nn = mb.nn
    local model = nn.Sequential {
      nn.Conv1d { filters = 16, kernel = 3, padding = "same" },
      nn.BatchNorm1d { activation = "leaky_relu" }, nn.MaxPool1d { size = 2 },
    }
    model:build({ 1000, channels }, mb.rng(1))
    return model:train()
  end
  it("is one map for a batch norm with pooling, and its backward pass needs no other", function()
    local model, y = with_pooling(16), nil
    -- The map, half a map, and a byte for each of its reals.
    assert.near(1.625, maps_left(function() y = model(x) end), 0.1)
    local dy = mb.ones(y:shape())
    mb.release_memory()
    local before = mb.memory().live
    y:backward(dy)
    assert.is_true(mb.memory().peak - before < 0.2 * MAP)
  end)
  it("has no map of a convolution that is cheap to recompute", function()
    local model, y = with_pooling(1), nil
    assert.near(0.625, maps_left(function() y = model(mb.randn(64, 1000, 1)) end), 0.15)
    y:sum():backward()
  end)
  it("is reused for the gradient of a dense layer's input", function()
    local nn = mb.nn
    local model = nn.Sequential { nn.Conv1d { filters = 16, kernel = 1, activation = "tanh" }, nn.Flatten {},
      nn.Dropout { rate = 0.5 }, nn.Dense { units = 1 } }
    model:build({ 1000, 16 }, mb.rng(1))
    local y = model:train()(x)
    mb.release_memory()
    local before = mb.memory().live
    y:sum():backward()
    assert.is_true(mb.memory().peak - before < 0.3 * MAP, (mb.memory().peak - before) / MAP)
  end)
  it("is not freed if a function has kept the map", function()
    local seen = {}
    local function see(z)
      seen[#seen + 1] = z
      return z
    end
    local model = three_maps(mb.nn.Lambda { see }, mb.nn.Conv1d { filters = 16, kernel = 1, activation = see }):train()
    seen = {} -- without the maps of building the model
    model(x):sum():backward()
    mb.no_grad(model, x)
    assert.equal(4, #seen)
    for _, z in ipairs(seen) do assert.same({ 64, 1000, 16 }, z:shape()) end
  end)
  it("is reused for another size", function()
    mb.release_memory()
    local a, b = mb.zeros(10e6), mb.zeros(6e6)
    local before = mb.memory()
    a:close()
    b:close()
    local c <close> = mb.zeros(15e6)
    local after = mb.memory()
    assert.is_true(after.live + after.cached <= before.live + before.cached)
    assert.equal(15e6, c:count())
  end)
  it("has the values that were changed in place before their use", function()
    local norm, conv = mb.nn.BatchNorm1d {}, mb.nn.Conv1d { filters = 1, kernel = 1 }
    local y = norm:train()(mb.randn(2, 5, 1))
    mb.no_grad(function() y:fill(3) end)
    conv(y):sum():backward()
    assert.near(30, conv.weight.grad:item(), 1e-6)
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
