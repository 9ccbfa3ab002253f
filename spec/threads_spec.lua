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
