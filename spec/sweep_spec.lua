-- Sweeps: spaces, definitions, plans, runs that end in every way and go on, statistics, the page.
local mb = require "moonbow"
local claims = require "moonbow.sweep.claims"
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local halving = require "moonbow.sweep.halving"
local interpreter = require "support.interpreter"
local plans = require "moonbow.sweep.plan"
local shard = require "moonbow.sweep.shard"
local space = require "moonbow.sweep.space"
local statistics = require "moonbow.sweep.statistics"
local strategies = require "moonbow.sweep.strategies"
local sweep = mb.sweep

if os.getenv "LD_PRELOAD" then -- a shell that kills and waits did not return under the sanitizer
  describe("sweeps", function() pending "under the sanitizer: their processes are killed and timed" end)
  return
end

local root = os.tmpname()
os.remove(root)
assert(require("lfs").mkdir(root))
teardown(function() os.execute("rm -rf " .. root) end)

local count = 0

-- Writes a sweep file; returns its path, and options with a folder of its own.
local function sweep_file(text, name)
  count = count + 1
  local path = ("%s/%s.lua"):format(root, name or "sweep" .. count)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  return path, { out = ("%s/out%d"):format(root, count), workers = 0 }
end

local function sweep_file_at(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function results_of(path, options)
  local loaded = assert(definition.load(path))
  local folder, found = folders.open(options.out, loaded), {}
  for id in pairs(folder:ended()) do found[id] = assert(folder:result(id)) end
  return found, folder
end

local SIMPLE = [[
local mb = require "moonbow"
return {
  space = { x = { 1, 2, 3 } }, objective = "score", seeds = 2,
  run = function(config, trial) return { score = config.x + mb.rng(trial.seed):normal() / 100 } end,
}
]]

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
    assert.error_matches(function() sweep.range(1, 1) end, "range: expected low below high, got 1 and 1")
    assert.error_matches(function() sweep.range(0, 1, { scale = "log" }) end, "low: expected a positive number")
  end)
end)

describe("a sweep file", function()
  local function refuses(message, text)
    local path, options = sweep_file(text)
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
    refuses("unknown option 'spce'; did you mean 'space'", "return { spce = {}, run = print, objective = 'x' }")
  end)

  it("has a version that depends on run, and on what it uses, but not on space and seeds", function()
    local function version(text)
      return assert(definition.load((sweep_file(text, "versions")))).version
    end
    local first = version(SIMPLE)
    local shared = "local function g(x) return x end\nlocal t = {}\nfor i = 1, 20 do t['k' .. i] = function(x) "
      .. "return g(x) + i end end\n" .. SIMPLE:gsub("config.x", "t.k1(config.x)")
    local path = sweep_file(shared, "shared")
    local pipe <close> = io.popen(("%s -e 'print(require(\"moonbow.sweep.definition\").load(%q).version)'"):format(
      interpreter, path))
    assert.equal(assert(definition.load(path)).version, pipe:read "l") -- another order of pairs
    assert.equal(first, version(SIMPLE:gsub("1, 2, 3", "1, 2, 3, 4"):gsub("seeds = 2", "seeds = 5")))
    assert.equal(first, version("-- a comment above\n" .. SIMPLE))
    assert.not_equal(first, version(SIMPLE:gsub("/ 100", "/ 10")))
    local helper = "local function f(x) return x end\n" .. SIMPLE:gsub("config.x", "f(config.x)")
    assert.not_equal(version(helper), version((helper:gsub("return x end", "return 2 * x end"))))
    local data = "local t = require('moonbow').tensor { 1, 2 }\n" .. SIMPLE:gsub("config.x", "t:get(1)")
    assert.not_equal(version(data), version((data:gsub("1, 2 }", "1, 3 }", 1))))
  end)
end)

describe("a run", function()
  it("runs each trial once, and later only what is new", function()
    local path, options = sweep_file(SIMPLE, "again")
    assert.same({ done = 6 }, sweep.run(path, options))
    assert.same({}, sweep.run(path, options))
    sweep_file(SIMPLE:gsub("1, 2, 3", "1, 2, 3, 4"):gsub("seeds = 2", "seeds = 3"), "again")
    assert.same({ done = 6 }, sweep.run(path, options))
    local status = sweep.status(path, { out = options.out })
    assert.equal(12, status.ended)
    assert.equal(4, status.best.config.x)
  end)

  it("gives the same results in this process and in workers", function()
    local path, options = sweep_file(SIMPLE)
    sweep.run(path, options)
    local here = results_of(path, options)
    local there = { out = options.out .. "w", workers = 2 }
    assert.same({ done = 6 }, sweep.run(path, there))
    for id, result in pairs(results_of(path, there)) do assert.same(here[id].metrics, result.metrics) end
  end)

  it("records how each trial ended, and goes on", function()
    local path, options = sweep_file [[
      return { space = { x = { 1, 2, 3, 4, 5, 6 } }, objective = "score", seeds = 1, timeout = 1,
        run = function(config, trial)
          if config.x == 2 then error "two is bad" end
          if config.x == 3 then while true do end end
          if config.x == 4 then os.exit(7) end
          if config.x == 5 then return { other = 1 } end
          if config.x == 6 then os.execute "kill -9 $PPID" end
          return { score = 1 }
        end }
    ]]
    options.workers = 2
    assert.same({ done = 1, failed = 2, timeout = 1, killed = 2 }, sweep.run(path, options))
    local results, folder = results_of(path, options)
    local reasons = {}
    for _, result in pairs(results) do reasons[result.config.x] = result.reason end
    assert.matches("two is bad\nstack traceback", reasons[2])
    assert.matches("it took more than 1 s", reasons[3])
    assert.matches("the process ended with code 7", reasons[4])
    assert.matches("expected a table with the metric 'score'", reasons[5])
    assert.matches("signal 9 ended the process", reasons[6])
    assert.matches("two is bad", read(folder:log_path(folders.id(space.canonical { x = 2 }, 1))))
    assert.same({}, sweep.run(path, options))
    options.failed = true
    assert.same({ failed = 2, timeout = 1, killed = 2 }, sweep.run(path, options))
  end)

  it("leaves standard input and output, the folder and other programs to run, and ends what it left behind", function()
    local path, options = sweep_file [[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 1, timeout = 5,
        run = function(config, trial)
          print "ready x"
          io.write "partial"
          io.stdout:write "more"
          io.stdout:flush()
          os.execute "cat; printf partial; sleep 61.5 &"
          require("lfs").chdir "/"
          trial:report(1, { score = 0 })
          return { score = config.x, checkpoint = #trial.checkpoint }
        end }
    ]]
    options.workers = 2
    assert.same({ done = 3 }, sweep.run(path, options))
    assert.is_nil(os.execute "pgrep -f '^sleep 61.5' >/dev/null")
  end)

  it("gives a reason with file and line for what run returned, and survives text that is not UTF-8", function()
    local path, options = sweep_file [[
      return { space = { x = { 1, 2, 3, 4 } }, objective = "score", seeds = 1,
        run = function(config)
          if config.x == 1 then return nil end
          if config.x == 2 then return { ["\xff"] = 1 } end
          if config.x == 3 then error "a\xffb\27[31m" end
          os.execute "kill -9 $PPID"
        end }
    ]]
    options.workers = 1
    assert.same({ failed = 3, killed = 1 }, sweep.run(path, options))
    local reasons = {}
    for _, failure in ipairs(sweep.status(path, { out = options.out }).failures) do
      reasons[failure.config.x] = failure.reason
    end
    assert.matches("sweep%d+%.lua:2: run: expected a table with the metric 'score', the objective, got nil", reasons[1])
    assert.matches("sweep%d+%.lua:2: .*name of a metric: expected UTF%-8, got '\\xFF'", reasons[2])
    assert.matches("sweep%d+%.lua:5: a\\xFFb\\x1B%[31m", reasons[3])
  end)

  it("finds modules beside the sweep file, and their modules, from any folder", function()
    local lfs = require "lfs"
    sweep_file("return require('sweep_helper_b') + 1", "sweep_helper_a")
    sweep_file("return 4", "sweep_helper_b")
    local path, options = sweep_file("local five = require 'sweep_helper_a'\n" .. SIMPLE:gsub("config.x", "five"))
    local version = sweep.plan(path, { out = options.out }).version
    local here, path_before, cpath_before = lfs.currentdir(), package.path, package.cpath
    local absolute = require("moonbow.io.files").absolute
    package.path, package.cpath = path_before:gsub("[^;]+", absolute), (cpath_before:gsub("[^;]+", absolute))
    package.loaded.sweep_helper_a, package.loaded.sweep_helper_b = nil, nil
    assert(lfs.chdir(root))
    options.out, options.workers = "relative", 2
    local ok, counts = pcall(sweep.run, path:match "[^/]*$", options)
    local code = ok and sweep.best(path:match "[^/]*$", { out = options.out })
    lfs.chdir(here)
    package.path, package.cpath = path_before, cpath_before
    assert.same({ true, { done = 6 } }, { ok, counts })
    local again = sweep.plan(path, { out = root .. "/relative" })
    assert.equal(version, again.version)
    assert.is_true(again.trials[1].ended)
    sweep_file(code, "best_of_helped")
    local pipe <close> = io.popen(("%s %s/best_of_helped.lua"):format(interpreter, root))
    assert.near(5, tonumber(pipe:read "a"), 0.1)
  end)

  it("ends with a message where the file changes, or a result cannot be written", function()
    local path, options = sweep_file(SIMPLE:gsub("return { score", "os.execute 'sleep 0.3' os.exit(1) return { score"))
    options.workers = 1
    options.on_end = function() sweep_file_at(path, SIMPLE) end
    assert.error_matches(function() sweep.run(path, options) end, "changed while the sweep ran")
    path, options = sweep_file(SIMPLE:gsub("return { score", ("os.execute 'rm -r %s/out*/*/trials' %%0"):format(root)))
    options.workers = 2
    assert.error_matches(function() sweep.run(path, options) end, "trials/%x+%.json: No such file")
    assert.same({}, select(2, results_of(path, options)):running())
  end)

  it("tries again as often as retries says", function()
    local path, options = sweep_file(([[
      return { space = { x = { 1 } }, objective = "score", seeds = 1, retries = 2,
        run = function()
          local file = io.open("%s/tries", "a")
          file:write "x"
          local tries = file:seek "end"
          file:close()
          if tries < 3 then error "not yet" end
          return { score = tries }
        end }
    ]]):format(root))
    assert.same({ done = 1 }, sweep.run(path, options))
    assert.equal(3, sweep.status(path, { out = options.out }).best.mean)
  end)

  it("says what changed where results of another version are there, and starts beside them", function()
    local path, options = sweep_file(SIMPLE, "changed")
    sweep.run(path, options)
    sweep_file(SIMPLE:gsub("/ 100", "/ 10"), "changed")
    assert.error_matches(function() sweep.run(path, options) end,
      "holds 6 results of another version; what changed: run. Start beside them")
    options.beside = true
    assert.same({ done = 6 }, sweep.run(path, options))
    assert.equal(6, sweep.status(path, { out = options.out }).others[1].trials)
  end)

  it("loses and doubles nothing when runners and workers are killed at random", function()
    local path, options = sweep_file(([[
      return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } }, objective = "score", seeds = 3,
        run = function(config, trial)
          local file <close> = io.open("%s/ran", "a")
          require("luv").sleep(10)
          file:write(config.x, " ", trial.seed, "\n")
          return { score = config.x }
        end }
    ]]):format(root))
    local command = ("%s experiments/sweep.lua run %s --out %s --workers 2 >/dev/null 2>&1"):format(interpreter, path,
      options.out)
    local rng = mb.rng(1)
    for _ = 1, 6 do
      os.execute(("(%s) & p=$!; sleep %.2f; pkill -9 -f 'sweep.lua run %s'; wait $p 2>/dev/null"):format(command,
        rng:uniform(0.15, 0.5), path))
    end
    assert(os.execute(command))
    local results, folder = results_of(path, options)
    local done = 0
    for _, result in pairs(results) do
      assert.equal(result.config.x, result.metrics.score)
      done = done + (result.status == "done" and 1 or 0)
    end
    assert.equal(30, done)
    assert.same({}, folder:running())
  end)

  it("is shared by two processes without a trial run twice", function()
    local path, options = sweep_file(([[
      return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8 } }, objective = "score", seeds = 2,
        run = function(config, trial)
          local file <close> = io.open("%s/shared", "a")
          require("luv").sleep(20)
          file:write(config.x, " ", trial.seed, "\n")
          return { score = config.x }
        end }
    ]]):format(root))
    local command = ("%s experiments/sweep.lua run %s --out %s --workers 1"):format(interpreter, path, options.out)
    assert(os.execute(("(%s & %s & wait) >/dev/null 2>&1"):format(command, command)))
    local lines, seen = 0, {}
    for line in io.lines(root .. "/shared") do
      assert.is_nil(seen[line])
      seen[line], lines = true, lines + 1
    end
    assert.equal(16, lines)
  end)

  it("does not take over a claim that its process has created and not yet written", function()
    local path = ("%s/claim%d"):format(root, count)
    assert(io.open(path, "w")):close()
    assert.is_nil(claims.take(path))
    assert(require("lfs").touch(path, os.time() - 60)) -- its process was killed in between
    local fd = assert(claims.take(path))
    assert.is_nil(claims.take(path))
    claims.release(path, fd)
  end)
  it("is cut into shards that cover all trials once", function()
    local path, options = sweep_file(SIMPLE)
    assert.same({ done = 2 }, sweep.run(path, { out = options.out, workers = 0, shard = { 1, 3 } }))
    assert.same({ done = 2 }, sweep.run(path, { out = options.out, workers = 0, shard = { 3, 3 } }))
    assert.same({ done = 2 }, sweep.run(path, options))
    assert.same({ 2, 8 }, shard.find "2/8")
    assert.error_matches(function() shard.find "9/8" end, "shard: expected I/N with I from 1 to N, got '9/8'")
  end)
end)

describe("claims and results", function()
  it("a claim that is being written is held; one that nobody finished is not", function()
    local path = root .. "/claim"
    sweep_file_at(path, "")
    assert.is_true(claims.is_held(path))
    assert.is_nil(claims.take(path))
    require("lfs").touch(path, os.time() - 60)
    assert.is_false(claims.is_held(path))
    local own = claims.process()
    sweep_file_at(path, require("moonbow.io.json").encode { config = { host = "elsewhere", pid = 1 }, host = own.host,
      pid = own.pid, process_start = "0" })
    assert.is_false(claims.is_held(path)) -- the configuration's host is not the claim's
  end)

  it("a run that waits for a trial of another machine says which claim to remove", function()
    local path, options = sweep_file(SIMPLE)
    sweep.run(path, { out = options.out, workers = 0, shard = { 1, 6 } })
    local folder = select(2, results_of(path, options))
    local id = sweep.plan(path, { out = options.out }).trials[2].id
    sweep_file_at(folder:claim_path(id), '{"host":"elsewhere","pid":7,"process_start":"1"}')
    local pipe <close> = io.popen(("timeout 20 env %s experiments/sweep.lua run %s --out %s --workers 0 2>&1"):format(
      interpreter, path, options.out))
    for line in pipe:lines() do
      if line:find "waits for 1 of the trials that others run" then
        assert.matches("by process 7 of elsewhere; if that is gone, remove " .. folder:claim_path(id), line, 1, true)
        os.remove(folder:claim_path(id))
      end
    end
    assert.is_true(folder:has(id))
  end)

  it("an outcome is what the whole result says, for any names and values", function()
    local path, options = sweep_file [[
      return { space = { x = { "plain", "{", "}", '","status":"failed","versions":{}}', 1, 1.5, true } },
        objective = 'a"b', seeds = 2, run = function(config, trial)
          if config.x == 1.5 then error "no" end
          trial:report(1, { ['a"b'] = 0 })
          return { ['a"b'] = trial.seed == 2 and config.x == 1 and 0 / 0 or trial.seed / 7, ["}"] = 1, ['x,"a"b'] = 5 }
        end }
    ]]
    sweep.run(path, options)
    local found, folder = results_of(path, options)
    for id, result in pairs(found) do
      local outcome = folder:outcome(id)
      assert.same({ result.config, result.seed, result.status }, { outcome.config, outcome.seed, outcome.status })
      assert.equal((result.metrics or {})['a"b'], (outcome.metrics or {})['a"b'])
    end
  end)

  it("values of another type are other values, and a float is one in the best configuration", function()
    local text = [[
      return { space = { x = { 1, "1", 2.0 } }, objective = "score", seeds = 1,
        run = function(config) return { score = math.type(config.x) == "float" and 1 or 0 } end }
    ]]
    local path, options = sweep_file(text, "types")
    assert.same({ done = 3 }, sweep.run(path, options))
    local pipe <close> = io.popen(("%s -"):format(interpreter), "w")
    pipe:write((sweep.best(path, { out = options.out }):gsub("print(%b())", "os.exit%1")))
    assert.equal(1, select(3, pipe:close()))
    sweep_file(text:gsub("2%.0", "2"), "types")
    assert.equal(2, sweep.status(path, { out = options.out }).ended)
  end)
end)

describe("strategies", function()
  local s = space.parse { x = sweep.range(0, 1), y = sweep.range(0, 1), kind = { "a", "b" } }
  local function new(name, trials, seed)
    return strategies.new { space = s, strategy = { name, trials = trials, seed = seed or 1 } }
  end

  it("draw distinct configurations, and no more than there are", function()
    assert.equal(20, #new("random", 20).configurations)
    local three = space.parse { x = { 1, 2, 3 } }
    local small = strategies.new { space = three, strategy = { "random", trials = 9, seed = 1 } }
    assert.equal(3, #small.configurations)
  end)

  it("fill every part of each range once with a Latin hypercube", function()
    local seen = {}
    for _, config in ipairs(new("latin_hypercube", 16).configurations) do seen[math.floor(config.x * 16)] = true end
    assert.equal(16, #seen + 1)
  end)

  -- The median over 20 seeds of the best value of a strategy.
  local function median_best(name, trials, f, of)
    local values = {}
    for seed = 1, 20 do
      local strategy = strategies.new { space = of, strategy = { name, trials = trials, seed = seed } }
      local history, best = {}, math.huge
      for config in function() return strategy:next(history) end do
        local value = f(config)
        history[#history + 1], best = { config = config, value = value }, math.min(best, value)
      end
      values[seed] = best
    end
    table.sort(values)
    return (values[10] + values[11]) / 2
  end

  it("TPE finds with 60 trials what random search finds with 180", function()
    local pi = math.pi
    local functions = {
      { space.parse { x = sweep.range(-5, 5), y = sweep.range(-5, 5), z = sweep.range(-5, 5) },
        function(c) return (c.x - 1) ^ 2 + (c.y + 2) ^ 2 + (c.z - 3) ^ 2 end },
      { space.parse { x = sweep.range(-5, 10), y = sweep.range(0, 15) }, function(c) -- Branin
        local root_part = c.y - 5.1 / (4 * pi ^ 2) * c.x ^ 2 + 5 / pi * c.x - 6
        return root_part ^ 2 + 10 * (1 - 1 / (8 * pi)) * math.cos(c.x) + 10
      end },
      { space.parse { lr = sweep.range(1e-5, 1, { scale = "log" }), n = sweep.integer(1, 100, { scale = "log" }),
        kind = { "a", "b", "c", "d" }, m = sweep.when({ kind = "c" }, sweep.range(0, 1)) }, function(c)
        local part = c.kind == "c" and 4 * (c.m - 0.7) ^ 2 or 1
        return (math.log(c.lr, 10) + 2.5) ^ 2 + part + math.log(c.n / 20) ^ 2
      end },
    }
    for _, case in ipairs(functions) do
      assert.is_true(median_best("tpe", 60, case[2], case[1]) <= median_best("random", 180, case[2], case[1]))
    end
  end)

  it("TPE tries the same configurations with any number of workers", function()
    local text = [[
      local mb = require "moonbow"
      return { space = { x = mb.sweep.range(-1, 1) }, objective = { "loss", minimize = true }, seeds = 2,
        strategy = { "tpe", trials = 24 }, run = function(config) return { loss = (config.x - 0.3) ^ 2 } end }
    ]]
    local path, options = sweep_file(text)
    sweep.run(path, options)
    local there = { out = options.out .. "w", workers = 3 }
    sweep.run(path, there)
    local a, b = results_of(path, options), results_of(path, there)
    for id, result in pairs(a) do assert.same(result.config, b[id].config) end
    assert.equal(48, sweep.status(path, { out = there.out }).ended)
    assert.is_true(sweep.status(path, { out = options.out }).best.mean < 0.01)
  end)

  it("halving stops what is behind, and says where something had not begun to improve", function()
    local path, options = sweep_file [[
      local mb = require "moonbow"
      return { space = { x = mb.sweep.integer(1, 9) }, objective = "score", seeds = 2,
        strategy = { "asha", trials = 9, steps = 9, first = 1, reduction = 3 },
        run = function(config, trial)
          for step = 1, 9 do -- the largest starts late: flat until step 5
            local late = config.x == 9
            trial:report(step, { score = late and (step < 5 and 0 or 100) or config.x + step / 10 })
          end
          return { score = config.x }
        end }
    ]]
    local counts = sweep.run(path, options)
    assert.equal(18, counts.done + counts.stopped)
    assert.is_true(counts.stopped >= 8)
    local results, late = {}, nil
    for _, result in pairs((results_of(path, options))) do
      results[#results + 1] = result
      if result.config.x == 9 and result.seed == 1 then late = result end
    end
    assert.equal("stopped", late.status)
    local _, flat = halving.late_starters(results, { name = "score" })
    assert.is_true(flat >= 1)
    sweep.collect(path, { out = options.out })
    local loaded = assert(definition.load(path))
    assert.matches("had not begun to improve: configurations that start late may be",
      read(("%s/%s/page.html"):format(options.out, loaded.version)))
  end)
end)

describe("statistics of a sweep", function()
  it("ranks a configuration without a value for each seed behind those that have them", function()
    local path, options = sweep_file [[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 2, run = function(config, trial)
        if config.x == 3 then return { score = trial.seed == 1 and 100 or 0 / 0 } end
        if config.x == 2 then return { score = 0 / 0 } end
        return { score = 1 }
      end }
    ]]
    sweep.run(path, options)
    assert.equal(1, sweep.status(path, { out = options.out }).best.config.x)
  end)

  -- Results of a grid of 4 x 3 with 3 seeds; effect is added for each level of a.
  local function results(seed, effect)
    local rng, list = mb.rng(seed), {}
    for a = 1, 4 do
      for b = 1, 3 do
        for s = 1, 3 do
          list[#list + 1] = { config = { a = a, b = b }, seed = s, status = "done",
            metrics = { m = effect * a + rng:normal() } }
        end
      end
    end
    return statistics.configurations(list, { name = "m" })
  end

  it("no factor explains more than the seed where there is only noise", function()
    local above, significant = 0, 0
    for seed = 1, 100 do
      local variance = statistics.variance(results(seed, 0), { "a", "b" })
      for _, factor in ipairs(variance.factors) do
        above = above + (factor.share > variance.seed and 1 or 0)
        significant = significant + (factor.corrected < 0.05 and 1 or 0)
      end
    end
    assert.is_true(above <= 5)
    assert.is_true(significant <= 10)
  end)

  it("pages with only noise name a factor for at most 5 of 100 seeds, with each kind of analysis", function()
    local collect, page = require "moonbow.sweep.collect", require "moonbow.sweep.page"
    local range = sweep.range(0, 1)
    local function names_one(strategy, seeds, given, seed)
      local own = { name = "noise", space = space.parse(given), strategy = strategy, objective = { name = "m" },
        version = "v", seeds = {} }
      for s = 1, seeds do own.seeds[s] = s end
      strategy.seed = seed
      local maker, rng, history, list = strategies.new(own), mb.rng { seed, 77 }, {}, {}
      for config in function() return maker:next(history) end do
        local sum = 0
        for s = 1, seeds do
          local value = rng:normal()
          sum = sum + value
          list[#list + 1] = { id = "x", config = config, seed = s, status = "done", metrics = { m = value } }
        end
        history[#history + 1] = { config = config, value = -sum / seeds }
      end
      return not page.html(collect.summary(own, list)):find "<b>No factor"
    end
    local function named_by(strategy, seeds, given)
      local named = 0
      for seed = 1, 100 do named = named + (names_one(strategy, seeds, given, seed) and 1 or 0) end
      return named
    end
    assert.is_true(named_by({ "grid" }, 2, { a = { 1, 2, 3, 4, 5 } }) <= 5)
    assert.is_true(named_by({ "random", trials = 40 }, 2, { x = range, y = range, k = { "a", "b", "c" } }) <= 5)
    assert.is_true(named_by({ "tpe", trials = 30, lag = 4 }, 2, { x = range, y = range }) <= 5)
  end)

  it("a factor under a condition does not count what its condition explains", function()
    local rng, list = mb.rng(5), {}
    for i, config in ipairs { { norm = "none" }, { norm = "batch", m = 0.9 }, { norm = "batch", m = 0.99 } } do
      for s = 1, 5 do
        list[#list + 1] = { config = config, seed = s, status = "done",
          metrics = { score = (i == 1 and 10 or 0) + rng:normal() } }
      end
    end
    local variance = statistics.variance(statistics.configurations(list, { name = "score" }), { "norm", "m" })
    assert.equal("norm", variance.factors[1].name)
    assert.is_true(variance.factors[1].share > 0.9)
    assert.is_true(variance.factors[2].share < 0.05)
  end)

  it("a factor with an effect explains most, and the best differs by a paired, corrected test", function()
    local configurations = results(1, 10)
    statistics.compare(configurations)
    local variance = statistics.variance(configurations, { "a", "b" })
    assert.equal("a", variance.factors[1].name)
    assert.is_true(variance.factors[1].share > 0.95)
    assert.equal(4, configurations[1].config.a)
    assert.is_true(configurations[12].difference.corrected < 0.05)
    assert.is_true(configurations[12].difference.mean < -25)
  end)

  it("tail probabilities are those of SciPy", function()
    local distributions = require "moonbow.distributions"
    assert.near(0.05, distributions.student_p(2.2281388519649385, 10), 1e-9)
    assert.near(0.05, distributions.fisher_p(4.102821015130403, 2, 10), 1e-9)
    assert.near(2.2281388519649385, distributions.student_quantile(0.05, 10), 1e-9)
  end)
end)

describe("what a sweep writes", function()
  it("is a table, a page that needs nothing else, and the best configuration as Lua that runs", function()
    local path, options = sweep_file(SIMPLE:gsub("{ 1, 2, 3 }", '{ 1, 2, 3 }, kind = { "<b>", "a,b" }'))
    sweep.run(path, options)
    local written, messages = sweep.collect(path, { out = options.out })
    assert.is_true(#written + #messages == 4)
    local loaded = assert(definition.load(path))
    local folder = ("%s/%s/"):format(options.out, loaded.version)
    local csv, page = read(folder .. "trials.csv"), read(folder .. "page.html")
    assert.equal(13, select(2, csv:gsub("\n", "")))
    assert.matches('id,kind,x,seed,status,metric_score,seconds,memory,host,reason', csv, 1, true)
    assert.matches('"a,b"', csv, 1, true)
    assert.is_nil(page:find "<b>,")
    assert.matches('text-anchor="start">a,b</text>', page, 1, true) -- the axis of a choice has its values
    assert.is_nil(page:find "https?://")
    assert.is_nil(page:find "<script")
    local pipe <close> = io.popen(("%s %sbest.lua"):format(interpreter, folder))
    assert.near(3, tonumber(pipe:read "a"), 0.1)
  end)

  it("planning a sweep of which no trial has ended says so when it is collected", function()
    local path, options = sweep_file(SIMPLE)
    assert.equal(6, sweep.plan(path, { out = options.out }).size)
    assert.error_matches(function() sweep.collect(path, { out = options.out }) end, "no trial has ended yet")
    assert.equal(0, #plans.new(assert(definition.load(path)), folders.open(options.out, { version = "x" })):trials())
  end)
end)
