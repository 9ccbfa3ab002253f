-- The version of a sweep: it changes with all that run uses, and with nothing else.
local mb = require "moonbow"
local definition = require "moonbow.sweep.definition"
local interpreter = require "support.interpreter"
local files = require "support.sweep_files"

teardown(function()
  files.remove()
  for _, name in ipairs { "factor", "helper", "helpers", "kept", "lost", "own", "space" } do
    _G["sweep_" .. name] = nil
  end
end)

-- Returns a sweep file that begins with some lines, and whose score is an expression.
local function file(lines, score)
  return ([[
local mb = require "moonbow"
%s
return { space = { x = { 1, 2 } }, objective = "score", seeds = 1,
  run = function(config, trial) return { score = %s } end }
]]):format(lines, score or "use(config.x)")
end

local function version(text)
  return assert(definition.load((files.new(text, "versions")))).version
end

-- The same version in another process, in which other modules were loaded before.
local function version_elsewhere(path, before)
  local pipe <close> = io.popen(("%s -e '%s print(require(\"moonbow.sweep.definition\").load(%q).version)'"):format(
    interpreter, before or "", path))
  return pipe:read "l"
end

local function differ(text, from, to)
  local at, last = text:find(from, 1, true)
  local changed = text:sub(1, at - 1) .. to .. text:sub(last + 1)
  assert.not_equal(version(text), version(changed), from .. " -> " .. to)
end

local LAYER = 'local Own = mb.nn.class("Own", { power = 2 }, { forward = function(layer, x) return x * 3 end })\n'
  .. "local function use(x) return Own {}(mb.ones(1, x)):sum():item() end"
local CLASS = "local Class = {}\nClass.__index = function(object, key)\n  return key .. 3\nend\n"
  .. "local object = setmetatable({}, Class)\nlocal function use(x) return object[x] end"

describe("the version of a sweep", function()
  it("changes with own layers and operations", function()
    differ(file(LAYER), "x * 3", "x * 4")
    differ(file(LAYER), "power = 2", "power = 3")
    differ(file((LAYER:gsub("Own {}", "own"):gsub("\n", "\nlocal own = Own {}\n"))), "x * 3", "x * 4")
    differ(file((LAYER:gsub("{ forward", "{ rate = 0.5, forward"))), "0.5", "0.6")
    differ(file('local use = mb.operation("use", function(x)\n  return x * 3, function(dy) return dy * 3 end\nend)'),
      "dy * 3", "dy * 4")
  end)

  it("changes with the globals of the file that run uses", function()
    differ(file "function sweep_helper(x) return x * 3 end\nlocal use = function(x) return sweep_helper(x) end",
      "x * 3", "x * 4")
    differ(file("sweep_factor = 3", "config.x * sweep_factor"), "3", "4")
    differ(file("sweep_helpers = {}\nfunction sweep_helpers.use(x)\n  return x * 3\nend", "sweep_helpers.use(2)"),
      "x * 3", "x * 4")
    differ(file("function sweep_helper(x)\n  return x * 3\nend\nfunction sweep_own(x)\n  return sweep_helper(x)\nend",
      "sweep_own(2)"), "x * 3", "x * 4")
  end)

  it("changes with metatables, and what they hold", function()
    differ(file(CLASS), "key .. 3", "key .. 4")
    differ(file(CLASS), "setmetatable({}, Class)", "{}")
    differ(file "local object = mb.nn.ReLU {}\nlocal use = function() return object end", "ReLU", "Tanh")
  end)

  it("changes with the text of functions that load makes", function()
    differ(file "local use = load 'return 3'", "return 3", "return 4")
    differ(file "local use = load 'return function()\\n  return 3\\nend' ()", "return 3", "return 4")
  end)

  it("changes with functions of libraries that have other names", function()
    differ(file "local use = math.sin", "math.sin", "math.cos")
    differ(file "local kind = mb.nn.ReLU\nlocal function use() return kind {} end", "nn.ReLU", "nn.Tanh")
    differ(file "local f = mb.zeros\nlocal function use() return f(3) end", "mb.zeros", "mb.ones")
    differ(file "local f = mb.data.single_peak\nlocal function use() return f {} end", "single_peak", "border_peaks")
  end)

  it("changes with values: of closures, generators, deep tables, and which of two is where", function()
    local make = "local function make(k)\n  return function(x) return x * k end\nend\n"
    differ(file(make .. "local use = make(3)"), "make(3)", "make(4)")
    differ(file(make .. "local a, b = make(3), make(4)\nlocal t = { a, b, c = a }\nlocal function use() return t end"),
      "c = a", "c = b")
    differ(file "local rng = mb.rng(1)\nlocal function use() return rng:uniform() end", "rng(1)", "rng(2)")
    local deep = "local deep = 3\nfor _ = 1, 1e5 do deep = { deep, deep } end\nlocal use = function() return deep end"
    differ(file(deep), "= 3", "= 4")
  end)

  it("does not change with what run does not use", function()
    local text = file(LAYER .. "\nlocal unused = mb.operation('unused', function(x) return x end)")
    assert.equal(version(text), version("-- a comment\n" .. text:gsub("'unused'", "'other'")))
    local global = file("sweep_space = { x = { 1, 2 } }", "config.x"):gsub("{ x = { 1, 2 } }, obj", "sweep_space, obj")
    assert.equal(version(global), version((global:gsub("{ 1, 2 }", "{ 1, 2, 3 }"))))
    local entropy = file "local rng = mb.rng()\nlocal function use() return rng:uniform() end"
    assert.equal(version(entropy), version(entropy))
  end)

  it("is the same in every process, after every load, and after the trials", function()
    local lines = { LAYER, "sweep_helpers = { [1.5] = mb.ones(3), [mb.ones(2)] = true, [false] = mb.rng(3) }",
      "sweep_helpers.own, sweep_kept = sweep_helpers, sweep_kept or 3", "local twice = {}",
      "for i = 1, 30 do twice['k' .. i] = function(x) return sweep_helpers, twice, x + i end end",
      "for i = 1, 30 do twice[i], twice[i / 4 + 0.1] = { Own {} }, setmetatable({}, { __index = twice }) end",
      "for i = 1, 30 do twice[{ i }], twice[twice[i]] = i, i end",
      "local made = { mb.nn.Sequential { mb.nn.Dense { units = 2 } }, mb.optim.Adam {}, mb.nn, mb.sum, io.stdout,",
      "  mb.data.single_peak { n = 30 }, mb.pipeline { 'snv', 'pls' }, ('x'):gmatch('.') }",
      "local total = 0", "local function count(x)", "  total, sweep_lost = total + x, total",
      "  return total, made, twice, sweep_kept", "end" }
    local path, options = files.new(file(table.concat(lines, "\n"), "(count(use(config.x)))"), "everything")
    local here = assert(definition.load(path)).version
    assert.same({ done = 2 }, mb.sweep.run(path, options))
    assert.equal(2, mb.sweep.status(path, { out = options.out }).ended)
    assert.equal(here, assert(definition.load(path)).version)
    assert.equal(here, version_elsewhere(path))
    assert.equal(here, version_elsewhere(path, 'require "moonbow.experiment.output" require "argparse"'))
  end)

  it("sees globals that have their value already, and leaves those of the process alone", function()
    _G.sweep_factor = 3
    local path = files.new(file("sweep_factor = 3\nassert(_G.sweep_factor == 3)", "config.x * sweep_factor"))
    local before = {}
    for name, value in next, _G do before[name] = value end
    assert.equal(assert(definition.load(path)).version, version_elsewhere(path))
    for name, value in next, _G do assert.equal(before[name], value) end
    for name in next, before do assert.not_nil(rawget(_G, name)) end
  end)

  it("cannot tell what is in a coroutine, and says so", function()
    for _, maker in ipairs { "wrap", "create" } do
      local path = files.new(file(("local made = { coroutine.%s(function() return 3 end) }"):format(maker), "#made"))
      local sweep, err = definition.load(path)
      assert.is_nil(sweep)
      assert.equal(path .. ":4: run: expected values that a version can tell, got a coroutine; make it in run", err)
    end
    assert(definition.load((files.new(file "local function use() return coroutine.wrap(print) end"))))
  end)
end)
