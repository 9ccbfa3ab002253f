-- Strategies of sweeps.
local mb = require "moonbow"
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local halving = require "moonbow.sweep.halving"
local space = require "moonbow.sweep.space"
local strategies = require "moonbow.sweep.strategies"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

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
    local path, options = files.new(text)
    sweep.run(path, options)
    local there = { out = options.out .. "w", workers = 3 }
    sweep.run(path, there)
    local a, b = files.results(path, options), files.results(path, there)
    for id, result in pairs(a) do assert.same(result.config, b[id].config) end
    assert.equal(48, sweep.status(path, { out = there.out }).ended)
    assert.is_true(sweep.status(path, { out = options.out }).best.mean < 0.01)
  end)

  it("halving stops what is behind, and says where something had not begun to improve", function()
    local path, options = files.new [[
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
    for _, result in pairs((files.results(path, options))) do
      results[#results + 1] = result
      if result.config.x == 9 and result.seed == 1 then late = result end
    end
    assert.equal("stopped", late.status)
    local _, flat = halving.late_starters(results, { name = "score" })
    assert.is_true(flat >= 1)
    sweep.collect(path, { out = options.out })
    local loaded = assert(definition.load(path))
    assert.matches("had not begun to improve: configurations that start late may be",
      files.read(("%s/%s/page.html"):format(options.out, loaded.version)))
  end)

  -- Nine configurations of which the largest x is the best; writes down what starts and ends.
  local HALVED = [[
    local mb, uv = require "moonbow", require "luv"
    return { space = { x = mb.sweep.integer(1, 9) }, objective = "score", seeds = 3,
      strategy = { "asha", trials = 9, steps = 3, first = 3, reduction = 3 },
      run = function(config, trial)
        local file <close> = assert(io.open("%s", "a"))
        file:write(("start %%d %%d\n"):format(config.x, trial.seed)):flush()
        if trial.seed == 1 then uv.sleep(config.x == 9 and 800 or 30) end
        file:write(("end %%d %%d\n"):format(config.x, trial.seed))
        return { score = config.x }
      end }
  ]]

  it("halving runs the other seeds of the best third alone", function()
    local path, options = files.new(HALVED:format(files.root .. "/third"))
    assert.same({ done = 15, stopped = 12 }, sweep.run(path, options))
    local best = sweep.status(path, { out = options.out }).best
    assert.same({ 9, 3 }, { best.config.x, best.n })
    assert.matches("first seed of this configuration is not among the best",
      files.results(path, options)[folders.id(space.canonical { x = 1 }, 2)].reason)
  end)

  it("halving starts the other seeds once the first one has ended, in any process", function()
    local notes = files.root .. "/ends"
    local path, options = files.new(HALVED:format(notes))
    options.workers = 3
    sweep.run(path, options)
    local has_ended = {}
    for what, x, seed in files.read(notes):gmatch "(%a+) (%d) (%d)\n" do
      if what == "end" and seed == "1" then has_ended[x] = true end
      if what == "start" and seed ~= "1" then assert.is_true(has_ended[x]) end
    end
    local status = sweep.status(path, { out = options.out })
    assert.same({ 27, 9, 3 }, { status.ended, status.best.config.x, status.best.n })
  end)

  -- Writes a sweep file again with other text; returns what its next run does.
  local function run_edited(path, options, ...)
    local text = files.read(path)
    for i = 1, select("#", ...), 2 do
      local from, to = select(i, ...)
      assert(text:find(from, 1, true))
      text = text:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))
    end
    files.write(path, text)
    return sweep.run(path, options)
  end

  -- Reports acc, which grows with x and the step, and loss, which falls.
  local CURVES = [[
    return { space = { x = { 1, 2, 3, 4, 5, 6 } }, objective = "acc", seeds = 1,
      strategy = { "asha", trials = 9, steps = 9, first = 3, reduction = 3 },
      run = function(c, trial)
        for e = 1, 9 do trial:report(e, { acc = c.x * e * e, loss = 1 / (c.x * e) }) end
        return { acc = 81 * c.x, loss = 1 / (9 * c.x) }
      end }
  ]]

  it("halving compares values of one step and one objective after an edit", function()
    for _, edit in ipairs { { "first = 3", "first = 1" }, { '"acc",', '{ "loss", minimize = true },' } } do
      local path, options = files.new(CURVES)
      sweep.run(path, options)
      run_edited(path, options, "5, 6", "5, 6, 10, 11, 12", edit[1], edit[2])
      assert.equal(12, sweep.status(path, { out = options.out }).best.config.x)
    end
  end)

  it("halving runs again what a changed strategy or objective had stopped, and only that", function()
    local path, options = files.new(CURVES)
    local counts = sweep.run(path, options)
    assert.is_true(counts.stopped > 0)
    assert.same({}, sweep.run(path, options))
    assert.same({}, run_edited(path, options, "trials = 9", "trials = 8, seed = 2"))
    local function ended() return sweep.status(path, { out = options.out }).counts end
    files.write(path, (files.read(path):gsub("first = 3", "first = 9")))
    assert.same({ done = counts.done }, ended())
    assert.same({ done = counts.stopped }, sweep.run(path, options))
    assert.same({ done = 6 }, ended())
  end)

  it("halving judges a trial by its first report at or after a rung, once", function()
    local path, options = files.new((CURVES:gsub("steps = 9, first = 3", "steps = 20, first = 1"):gsub("e = 1, 9",
      "e = 2, 20, 2")))
    sweep.run(path, options)
    local results, folder = files.results(path, options)
    local at = {}
    for _, result in pairs(results) do
      local last = result.reports[#result.reports].step
      at[last] = (at[last] or 0) + 1
      assert.equal(result.status == "done" and 20 or last, last)
    end
    assert.is_true((at[2] or 0) + (at[4] or 0) > 0)
    assert.equal(6, (at[2] or 0) + (at[4] or 0) + (at[10] or 0) + (at[20] or 0))
    local function goes_on(id, step, value, last) return halving.goes_on(folder, id, step, value, last) end
    assert.is_true(goes_on("a1", 9.5, -1e9, 4))
    assert.is_true(goes_on("a2", 10, -1, 9)) -- was judged at 9
    assert.is_false(goes_on("a2", 10, -1, 4))
    assert.is_true(goes_on("a3", 20, 1e9)) -- has come to the end
    assert.is_true(goes_on("a4", 0.5, 1e9)) -- before the first rung
  end)

  it("a grid runs what halving had stopped", function()
    local path, options = files.new(CURVES)
    local stopped = sweep.run(path, options).stopped
    local strategy = CURVES:match "strategy = (%b{})"
    assert.same({ done = stopped }, run_edited(path, options, strategy, '"grid"'))
    assert.same({ done = 6 }, sweep.status(path, { out = options.out }).counts)
  end)

  it("halving decides anew about the other seeds when the first one is repaired", function()
    local ok = files.root .. "/repaired"
    local path, options = files.new(([[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 3,
        strategy = { "asha", trials = 3, steps = 9, reduction = 2 },
        run = function(config)
          if config.x == 3 then assert(io.open("%s")) end
          return { score = config.x }
        end }
    ]]):format(ok))
    assert.equal(1, sweep.run(path, options).failed)
    assert.same({}, sweep.run(path, options))
    files.write(ok, "")
    options.failed = true
    assert.same({ done = 3 }, sweep.run(path, options))
    local best = sweep.status(path, { out = options.out }).best
    assert.same({ 3, 3 }, { best.config.x, best.n })
    assert.same({}, sweep.run(path, options))
  end)

  it("halving keeps the seeds of a configuration in one share", function()
    local path, options = files.new(HALVED:format(files.root .. "/shares"))
    for i = 1, 4 do sweep.run(path, { out = options.out, workers = 0, shard = { i, 4 } }) end
    assert.equal(27, sweep.status(path, { out = options.out }).ended)
  end)
end)
