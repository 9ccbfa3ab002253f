-- Wrong arguments to every public function and method: an error with a position and a message, never a crash,
-- a hang or a silent result.
local mb = require "moonbow"

local closed = mb.ones(2, 3)
closed:close()

local function bad_values()
  return {
    ["no argument"] = {}, ["nil"] = { nil, n = 1 }, ["true"] = { true }, ["a string"] = { "seven" },
    ["a table"] = { { "x" } },
    ["an empty table"] = { {} }, ["a function"] = { print }, ["NaN"] = { 0 / 0 }, ["huge"] = { 1e300 },
    ["a closed tensor"] = { closed },
  }
end

-- f(...) must raise a string that is one of our messages: with this file's position, or with the argument's name.
local function must_raise(what, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok, what .. ": no error")
  assert.is_string(message, what)
  assert.is_nil(message:find("attempt to", 1, true), what .. ": " .. message)
  assert.is_nil(message:find("/moonbow/", 1, true), what .. ": blames the library: " .. message)
end

local function call(f, ...)
  local results = table.pack(f(...))
  return table.unpack(results, 1, results.n)
end

local function unpack_all(arguments) return table.unpack(arguments, 1, arguments.n or #arguments) end

describe("functions of mb refuse", function()
  -- The bad values that each accepts are listed; everything else must raise.
  local accepts = {
    tensor = {}, full = {}, zeros = {}, ones = {}, arange = {}, linspace = {}, concat = {}, no_grad = {},
    operation = {}, fit = {}, evaluate = {}, predict = {}, recalibrate = {}, save = {},
    load = { ["a string"] = true }, seed = {}, rng = { ["no argument"] = true, ["nil"] = true },
    rand = { ["no argument"] = true, ["nil"] = true }, randn = { ["no argument"] = true, ["nil"] = true },
    threads = { ["no argument"] = true, ["nil"] = true }, help = { ["no argument"] = true,
      ["a string"] = true, ["a table"] = true, ["an empty table"] = true, ["a function"] = true,
      ["a closed tensor"] = true },
  }
  accepts.no_grad["a function"] = true
  for name, exceptions in pairs(accepts) do
    it(name, function()
      for what, arguments in pairs(bad_values()) do
        if not exceptions[what] then
          must_raise(("mb.%s(%s)"):format(name, what), call, mb[name], unpack_all(arguments))
        end
      end
    end)
  end
  it("with every layer and model, unknown and wrong options", function()
    for _, group in ipairs { mb.nn, mb.models, mb.optim } do
      for name, construct in pairs(group) do
        if type(construct) == "function" and name ~= "is_layer" and name ~= "is_optimizer" then
          must_raise(name .. " of a number", call, construct, 3)
          must_raise(name .. " with an unknown option", call, construct, { no_such_option = 1 })
          must_raise(name .. " with a second argument", call, construct, {}, {})
        end
      end
    end
  end)
end)

describe("baselines refuse", function()
  local x, y = mb.tensor { { 1, 2 }, { 3, 4 } }, { 1, 2 }
  local fits = { ["forest.fit"] = mb.forest.fit, ["linear.fit"] = mb.linear.fit,
    ["neighbours.fit"] = mb.neighbours.fit }
  for name, fit in pairs(fits) do
    it(name, function()
      for what, arguments in pairs(bad_values()) do
        local bad = unpack_all(arguments)
        must_raise(("%s(%s)"):format(name, what), call, fit, bad, y)
        must_raise(("%s(x, %s)"):format(name, what), call, fit, x, bad)
        if bad ~= nil and not (type(bad) == "table" and next(bad) == nil) then
          must_raise(("%s(x, y, %s)"):format(name, what), call, fit, x, y, bad)
        end
      end
      must_raise(name, call, fit, x, { 1, 1e9 })
      must_raise(name .. " for as many classes", call, fit, x, y, { classes = 1 << 40 })
    end)
  end
  it("distances", function()
    for what, arguments in pairs(bad_values()) do
      local bad = unpack_all(arguments)
      must_raise(("distances(%s)"):format(what), call, mb.neighbours.distances, bad, x)
      must_raise(("distances(x, %s)"):format(what), call, mb.neighbours.distances, x, bad)
    end
  end)
end)

describe("methods of tensors refuse", function()
  local x = mb.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  local indices = { 0, -1, 3, 1.5, 1e18, 0 / 0, "one", {}, true }

  it("indices out of range", function()
    for _, i in ipairs(indices) do
      if i ~= 3 then must_raise("x:size " .. tostring(i), call, x.size, x, i) end
      for _, name in ipairs { "row", "sum", "mean", "min", "max", "argmax", "var" } do
        must_raise(("x:%s(%s)"):format(name, tostring(i)), call, x[name], x, i)
      end
      must_raise("x:get", call, x.get, x, i, 1)
      must_raise("x:set", call, x.set, x, i, 1, 5)
      must_raise("x:narrow", call, x.narrow, x, i, 1)
      must_raise("x:narrow", call, x.narrow, x, 1, i)
      must_raise("x:slice", call, x.slice, x, i, 1, 1)
      must_raise("x:index", call, x.index, x, { i })
      must_raise("x:transpose", call, x.transpose, x, i, 1)
    end
  end)
  it("an index behind the rows that is not the next", function()
    assert.is_nil(x[3])
    for _, i in ipairs { 0, -1, 4, 1.5, 1e18 } do must_raise("x[i]", function() return x[i] end) end
    must_raise("x[i] = ", function() x[5] = 1 end)
  end)
  it("wrong arguments", function()
    for _, name in ipairs { "add", "mul", "pow", "maximum", "eq", "matmul", "mse", "allclose", "conv1d", "max_pool1d",
      "avg_pool1d", "cross_entropy", "copy_from", "reshape", "index", "fill", "set", "get", "narrow", "slice" } do
      for what, arguments in pairs(bad_values()) do
        local is_number = what == "NaN" or what == "huge"
        local takes_numbers = name == "add" or name == "mul" or name == "pow" or name == "maximum" or name == "eq"
          or name == "fill"
        if not (is_number and takes_numbers) then
          must_raise(("x:%s(%s)"):format(name, what), call, x[name], x, unpack_all(arguments))
        end
      end
    end
  end)
  it("too few indices", function()
    assert.error_matches(function() x:get(1) end, "get: expected 2 indices for shape {2, 3}, got 1$")
    assert.error_matches(function() x:set(1, 2) end,
      "set: expected 2 indices and a value for shape {2, 3}, got 2 arguments$")
  end)
  it("a closed tensor", function()
    for name, method in pairs(require("moonbow.core").tensor_methods) do
      if name ~= "close" then must_raise("closed:" .. name, call, method, closed, 1, 1) end
    end
  end)
  it("shapes that do not fit", function()
    must_raise("reshape", call, x.reshape, x, 4, 2)
    must_raise("reshape", call, x.reshape, x, -1, -1)
    must_raise("reshape", call, x.reshape, x, 0, 6)
    must_raise("reshape", call, x.reshape, x, 2 ^ 30, 2 ^ 10, 2 ^ 24, -1) -- 2^64 elements
    must_raise("five dimensions", call, mb.ones, 1, 1, 1, 1, 1)
    must_raise("more than memory", call, mb.ones, 1e9, 1e9)
    must_raise("matmul", call, x.matmul, x, x)
    must_raise("copy_from", call, x.copy_from, x, mb.ones(5))
    must_raise("pool larger than input", call, mb.nn.MaxPool1d { size = 9 }, mb.ones(1, 3, 1))
    must_raise("labels", call, x.cross_entropy, x, { 1, 4 })
    must_raise("labels", call, x.cross_entropy, x, { 1 })
    must_raise("field", function() x.colour = 1 end)
  end)
end)

describe("functions of the library's own refuse", function()
  local core = require "moonbow.core"
  it("values that are not lists of tensors", function()
    must_raise("versions", call, core.versions, "abc")
  end)
  it("values that no tape has saved", function()
    for _, name in ipairs { "recall", "release", "supply" } do
      for what, arguments in pairs(bad_values()) do
        must_raise(("%s(%s)"):format(name, what), call, core[name], unpack_all(arguments))
      end
    end
    must_raise("save on what is no record", call, core.tape_methods.save, "abc")
  end)
  it("momentum without velocities", function()
    must_raise("sgd_step", call, core.sgd_step, { mb.ones(2) }, { mb.ones(2) }, nil, nil, 0.1, 0.9, false, 0)
  end)
  it("steps without their moments", function()
    local x, m = { mb.ones(2) }, { mb.ones(2) }
    for what, f in pairs {
      first = function() core.adam_step(x, x, nil, m, 0.1, 0.9, 0.9, 0.1, 0, false, 1) end,
      second = function() core.rmsprop_step(x, x, m, nil, 0.1, 0.9, 0, 0.1, 0) end,
    } do
      assert.error_matches(f, what .. " moments: expected a list of tensors, got nil", nil, true)
    end
    assert.error_matches(function() core.lion_step(x, x, nil, nil, 0.1, 0.9, 0.9, 0) end,
      "lion_step: first moments: expected a list of tensors, got nil", nil, true)
    assert.equal(2, x[1]:sum():item())
  end)
end)

describe("generators refuse", function()
  it("wrong arguments", function()
    local rng = mb.rng(1)
    for _, name in ipairs { "integers", "permutation", "choice", "gamma", "shuffle", "set_state" } do
      for what, arguments in pairs(bad_values()) do
        local shuffles_table = name == "shuffle" and (what == "a table" or what == "an empty table")
        if not shuffles_table and not (name == "gamma" and what == "huge") then
          must_raise(("rng:%s(%s)"):format(name, what), call, rng[name], rng, unpack_all(arguments))
        end
      end
    end
  end)
end)

describe("messages", function()
  it("hold no terminal commands", function()
    for text, shown in pairs {
      ["\27[2J"] = "\\x1B[2J", ["a\u{9b}2J"] = "a\\xC2\\x9B2J", ["\u{202e}a"] = "\\xE2\\x80\\xAEa",
      ["\xff\u{e9}"] = "\\xFF",
    } do
      for _, f in ipairs { function() mb.nn.Dense { [text] = 1 } end, function() mb.plot.lines(text) end } do
        local _, message = pcall(f)
        assert.is_truthy(message:find(shown, 1, true), message)
        assert.is_nil(message:find(text, 1, true), message)
      end
    end
    for _, f in ipairs { function() mb.ones(1):size "\27[2J" end,
      function() mb.nn.Sequential { name = "\27[2J", mb.nn.Dense { units = 1 } } (7) end } do
      local ok, message = pcall(f)
      assert.is_false(ok)
      assert.is_nil(message:find("\27", 1, true), message)
    end
    local check = require "moonbow.check"
    assert.equal("é€ 1", check.printable "é€ 1")
    assert.equal("'" .. ("é"):rep(20) .. "'", check.show(("é"):rep(20)))
    assert.is_truthy(utf8.len(check.show(("aé"):rep(40))))
  end)

  it("name the operation that was called, not one that this calls", function()
    local x = mb.ones(2, 2)
    for _, name in ipairs { "sum", "mean", "max", "min", "var", "std", "any", "all", "median", "norm", "logsumexp" } do
      for _, dimension in ipairs { 3, 0, 1.5, 0 / 0, 1e300, false, "a" } do
        assert.error_matches(function() x[name](x, dimension) end,
          name .. ": dimension: expected an integer from 1 to 2, got ")
      end
    end
    assert.error_matches(function() x:clamp "a" end, "clamp: low: expected a tensor or a number, got 'a'")
    assert.error_matches(function() mb.concat({ mb.ones(2) }, 2) end, "concat: dimension: expected 1 to 1, got 2")
    assert.error_matches(function() mb.seed(-1) end, "seed: expected an integer of at least 0, got %-1")
    assert.error_matches(function() mb.arange(10):reshape(3, -1) end,
      "reshape: shape: the sizes beside %-1 hold 3 elements, which do not divide 10")
    assert.error_matches(function() mb.preprocess.check(nil) end, "operation: expected a string, got nil")
    assert.error_matches(function() mb.xrd.identify(x, {}, 5) end, "xrd.identify: expected a table of options, got 5")
  end)
end)
