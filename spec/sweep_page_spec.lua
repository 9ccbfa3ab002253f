-- What a sweep writes: tables, the page, the best configuration.
local mb = require "moonbow"
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local in_browser = require "support.in_browser"
local interpreter = require "support.interpreter"
local plans = require "moonbow.sweep.plan"
local space = require "moonbow.sweep.space"
local strategies = require "moonbow.sweep.strategies"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

describe("what a sweep writes", function()
  it("is a table, a page that needs nothing else, and the best configuration as Lua that runs", function()
    local path, options = files.new(files.SIMPLE:gsub("{ 1, 2, 3 }", '{ 1, 2, 3 }, kind = { "<b>", "a,b" }'))
    sweep.run(path, options)
    local written, messages = sweep.collect(path, { out = options.out })
    assert.is_true(#written + #messages == 4)
    local loaded = assert(definition.load(path))
    local folder = ("%s/%s/"):format(options.out, loaded.version)
    local csv, page = files.read(folder .. "trials.csv"), files.read(folder .. "page.html")
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

  it("has a best configuration that runs a trial of the sweep again", function()
    local path, options = files.new [[
      local starts = { [10] = 0.1, [20] = 0.2 }
      return { space = { x = { 1, 2 } }, objective = "score", seeds = { 30, 10, 20 },
        run = function(config, trial)
          if trial.seed == 30 then error "no" end
          local file <close> = assert(io.open(trial.checkpoint .. "/" .. trial.id, "w"))
          trial:report(1, { score = 0 })
          return { score = config.x + starts[trial.seed] + tonumber(trial.id:sub(1, 8), 16) / 2^40 }
        end }
    ]]
    sweep.run(path, options)
    local folder = files.folder(path, options)
    local function check_best(seeds, expected)
      files.write(path, (files.read(path):gsub("seeds = %b{}", "seeds = " .. seeds)))
      local code = sweep.best(path, { out = options.out })
      local pipe <close> = io.popen(("%s - <<'END'\n%s\nEND"):format(interpreter, code))
      local score = assert(folder:result(folders.id(space.canonical { x = 2 }, expected))).metrics.score
      assert.near(score, tonumber(pipe:read "a"), 1e-9)
      assert.matches(("over 2 seeds; this runs seed %d, which gave %.6g\n"):format(expected, score), code, 1, true)
    end
    check_best("{ 30, 10, 20 }", 10) -- seed 30 has no result
    check_best("{ 20, 10 }", 20)
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
    assert.is_true(named_by({ "random", trials = 100 }, 2, { a = range, b = range, c = range, d = range }) <= 5)
    assert.is_true(named_by({ "random", trials = 40 }, 2, { x = range, y = range, k = { "a", "b", "c" } }) <= 5)
    assert.is_true(named_by({ "tpe", trials = 30, lag = 4 }, 2, { x = range, y = range }) <= 5)
  end)

  it("is a database with the same rows, where lua-sql-sqlite3 is installed", function()
    local found, sqlite = pcall(require, "luasql.sqlite3")
    if not found then return pending "lua-sql-sqlite3 is not installed" end
    local path, options = files.new((files.SIMPLE:gsub("{ 1, 2, 3 }", "{ 1, 2, 3 }, kind = { \"it's\" }")))
    sweep.run(path, options)
    sweep.collect(path, { out = options.out })
    local driver = sqlite.sqlite3()
    local connection = driver:connect(files.folder(path, options).path .. "/trials.sqlite")
    local cursor = connection:execute "SELECT count(*), sum(x), max(kind), min(status) FROM trials"
    local count, sum, kind, status = cursor:fetch()
    cursor:close()
    connection:close()
    driver:close()
    assert.same({ 6, 12 }, { math.tointeger(tonumber(count)), math.tointeger(tonumber(sum)) })
    assert.same({ "it's", "done" }, { kind, status })
  end)

  it("has a column of its own for each metric, whatever the case of its name and the names of the space", function()
    local path, options = files.new [[
      return { space = { metric_acc = { 1, 2 } }, objective = "acc", seeds = 1,
        run = function(config) return { acc = config.metric_acc, Acc = 3, ACC = 4 } end }
    ]]
    sweep.run(path, options)
    local written, messages = sweep.collect(path, { out = options.out })
    local text = files.read(written[1])
    assert.matches("^id,metric_acc,seed,status,metric_ACC_2,metric_Acc_3,metric_acc_4,seconds,", text)
    assert.matches(",1,1,done,4,3,1,", text)
    for _, message in ipairs(messages) do assert.matches("lua%-sql%-sqlite3 is not installed", message) end
  end)

  it("planning a sweep of which no trial has ended says so when it is collected", function()
    local path, options = files.new(files.SIMPLE)
    assert.equal(6, sweep.plan(path, { out = options.out }).size)
    assert.error_matches(function() sweep.collect(path, { out = options.out }) end, "no trial has ended yet")
    assert.equal(0, #plans.new(assert(definition.load(path)), folders.open(options.out, { version = "x" })):trials())
  end)

  it("names what tells the best configurations, among many factors", function()
    local path, options = files.new [[
      local range = require("moonbow").sweep.range(0, 1)
      return { space = { a = range, b = range, c = range, d = range, e = range, f = range, g = range, h = range },
        objective = "score", seeds = 1, strategy = { "random", trials = 100 },
        run = function(config) return { score = config.e } end }
    ]]
    sweep.run(path, options)
    sweep.collect(path, { out = options.out })
    assert.matches("<b>What tells the best: e.</b>", files.read(files.folder(path, options).path .. "/page.html"), 1,
      true)
  end)

  it("has at most 2 MB for 10,000 trials with curves, and opens in a browser without a complaint", function()
    local collect, page = require "moonbow.sweep.collect", require "moonbow.sweep.page"
    local own = { name = "large", strategy = { "random" }, objective = { name = "m" }, version = "v", seeds = { 1 },
      space = space.parse { x = sweep.range(0, 1), n = sweep.integer(1, 1000), kind = { "a", "b", "c" } } }
    local rng, list = mb.rng(1), {}
    for i = 1, 10000 do
      local reports = {}
      for step = 1, 10 do reports[step] = { step = step, metrics = { m = rng:normal() } } end
      list[i] = { id = "x", config = own.space:from_unit { rng:uniform(), rng:uniform(), rng:uniform() }, seed = 1,
        status = i % 9 == 0 and "failed" or "done", reason = "no", reports = reports, metrics = { m = rng:normal() } }
    end
    local html = page.html(collect.summary(own, list))
    assert.is_true(#html < 2e6)
    local printed = in_browser(html)
    if not printed then return pending "no chromium" end
    assert.matches("<h2>All configurations at a glance</h2>", printed, 1, true)
    assert.is_nil(printed:find "CONSOLE[^\n]*")
  end)
end)
