-- Arguments and options are counted and named: what is not taken is refused.
local mb = require "moonbow"
local check = require "moonbow.check"

local public = require "spec.support.public"

local nan = 0 / 0

describe("a number that is asked for", function()
  it("is not NaN", function()
    for _, kinds in ipairs { "number", "finite", "positive", "non-negative", "fraction", "number|string", "integer" } do
      assert.error_matches(function() check.kind("op", "size", nan, kinds) end, "op: size: expected .*, got NaN$")
    end
    assert.error_matches(function() mb.linspace(0, nan, 3) end, "linspace: last: expected a number, got NaN$")
    assert.error_matches(function() mb.ones(2):allclose(mb.ones(2), { relative = nan }) end,
      "allclose: relative: expected a number, got NaN$")
  end)
  it("may be limited to what is below 1", function()
    assert.equal(0.9, check.kind("op", "rate", 0.9, "fraction below 1"))
    for _, value in ipairs { 1, -0.1, math.huge, "0.5" } do
      assert.error_matches(function() check.kind("op", "rate", value, "fraction below 1") end,
        "op: rate: expected a number of at least 0 and below 1, got ")
    end
  end)
end)

describe("more arguments than a function takes", function()
  local many = {}
  for i = 1, 20 do many[i] = i end

  -- What reads its arguments to the end finds that there are too many, or says what else is wrong with them.
  local reads_all = {
    full = true, zeros = true, ones = true, rand = true, randn = true, no_grad = true, ["plot.grid"] = true,
    ["tensor:reshape"] = true, ["tensor:get"] = true, ["tensor:set"] = true, ["rng:random"] = true,
    ["rng:uniform"] = true, ["rng:normal"] = true, ["rng:exponential"] = true, ["rng:gamma"] = true,
    ["rng:poisson"] = true,
  }
  -- What only moonbow calls.
  local inside = {}
  for _, name in ipairs { "class", "register", "is_layer", "from_config", "run", "ensure_made", "count_joined",
    "path_of_part", "traced_as_run" } do
    inside["layer:" .. name] = true
  end
  for _, name in ipairs { "new", "grid" } do inside["figure:" .. name] = true end

  local function refuses(path, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok, path .. ": no error")
    local expected = reads_all[path] and "expected " or "expected [^,]+, got %d+ as argument %d+$"
    assert.matches(expected, message, nil, nil, path)
    assert.matches("^spec/arguments_spec.lua:%d+: ", message, nil, nil, path)
  end

  it("are refused by every function of mb", function()
    for path, f in pairs(public.functions) do
      refuses(path, function() return (f(table.unpack(many))) end)
    end
  end)
  it("are refused by every method", function()
    for kind, methods in pairs(public.methods) do
      for name, f in pairs(methods) do
        local path = kind .. ":" .. name
        if not inside[path] then
          refuses(path, function() return (f(public.objects[kind], table.unpack(many))) end)
        end
      end
    end
  end)
  it("are named, and the object of a method is not counted", function()
    local x = mb.ones(3, 3)
    assert.error_matches(function() x:narrow(2, 1, 9) end, "narrow: expected at most 2 arguments, got 9 as argument 3$")
    assert.error_matches(function() x:add(5, 6) end, "add: expected one argument, got 6 as argument 2$")
    assert.error_matches(function() x:shape(1) end, "shape: expected no arguments, got 1 as argument 1$")
    assert.error_matches(function() mb.forest.fit(x, { 1, 2, 1 }, {}, "x") end,
      "forest.fit: expected at most 3 arguments, got 'x' as argument 4$")
    assert.error_matches(function() mb.nn.ReLU {}(x, true) end, "ReLU: expected one argument, got true as argument 2$")
  end)
  it("that are nil are as good as absent", function()
    assert.same({ 3, 3 }, mb.ones(3, 3):shape(nil, nil))
  end)
end)
