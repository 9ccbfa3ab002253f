-- Arguments and options are counted and named; unknown ones are refused.
local mb = require "moonbow"
local check = require "moonbow.check"

local public = require "spec.support.public"

local nan = 0 / 0

describe("a number that is asked for", function()
  it("is not NaN", function()
    for _, kinds in ipairs { "number", "finite", "positive", "non-negative", "fraction", "number|string", "integer" } do
      assert.error_matches(function() check.kind("op", "size", nan, kinds) end, "op: size: expected .*, got NaN$")
    end
    assert.error_matches(function() mb.linspace(0, nan, 3) end, "linspace: last: expected a finite number, got NaN$")
    assert.error_matches(function() mb.ones(2):allclose(mb.ones(2), { relative = nan }) end,
      "allclose: relative: expected a non%-negative number, got NaN$")
  end)
  it("may be limited to numbers below 1", function()
    assert.equal(0.9, check.kind("op", "rate", 0.9, "fraction below 1"))
    for _, value in ipairs { 1, -0.1, math.huge, "0.5" } do
      assert.error_matches(function() check.kind("op", "rate", value, "fraction below 1") end,
        "op: rate: expected a number of at least 0 and below 1, got ")
    end
  end)
end)

-- Functions that only moonbow calls, and those that only raise.
local inside = {}
for _, name in ipairs { "class", "register", "is_layer", "from_config", "run", "ensure_made", "ensure_built", "report",
  "is_apart", "path_of_part", "traced_as_run", "traced_apart", "traced_with_joins", "report_join", "identity", "call",
  "infer", "keep_modes", "keep_unmade", "keep_untracked", "centres", "wired", "reaches", "visit_named", "visit_marks",
  "is_frozen", "tostring", "visit_tensors", "fit", "evaluate", "predict", "save", "load" } do
  inside["layer:" .. name] = true
end
for _, name in ipairs { "new", "grid" } do inside["figure:" .. name] = true end
inside["optimizer:keep_lr"] = true

describe("more arguments than a function takes", function()
  local many = {}
  for i = 1, 20 do many[i] = i end

  -- Functions that read all of their arguments find surplus ones themselves, or raise for another reason.
  local reads_all = {
    full = true, zeros = true, ones = true, rand = true, randn = true, no_grad = true, ["plot.grid"] = true,
    ["tensor:reshape"] = true, ["tensor:get"] = true, ["tensor:set"] = true, ["rng:random"] = true,
    ["rng:uniform"] = true, ["rng:normal"] = true, ["rng:exponential"] = true, ["rng:gamma"] = true,
    ["rng:poisson"] = true, ["layer:freeze"] = true, ["layer:unfreeze"] = true,
  }

  local function refuses(path, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok, path .. ": no error")
    local expected = reads_all[path] and "expected " or "expected [^,]+, got %d+ as argument %d+$"
    local asks_for_table = message:find("expected a table of options, got %d") -- instead of the number at its place
    if not asks_for_table then assert.matches(expected, message, nil, nil, path) end
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
  it("that are nil count as absent", function()
    assert.same({ 3, 3 }, mb.ones(3, 3):shape(nil, nil))
  end)
end)

describe("the options of a function", function()
  local counted = require "moonbow.counted"
  local function taken(f) return check.taken(counted.original(f)) end

  it("are known without a call: every function that refuses unknown ones has registered its own", function()
    local found = 0
    for path, f in pairs(public.functions) do
      local ok, message = true, nil
      if path ~= "help" then ok, message = pcall(f, { no_such_option = 1 }) end -- which prints
      if not ok and tostring(message):find("unknown option 'no_such_option'", 1, true) then
        assert.equal(1, (taken(f) or {}).position, path)
        found = found + 1
      end
    end
    assert.is_true(found > 50)
  end)
  it("after other arguments, too", function()
    local x, y, nn = mb.ones(2, 4, 1), mb.tensor { 1, 2 }, mb.nn
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    local set, rng = { x = x, y = y }, mb.rng(1)
    local functions = {
      { mb.fit, model, set }, { mb.evaluate, model, set }, { mb.predict, model, x }, { mb.recalibrate, model, x },
      { mb.forest.fit, x, y }, { mb.linear.fit, x, y }, { mb.neighbours.fit, x, y }, { mb.neighbours.distances, x, x },
      { mb.split.k_fold, 4, 2 }, { mb.split.holdout, 4, 0.5 }, { mb.save_npy, x, "x.npy" }, { mb.save, model, "x" },
      { mb.save_npz, { x = x }, "x.npz" }, { mb.profile, model, x, y }, { mb.spectra.read, "x.csv" },
      { mb.probe, model, x, y, mb.forest.fit },
    }
    local methods = {
      { rng.integers, rng, 1, 2 }, { rng.choice, rng, 3 }, { x.mean, x, 1 }, { x.std, x, 1 }, { x.argmax, x, 1 },
      { x.conv1d, x, x, false }, { x.max_pool1d, x }, { x.allclose, x, x },
    }
    for own, calls in pairs { [0] = functions, methods } do
      for i, call in ipairs(calls) do
        local f, given = call[1], { table.unpack(call, 2) }
        given[#given + 1] = { no_such_option = 1 }
        assert.error_matches(function() f(table.unpack(given)) end, "unknown option 'no_such_option'")
        assert.equal(#given - own, (taken(f) or {}).position, "call " .. i)
      end
    end
  end)
end)

describe("a method called with a dot", function()
  it("asks for its object", function()
    local taken = 0
    for kind, methods in pairs(public.methods) do
      for name, f in pairs(methods) do
        if kind ~= "tensor" and kind ~= "rng" and not inside[kind .. ":" .. name] then
          for _, first in ipairs { { 8, 1 }, 5, nan, false, mb.ones(2) } do
            local ok, message = pcall(function() return (f(first)) end)
            assert.is_false(ok, kind .. ":" .. name)
            assert.matches("^spec/arguments_spec.lua:%d+: [%w:_]+: expected the object before the arguments, got .*; "
              .. "write object:" .. name .. "%(...%), with a colon$", message)
            taken = taken + 1
          end
        end
      end
    end
    assert.is_true(taken > 100)
  end)
end)

describe("a message", function()
  local x = mb.ones(2, 3)
  local function says(message, f)
    local ok, err = pcall(f)
    assert.is_false(ok, message)
    assert.equal(message, (err:gsub("^spec/arguments_spec.lua:%d+: ", "")))
  end

  it("shows absent values as such, and other values as they are", function()
    says("size: dimension: expected an integer from 1 to 2, got no value", function() x:size() end)
    says("size: dimension: expected an integer from 1 to 2, got tensor {2, 3}", function() x:size(x) end)
    says("size: dimension: expected an integer from 1 to 2, got NaN", function() x:size(nan) end)
    says("get: index: expected an integer from 1 to 3, got true", function() x:get(1, true) end)
    says("rng:poisson: mean: expected a number, got 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'",
      function() mb.rng(1):poisson(("x"):rep(41)) end)
    says("add: right operand: expected a tensor or a number, got a table", function() x:add {} end)
  end)
  it("names the entry of a table that is not a number", function()
    says("tensor: expected a number at {2}, got 'a'", function() mb.tensor { 1, "a" } end)
    says("tensor: expected a number at {2}, got nil", function() mb.tensor { 1, nil, 3 } end)
    says("tensor: expected a number at {1}, got true", function() mb.tensor { true } end)
    says("tensor: expected a number at {2, 1}, got a table", function() mb.tensor { { 1 }, { {} } } end)
    says("tensor: expected a table of 2 values at {2}, got 3", function() mb.tensor { { 1, 2 }, 3 } end)
    says("tensor: values: expected a list, got an entry [x]", function() mb.tensor { 1, 2, x = 3 } end)
    says("tensor: a row of values: expected a list, got an entry [x]", function() mb.tensor { { 1 }, { 3, x = 5 } } end)
    says("zeros: shape: expected a list, got an entry [x]", function() mb.zeros { 2, x = 3 } end)
    says("rng: seed: expected a list, got an entry [x]", function() mb.rng { 1, 2, x = 3 } end)
    says("index: rows: expected a list, got an entry [x]", function() mb.ones(3):index { 1, x = 3 } end)
    says("tensor: ragged table: expected 2 values at {2}, got 1", function() mb.tensor { { 1, 2 }, { 3 } } end)
  end)
  it("names the function that was called", function()
    says("zeros: shape: expected 1 to 4 dimensions, got 0", function() mb.zeros() end)
    says("ones: shape: expected an integer from 1 to 2147483647, got -1", function() mb.ones(-1) end)
    says("rand: shape: expected an integer from 1 to 2147483647, got 'x'", function() mb.rand("x") end)
    says("randn: shape: expected an integer from 1 to 2147483647, got 0", function() mb.randn(mb.rng(1), 0) end)
    says("std: dimension: expected an integer from 1 to 2, got 3", function() x:std(3) end)
    says("std: unknown option 'dof'; did you mean 'ddof'?", function() x:std(1, { dof = 1 }) end)
    says("matmul: shapes {2, 3} and {4} do not fit: expected (..., K) and (K)", function() x:matmul(mb.ones(4)) end)
    says("std: ddof 1 needs at least 2 values", function() mb.ones(1):std(1, { ddof = 1 }) end)
  end)
end)

describe("an invalid description", function()
  it("is refused by models that are not networks", function()
    for _, kind in ipairs { "forest", "linear", "neighbours" } do
      assert.error_matches(function() mb[kind].from_state(5, {}) end, "from_state: config: expected a table, got 5$")
      assert.error_matches(function() mb[kind].from_state({}) end, "from_state: tensors: expected a table, got nil$")
      assert.error_matches(function() mb[kind].from_state({}, {}) end, "load: .*: expected .*, got nil$")
    end
  end)
end)

describe("an option or key without a meaning", function()
  local x = mb.ones(2, 3)
  it("is refused: ddof of a mean", function()
    for _, name in ipairs { "sum", "mean", "min", "max", "argmin", "argmax" } do
      assert.error_matches(function() x[name](x, 1, { ddof = 1 }) end, name .. ": unknown option 'ddof'")
    end
    assert.same({ 0.5 }, mb.tensor { 0, 1 }:var(1, { ddof = 1 }):totable())
  end)
  it("is refused: a key of a tensor that is neither number nor name", function()
    for _, key in ipairs { true, x } do
      assert.error_matches(function() return x[key] end,
        "index: key: expected the number of a row, a table of ranges or a name, got ")
    end
    assert.is_nil(x.no_such_name)
  end)
  it("is refused: sizes after a table of sizes", function()
    for name, f in pairs {
      zeros = function() return mb.zeros({ 2 }, 3) end, full = function() return mb.full(1, { 2 }, 3) end,
      reshape = function() return x:reshape({ 6 }, 3) end, rand = function() return mb.rand({ 2 }, 3) end,
      ["rng:uniform"] = function() return mb.rng(1):uniform(0, 1, { 2 }, 3) end,
    } do
      assert.error_matches(f, name .. ": shape: expected nothing behind a table of sizes, got 3$")
    end
  end)
  it("is refused: an entry of a list of tensors that is not a tensor", function()
    assert.error_matches(function() mb.concat { x, dimension = 2 } end,
      "concat: expected a list of tensors, got an entry %[dimension%]$")
    assert.error_matches(function() mb.concat { x, nil, x } end, "concat: tensor 2: expected a tensor, got nil$")
  end)
  it("is refused: infinite ranges, and tolerances below 0", function()
    local inf = math.huge
    assert.error_matches(function() mb.linspace(0, inf, 3) end, "linspace: last: expected a finite number, got inf$")
    assert.error_matches(function() mb.arange(1, 2, inf) end, "arange: step: expected a finite number, got inf$")
    assert.error_matches(function() x:elu(1e39) end, "elu: alpha: expected a finite float32, got 1e%+39$")
    assert.error_matches(function() x:allclose(x, { absolute = -1 }) end,
      "allclose: absolute: expected a non%-negative number, got %-1$")
  end)
  it("is refused: NaN as a slope", function()
    assert.error_matches(function() x:leaky_relu(nan) end, "leaky_relu: alpha: expected a finite float32, got NaN$")
    assert.error_matches(function() x:elu(nan) end, "elu: alpha: expected a finite float32, got NaN$")
  end)
end)
