-- How threads wait: what libgomp says of its environment when a program loads moonbow.
local interpreter = require "support.interpreter"

local function loaded_with(environment)
  local script = [[require 'moonbow' print('for children: ' .. tostring(os.getenv 'GOMP_SPINCOUNT'))]]
  local command = 'env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT OMP_DISPLAY_ENV=verbose %s %s -e "%s" 2>&1'
  local pipe = assert(io.popen(command:format(environment, interpreter, script)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

describe("threads that wait", function()
  it("spin briefly, and programs that are started from here are not told so", function()
    local text = loaded_with ""
    if not text:find("GOMP_SPINCOUNT", 1, true) then pending "another OpenMP than libgomp" end
    assert.matches("GOMP_SPINCOUNT = '3000'", text, nil, true)
    assert.matches("for children: nil", text, nil, true)
  end)

  it("do as the environment says where it says something", function()
    assert.matches("GOMP_SPINCOUNT = '77'", loaded_with "GOMP_SPINCOUNT=77", nil, true)
    assert.not_matches("GOMP_SPINCOUNT = '3000'", loaded_with "OMP_WAIT_POLICY=active", nil, true)
  end)
end)

describe("threads of OpenBLAS", function()
  it("are none, for kernels never use them and the end of the process would wait for them", function()
    local script = [[require 'moonbow' local n = -2
      for _ in require 'lfs'.dir '/proc/self/task' do n = n + 1 end
      print(n)]]
    if not require "lfs".attributes "/proc/self/task" then return pending "no /proc here" end
    local pipe = assert(io.popen(("env -u OPENBLAS_NUM_THREADS %s -e \"%s\" 2>&1"):format(interpreter, script)))
    assert.equal("1\n", pipe:read "a")
    pipe:close()
  end)
end)

describe("the settings of a Lua state", function()
  local mb = require "moonbow"
  local uv = require "luv"

  it("are its own", function()
    local before = mb.threads()
    local thread = uv.new_thread(function(path, cpath)
      package.path, package.cpath = path, cpath
      local inner = require "moonbow"
      inner.threads(inner.threads() + 1)
      inner.convolution_way "spectral"
      local x = inner.ones(64, 200, 8)
      for _ = 1, 20 do x = x:conv1d(inner.ones(15, 8, 8) * 0.01, nil, { padding = "same" }) end
    end, package.path, package.cpath)
    local x, w = mb.rng(1):normal(0, 1, 4, 300, 8), mb.rng(2):normal(0, 1, 33, 8, 8)
    mb.convolution_way "direct"
    local direct = x:conv1d(w):tobytes()
    for _ = 1, 20 do assert.is_true(x:conv1d(w):tobytes() == direct) end
    thread:join()
    assert.is_true(x:conv1d(w):tobytes() == direct)
    assert.equal(before, mb.threads())
    mb.convolution_way "automatic"
  end)
  it("are bounded", function()
    local before = mb.threads()
    for _, count in ipairs { 0, -1, 1.5, 100000, "2", 0 / 0 } do
      assert.error_matches(function() mb.threads(count) end, "threads: count: expected an integer from 1 to %d+, got ")
    end
    assert.equal(before, mb.threads())
    assert.equal(64, mb.threads(64))
    mb.threads(before)
  end)
end)
