-- How threads wait: what libgomp reports of its environment when a program loads moonbow.
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
  it("spin briefly, and child processes do not inherit this", function()
    local text = loaded_with ""
    if not text:find("GOMP_SPINCOUNT", 1, true) then pending "another OpenMP than libgomp" end
    assert.matches("GOMP_SPINCOUNT = '3000'", text, nil, true)
    assert.matches("for children: nil", text, nil, true)
  end)

  it("obey the environment if it is set", function()
    assert.matches("GOMP_SPINCOUNT = '77'", loaded_with "GOMP_SPINCOUNT=77", nil, true)
    assert.not_matches("GOMP_SPINCOUNT = '3000'", loaded_with "OMP_WAIT_POLICY=active", nil, true)
  end)
end)

describe("threads of OpenBLAS", function()
  it("do not exist, since kernels never use them and the end of the process would wait for them", function()
    local script = [[require 'moonbow' local n = -2
      for _ in require 'lfs'.dir '/proc/self/task' do n = n + 1 end
      print(n)]]
    if not require "lfs".attributes "/proc/self/task" then return pending "no /proc here" end
    local pipe = assert(io.popen(("env -u OPENBLAS_NUM_THREADS %s -e \"%s\" 2>&1"):format(interpreter, script)))
    assert.equal("1\n", pipe:read "a")
    pipe:close()
  end)
end)

describe("numbers of threads", function()
  local mb = require "moonbow"

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
