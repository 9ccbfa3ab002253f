-- Sweeps: spaces, and what a sweep file says.
local mb = require "moonbow"
local definition = require "moonbow.sweep.definition"
local interpreter = require "support.interpreter"
local space = require "moonbow.sweep.space"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

describe("the space of a sweep", function()
  it("has a grid with conditions, in an order that does not change", function()
    local s = space.parse { norm = { "none", "batch" }, momentum = sweep.when({ norm = "batch" }, { 0.9, 0.99 }),
      n = sweep.integer(1, 8, { scale = "log", points = 4 }) }
    local keys = {}
    for i, config in ipairs(s:grid()) do keys[i] = space.canonical(config) end
    assert.equal(12, #keys)
    assert.equal('{"n":1,"norm":"none"}', keys[1])
    assert.equal('{"momentum":0.99,"n":8,"norm":"batch"}', keys[12])
  end)

  it("maps the unit cube to configurations that it has, and numbers back", function()
    local s = space.parse { lr = sweep.range(1e-5, 1, { scale = "log" }), n = sweep.integer(3, 5),
      kind = { "a", true, 2 } }
    local rng, seen = mb.rng(1), {}
    for _ = 1, 200 do
      local config = s:from_unit { rng:uniform(), rng:uniform(), rng:uniform() }
      assert.is_true(s:has(config))
      seen[config.n] = true
      local lr = s.entries.lr
      assert.near(math.log(config.lr), math.log(lr:from_unit(lr:to_unit(config.lr))), 1e-9)
    end
    assert.same({ [3] = true, [4] = true, [5] = true }, seen)
    assert.is_false(s:has { lr = 0.1, n = 6, kind = "a" })
    assert.is_false(s:has { lr = 0.1, n = 4, kind = "a", more = 1 })
  end)

  it("is refused with the entry that is wrong", function()
    local function refuses(message, given)
      assert.error_matches(function() space.parse(given):grid() end, message)
    end
    refuses("space: expected at least one entry, got none", {})
    refuses("space.a: expected choices, got an empty list", { a = {} })
    refuses("space.a: 1 comes twice", { a = { 1, 1 } })
    refuses("space.a%[2%]: expected a string, a finite number or a boolean, got a table", { a = { 1, {} } })
    refuses("space.a: the condition on 'c': no such entry; the space has a, b",
      { a = sweep.when({ c = 1 }, { 1 }), b = { 1 } })
    refuses("space.a: the condition on 'b': b never has the value 3", { a = sweep.when({ b = 3 }, { 1 }), b = { 1 } })
    refuses("its condition depends on itself",
      { a = sweep.when({ b = 1 }, { 1 }), b = sweep.when({ a = 1 }, { 1 }) })
    refuses("space.a: a grid needs to know how many points", { a = sweep.range(0, 1) })
    refuses("space.lr: expected a name that differs from LR in more than its case", { LR = { 1 }, lr = { 1 } })
    assert.error_matches(function() sweep.range(1, 1) end, "range: expected low below high, got 1 and 1")
    assert.error_matches(function() sweep.range(0, 1, { scale = "log" }) end, "low: expected a positive number")
  end)
end)

describe("a sweep file", function()
  local function refuses(message, text)
    local path, options = files.new(text)
    local ok, err = sweep.run(path, options)
    assert.is_nil(ok)
    assert.matches(message, err)
    assert.equal(1, select(2, err:gsub("%.lua:?%d*:", "")))
  end

  it("gets one message with file and line for what is wrong", function()
    refuses("sweep%d+%.lua:2: unexpected symbol", "return {\n  +")
    refuses("sweep%d+%.lua:1: attempt to", "local x = nil + 1")
    refuses("expected the file to return a table", "return 1")
    refuses("%.lua:3: strategy: 1: expected one of .*did you mean 'tpe'",
      "return {\nspace = { a = { 1 } }, run = print, objective = 'x',\nstrategy = 'tpee' }")
    refuses("%.lua:2: sweep: space.a: expected choices", "return {\nspace = { a = {} }, run = print, objective = 'x' }")
    refuses("strategy: random needs trials", "return { space = { a = { 1 } }, run = print, objective = 'x',"
      .. " strategy = 'random' }")
    refuses("%.lua:3: sweep: space.lr: a grid needs to know how many points",
      "local lr = require('moonbow').sweep.range(0, 1)\nreturn { run = print, objective = 'x', space = { a = { 1 },\n"
      .. "lr = lr } }")
    refuses("%.lua:2: sweep: unknown option 'sed'", "return { space = { a = { 1 } }, run = print, objective = 'x',\n"
      .. "sed = 3 }")
    refuses("strategy: reduction: expected at least 2, got 1", "return { space = { a = { 1 } }, run = print, objective "
      .. "= 'x', strategy = { 'asha', trials = 4, steps = 4, reduction = 1 } }")
    for _, name in ipairs { "seed", "Status" } do
      refuses("space." .. name .. ": this is a column of the results", ("return { space = { %s = { 1 } }, run = print, "
        .. "objective = 'x' }"):format(name))
    end
    refuses("unknown option 'spce'; did you mean 'space'", "return { spce = {}, run = print, objective = 'x' }")
  end)

  it("has a version that depends on run, and on what it uses, but not on space and seeds", function()
    local function version(text)
      return assert(definition.load((files.new(text, "versions")))).version
    end
    local first = version(files.SIMPLE)
    local shared = "local function g(x) return x end\nlocal t = {}\nfor i = 1, 20 do t['k' .. i] = function(x) "
      .. "return g(x) + i end end\n" .. files.SIMPLE:gsub("config.x", "t.k1(config.x)")
    local path = files.new(shared, "shared")
    local pipe <close> = io.popen(("%s -e 'print(require(\"moonbow.sweep.definition\").load(%q).version)'"):format(
      interpreter, path))
    assert.equal(assert(definition.load(path)).version, pipe:read "l") -- another order of pairs
    assert.equal(first, version(files.SIMPLE:gsub("1, 2, 3", "1, 2, 3, 4"):gsub("seeds = 2", "seeds = 5")))
    assert.equal(first, version("-- a comment above\n" .. files.SIMPLE))
    assert.not_equal(first, version(files.SIMPLE:gsub("/ 100", "/ 10")))
    local helper = "local function f(x) return x end\n" .. files.SIMPLE:gsub("config.x", "f(config.x)")
    assert.not_equal(version(helper), version((helper:gsub("return x end", "return 2 * x end"))))
    local data = "local t = require('moonbow').tensor { 1, 2 }\n" .. files.SIMPLE:gsub("config.x", "t:get(1)")
    assert.not_equal(version(data), version((data:gsub("1, 2 }", "1, 3 }", 1))))
  end)
end)

describe("experiments/sweep.lua", function()
  it("refuses options of another command", function()
    for words, message in pairs { ["plan %s --time 1:00"] = "--time needs the command submit",
      ["run %s --sbatch=--account=x"] = "--sbatch needs the command submit",
      ["submit %s --workers 2"] = "--workers needs the command run",
      ["status %s --failed"] = "--failed needs the command run or submit" } do
      local pipe <close> = assert(io.popen(("%s experiments/sweep.lua %s 2>&1"):format(interpreter,
        words:format(files.new(files.SIMPLE)))))
      local text = pipe:read "a"
      local _, _, code = pipe:close()
      assert.same({ 2, ("sweep: %s\n"):format(message) }, { code, text })
    end
  end)
end)
