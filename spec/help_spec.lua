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
  it("on every public function and method is one text, of its own", function()
    local public = require "spec.support.public"
    local function check(path, f)
      local lines = printed(f)
      assert.equal(1, #lines, path)
      assert.is_nil(lines[1]:find("no help on", 1, true), path)
    end
    for path, f in pairs(public.functions) do check(path, f) end
    for _, kind in ipairs { "tensor", "rng" } do
      for name, f in pairs(public.methods[kind]) do check(kind .. ":" .. name, f) end
    end
    assert.matches("^mean: The mean", printed(mb.ones(1).mean)[1])
    assert.matches("^ReLU: ", printed(mb.nn.ReLU)[1])
    assert.matches("^leaky_relu: x:leaky_relu%(alpha%), .*alpha x below 0%. alpha: a number, 0.01 unless given",
      printed(mb.ones(1).leaky_relu)[1])
    assert.equal(printed(mb.ones(1).leaky_relu)[1], printed("leaky_relu")[1])
    assert.matches("^build: Makes the weights", printed(mb.nn.ReLU {}.build)[1])
  end)
  it("says so where there is none", function()
    assert.matches("no help on nothing_like_it", printed "nothing_like_it"[1])
  end)
end)
