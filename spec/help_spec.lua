-- mb.help prints the comment above the definition that was asked for.
local mb = require "moonbow"

local function printed(what)
  local lines, original = {}, print
  _G.print = function(text) lines[#lines + 1] = text end -- luacheck: ignore
  local ok, err = pcall(mb.help, what)
  _G.print = original -- luacheck: ignore
  assert(ok, err)
  return lines
end

describe("help", function()
  it("on a function is of that function, even where others have its name", function()
    local expected = { [mb.forest.fit] = "^fit: Fits a forest", [mb.linear.fit] = "^fit: Fits one weight",
      [mb.neighbours.fit] = "^fit: Keeps spectra" }
    for what, message in pairs(expected) do
      local lines = printed(what)
      assert.equal(1, #lines)
      assert.matches(message, lines[1])
    end
  end)
  it("on a name is of all that have it", function()
    assert.is_true(#printed "fit" >= 4)
  end)
  it("finds layers and methods", function()
    assert.matches("^Conv1d: ", printed(mb.nn.Conv1d)[1])
    assert.matches("^conv1d: Convolution", printed "conv1d"[1])
  end)
  it("says so where there is none", function()
    assert.matches("no help on nothing_like_it", printed "nothing_like_it"[1])
  end)
end)
