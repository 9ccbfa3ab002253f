-- Runs of sweeps: trials end in every way, and go on.
local uv = require "luv"
local mb = require "moonbow"
local folders = require "moonbow.sweep.folder"
local interpreter = require "support.interpreter"
local on_terminal = require "support.on_terminal"
local space = require "moonbow.sweep.space"
local files = require "support.sweep_files"
local sweep = mb.sweep

local disk = files.root .. "/disk" -- a small one

teardown(function()
  os.execute(("umount %s 2>/dev/null"):format(disk))
  files.remove()
end)

local kill = uv.kill

-- As on a busy machine: the first signals to a group of processes have no effect before run looks again.
local function act_late_on_signals()
  local sent = {}
  uv.kill = function(pid, signal)
    sent[pid] = (sent[pid] or 0) + 1
    return sent[pid] > 3 and kill(pid, signal) or 0
  end
end

describe("a run", function()
  after_each(function() uv.kill = kill end)

  it("runs each trial once, and later only what is new", function()
    local path, options = files.new(files.SIMPLE, "again")
    assert.same({ done = 6 }, sweep.run(path, options))
    assert.same({}, sweep.run(path, options))
    files.new(files.SIMPLE:gsub("1, 2, 3", "1, 2, 3, 4"):gsub("seeds = 2", "seeds = 3"), "again")
    assert.same({ done = 6 }, sweep.run(path, options))
    local status = sweep.status(path, { out = options.out })
    assert.equal(12, status.ended)
    assert.equal(4, status.best.config.x)
  end)

  it("runs again the trials whose results are damaged, and plan and status do not count them", function()
    for _, workers in ipairs { 0, 2 } do
      local path, options = files.new(files.SIMPLE, "damaged" .. workers)
      options.workers = workers
      assert.same({ done = 6 }, sweep.run(path, options))
      local before, folder = files.results(path, options)
      local damages, ids = { "", false, "{}\n" }, {}
      for id in pairs(before) do ids[#ids + 1] = id end
      for i, text in ipairs(damages) do
        local result = ("%s/trials/%s.json"):format(folder.path, ids[i])
        local whole = files.read(result)
        local file = assert(io.open(result, "w"))
        file:write(text or whole:sub(1, #whole // 2))
        file:close()
      end
      local function ended()
        local count, where = 0, { out = options.out }
        for _, trial in ipairs(sweep.plan(path, where).trials) do count = count + (trial.ended and 1 or 0) end
        local status = sweep.status(path, where)
        return { count, status.ended, #status.faults }
      end
      assert.same({ 3, 3, 3 }, ended())
      assert.same({ done = 3 }, sweep.run(path, options))
      assert.same({ 6, 6, 0 }, ended())
      assert.same({}, sweep.run(path, options))
      for id, result in pairs(files.results(path, options)) do assert.same(before[id].metrics, result.metrics) end
    end
  end)

  it("gives the same results in this process and in workers", function()
    local path, options = files.new(files.SIMPLE)
    sweep.run(path, options)
    local here = files.results(path, options)
    local there = { out = options.out .. "w", workers = 2 }
    assert.same({ done = 6 }, sweep.run(path, there))
    for id, result in pairs(files.results(path, there)) do assert.same(here[id].metrics, result.metrics) end
  end)

  it("counts in its status the trials of the plan, and says how many others there are", function()
    local function status_of(path, options) return sweep.status(path, { out = options.out }) end
    local function figures(status) return { status.size, status.ended, status.counts.done, status.unplanned } end
    local text = [[
      local s = require("moonbow").sweep
      return { space = { x = s.range(0, 1, { points = 5 }) }, objective = "score", seeds = 2,
        run = function(config) return { score = config.x } end }
    ]]
    local path, options = files.new(text, "points")
    sweep.run(path, options)
    assert.same({ 10, 10, 10, 0 }, figures(status_of(path, options)))
    files.write(path, (text:gsub("points = 5", "points = 4")))
    assert.same({ 8, 4, 4, 6 }, figures(status_of(path, options)))
    sweep.run(path, options)
    assert.same({ 8, 8, 8, 6 }, figures(status_of(path, options)))
    sweep.collect(path, { out = options.out })
    assert.matches("14 trials of 7 configurations (6 trials are not in the plan, but of an earlier grid or strategy): ",
      files.read(files.folder(path, options).path .. "/page.html"), 1, true)
    local pipe <close> = io.popen(("%s experiments/sweep.lua status %s --out %s"):format(interpreter, path,
      options.out))
    assert.matches("^points: 8 of 8 trials ended: 8 done; 0 running\n6 trials are not in the plan, but", pipe:read "a")

    local random = text:gsub(", { points = 5 }", ""):gsub("seeds = 2", 'seeds = 2, strategy = { "random", trials = 6 }')
    path, options = files.new(random)
    sweep.run(path, options)
    files.write(path, (random:gsub("trials = 6", "trials = 6, seed = 2")))
    assert.same({ 12, 0, nil, 12 }, figures(status_of(path, options)))

    path, options = files.new((random:gsub("s.range%(0, 1%)", "{ 1, 2, 3 }"):gsub('"random", trials = 6',
      '"tpe", trials = 20')))
    assert.equal(40, sweep.plan(path, { out = options.out }).size)
    assert.same({ done = 6 }, sweep.run(path, options))
    assert.same({ 6, 6, 6, 0 }, figures(status_of(path, options)))
    local plan = sweep.plan(path, { out = options.out })
    assert.same({ 6, 6 }, { plan.size, #plan.trials })
  end)

  it("measures the memory of each trial by itself", function()
    for _, workers in ipairs { 0, 1 } do
      local path, options = files.new [[
        local mb = require "moonbow"
        return { space = { megabytes = { 20, 1, 5 } }, objective = "score", seeds = 2,
          run = function(config) return { score = #mb.zeros(config.megabytes * 250000) } end }
      ]]
      options.workers = workers
      sweep.run(path, options)
      for _, result in pairs(files.results(path, options)) do
        assert.near(result.config.megabytes * 1e6, result.memory, 0.2e6)
      end
    end
  end)

  it("records how each trial ended, and goes on", function()
    local path, options = files.new [[
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
    local results, folder = files.results(path, options)
    local reasons = {}
    for _, result in pairs(results) do reasons[result.config.x] = result.reason end
    assert.matches("two is bad\nstack traceback", reasons[2])
    assert.matches("it took more than 1 s", reasons[3])
    assert.matches("the process ended with code 7", reasons[4])
    assert.matches("expected a table with the metric 'score'", reasons[5])
    assert.matches("signal 9 ended the process", reasons[6])
    assert.matches("two is bad", files.read(folder:log_path(folders.id(space.canonical { x = 2 }, 1))))
    assert.same({}, sweep.run(path, options))
    options.failed = true
    assert.same({ failed = 2, timeout = 1, killed = 2 }, sweep.run(path, options))
  end)

  it("leaves standard input and output, the folder and other programs to run, and ends what it left behind", function()
    local left = ("sleep 61.%d"):format(uv.os_getpid()) -- no other run of this spec has it
    local path, options = files.new(([[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 1, timeout = 5,
        run = function(config, trial)
          print "ready x"
          io.write "partial"
          io.stdout:write "more"
          io.stdout:flush()
          os.execute "cat; printf partial; %s &"
          require("lfs").chdir "/"
          trial:report(1, { score = 0 })
          return { score = config.x, checkpoint = #trial.checkpoint }
        end }
    ]]):format(left))
    options.workers = 2
    act_late_on_signals()
    assert.same({ done = 3 }, sweep.run(path, options))
    assert.is_nil(os.execute(("env -u LD_PRELOAD pgrep -f '^%s$' >/dev/null"):format(left)))
  end)

  it("keeps what a trial prints in its own log, up to a limit", function()
    local path, options = files.new [[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 1,
        run = function(config)
          for i = 1, 2000 do print("line", config.x, i) end
          os.execute("printf 'from a program %d' " .. config.x)
          if config.x == 2 then io.write(("y"):rep(3 << 20)) end
          if config.x == 3 then os.execute "kill -9 $PPID" end
          return { score = 1 }
        end }
    ]]
    options.workers = 1
    assert.same({ done = 2, killed = 1 }, sweep.run(path, options))
    local folder = files.folder(path, options)
    for x = 1, 3 do
      local log = files.read(folder:log_path(folders.id(space.canonical { x = x }, 1)))
      local _, count = log:gsub("line\t" .. x .. "\t%d+\n", "")
      assert.equal(2000, count)
      assert.is_nil(log:find("line\t" .. x % 3 + 1, 1, true))
      assert.matches("from a program " .. x, log)
      assert.is_true(#log < 1.1 * (1 << 20))
      assert.equal(x == 2, log:find("what it printed after this is not kept", 1, true) ~= nil)
    end
  end)

  it("refuses limits that would not hold in its own process", function()
    for _, limit in ipairs { "timeout = 5", "memory = 1e9" } do
      local path, options = files.new((files.SIMPLE:gsub("seeds = 2", "seeds = 2, " .. limit)))
      assert.error_matches(function() sweep.run(path, options) end, limit:match "%a+" .. ": needs a worker process")
      options.workers = 1
      assert.same({ done = 6 }, sweep.run(path, options))
    end
  end)

  it("shows on a terminal what runs, what has ended, and the best so far", function()
    local path, options = files.new [[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 2,
        run = function(config, trial)
          trial:report(7, { score = config.x })
          require("luv").sleep(config.x == 3 and 2000 or 300)
          if config.x == 3 then error "no" end
          return { score = config.x }
        end }
    ]]
    local shown = on_terminal(70, ("%s experiments/sweep.lua run %s --out %s --workers 2"):format(interpreter, path,
      options.out))
    local table_of_both
    for drawn in shown:gmatch "\27%[J([^\27]*)" do
      if drawn:find "x = 3 +1 [^\n]+\nx = 3 +2 " then table_of_both = drawn end
    end
    assert.matches("%] 4/6 trials  %d+ s left\n4 done\n", table_of_both)
    assert.matches("best so far: score 2 ± 0 over 2 seeds: x = 2\n", table_of_both, 1, true)
    assert.matches("running +seed +for +step +score\nx = 3 +1 +%d s +7 +3\nx = 3 +2 +%d s +7 +3\n$", table_of_both)
    assert.matches("\27%[J[%w]+: 4 done, 2 failed\n", shown) -- above it nothing of the table is left
  end)

  it("gives a reason with file and line for what run returned, and survives text that is not UTF-8", function()
    local path, options = files.new [[
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
    files.new("return require('sweep_helper_b') + 1", "sweep_helper_a")
    files.new("return 4", "sweep_helper_b")
    local path, options = files.new("local five = require 'sweep_helper_a'\n" .. files.SIMPLE:gsub("config.x", "five"))
    local version = sweep.plan(path, { out = options.out }).version
    local here, path_before, cpath_before = lfs.currentdir(), package.path, package.cpath
    local absolute = require("moonbow.io.files").absolute
    package.path, package.cpath = path_before:gsub("[^;]+", absolute), (cpath_before:gsub("[^;]+", absolute))
    package.loaded.sweep_helper_a, package.loaded.sweep_helper_b = nil, nil
    assert(lfs.chdir(files.root))
    options.out, options.workers = "relative", 2
    local ok, counts = pcall(sweep.run, path:match "[^/]*$", options)
    local code = ok and sweep.best(path:match "[^/]*$", { out = options.out })
    lfs.chdir(here)
    package.path, package.cpath = path_before, cpath_before
    assert.same({ true, { done = 6 } }, { ok, counts })
    local again = sweep.plan(path, { out = files.root .. "/relative" })
    assert.equal(version, again.version)
    assert.is_true(again.trials[1].ended)
    files.new(code, "best_of_helped")
    local pipe <close> = io.popen(("%s %s/best_of_helped.lua"):format(interpreter, files.root))
    assert.near(5, tonumber(pipe:read "a"), 0.1)
  end)

  it("ends with the message of on_end, in this process and with workers", function()
    for workers = 0, 1 do
      local path, options = files.new(files.SIMPLE, "ending" .. workers)
      options.workers, options.on_end = workers, function() error("mine", 0) end
      assert.error_matches(function() sweep.run(path, options) end, "sweep: on_end: mine")
    end
  end)

  it("takes an infinite metric for a failure, as NaN", function()
    local path, options = files.new((files.SIMPLE:gsub("return { score", "return { other = 1 / 0, score")))
    assert.same({ failed = 6 }, sweep.run(path, options))
    for _, result in pairs(files.results(path, options)) do
      assert.matches("^[^:]*sweep%d+%.lua:4: run: other: expected a finite number, got inf$", result.reason)
    end
  end)

  it("names no place in moonbow's own call where a result is wrong or cannot be written", function()
    local path, options = files.new [[
      return { space = { x = { 1, 2 } }, objective = "score", seeds = 1, run = function(config)
        if config.x == 2 then os.execute("rm -r " .. os.getenv "SWEEP_OUT" .. "/*/trials") end
        return { score = 0 / 0 }
      end }
    ]]
    local pipe <close> = io.popen(("SWEEP_OUT=%s %s experiments/sweep.lua run %s --out %s --workers 1 2>&1"):format(
      options.out, interpreter, path, options.out))
    local text = pipe:read "a"
    assert.matches("no result could be written; it wrote: %s*sweep: [^:]*/trials/%x+%.json: No such file", text)
    assert.is_nil(text:find("(command line)", 1, true))
  end)

  it("ends with a message where the file changes, or a result cannot be written", function()
    local path, options = files.new(files.SIMPLE:gsub("return { score",
      "os.execute 'sleep 0.3' os.exit(1) return { score"))
    options.workers = 1
    options.on_end = function() files.write(path, files.SIMPLE) end
    assert.error_matches(function() sweep.run(path, options) end, "changed while the sweep ran")
    path, options = files.new(files.SIMPLE:gsub("return { score",
      ("os.execute 'rm -r %s/out*/*/trials' %%0"):format(files.root)))
    options.workers = 2
    assert.error_matches(function() sweep.run(path, options) end, "trials/%x+%.json: No such file")
    assert.same({}, select(2, files.results(path, options)):running())
  end)

  it("leaves a trial without a result where the disk is full, and goes on when there is room", function()
    if not os.execute(("mkdir %s && mount -t tmpfs -o size=200k tmpfs %s 2>/dev/null"):format(disk, disk)) then
      return pending "no small disk can be mounted: it needs root"
    end
    local path = files.new [[
      return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8 } }, objective = "score", seeds = 1,
        run = function(config, trial)
          for step = 1, 800 do trial:report(step, { score = step }) end
          return { score = config.x }
        end }
    ]]
    for workers = 0, 1 do
      local options = { out = disk .. "/out" .. workers, workers = workers }
      assert.error_matches(function() sweep.run(path, options) end, "[nN]o space left")
      local ended = 0
      for _, result in pairs(files.results(path, options)) do
        ended = ended + 1
        assert.equal("done", result.status)
      end
      assert.is_true(ended > 0 and ended < 8)
      assert(os.execute(("mount -o remount,size=2m %s"):format(disk)))
      assert.same({ done = 8 - ended }, sweep.run(path, options))
      os.execute(("rm -r %s/* && mount -o remount,size=200k %s"):format(disk, disk))
    end
  end)

  it("tries again as often as retries says", function()
    local path, options = files.new(([[
      return { space = { x = { 1 } }, objective = "score", seeds = 1, retries = 2,
        run = function()
          local file = io.open("%s/tries", "a")
          file:write "x"
          local tries = file:seek "end"
          file:close()
          if tries < 3 then error "not yet" end
          return { score = tries }
        end }
    ]]):format(files.root))
    assert.same({ done = 1 }, sweep.run(path, options))
    assert.equal(3, sweep.status(path, { out = options.out }).best.mean)
  end)

  it("gives a trial that goes on after a kill its whole curve, and the seconds of all its starts", function()
    local path, options = files.new(([[
      local mb = require "moonbow"
      return { space = { x = { 1 } }, objective = "score", seeds = 1, retries = 1,
        run = function(config, trial)
          local model = mb.nn.Sequential { mb.nn.Dense { units = 2 } }
          local set = { x = mb.ones(4, 3), y = mb.tensor { 1, 2, 1, 2 } }
          mb.fit(model, set, { epochs = 8, verbose = false, checkpoint = trial.checkpoint, callbacks = { function(r)
            trial:report(r.epoch, { score = r.epoch })
            if r.epoch ~= 5 or io.open("%s/killed") then return end
            io.open("%s/killed", "w"):close()
            os.execute "kill -9 $PPID"
          end } })
          return { score = 1 }
        end }
    ]]):format(files.root, files.root))
    options.workers = 1
    assert.same({ done = 1 }, sweep.run(path, options))
    local results, folder = files.results(path, options)
    local id, result = next(results)
    local steps = {}
    for i, report in ipairs(result.reports) do steps[i] = report.step end
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, steps)
    assert.equal(2, select(2, files.read(folder:log_path(id)):gsub("step 5 ", "")))
    local logged = folder:reports(id)
    assert.is_true(logged[4].seconds <= logged[5].seconds and logged[8].seconds <= result.seconds + 0.001)
  end)

  it("keeps of the reports in a log those up to the start that went on", function()
    local list = require("moonbow.sweep.reports").read(table.concat({ 'step 1 {"a":1} after 1.000 s',
      'step 2 {"a":2} after 2.000 s', "step 3 printed by run", 'step 3 {"a":3} after 3.000 s', 'step 4 {"a":',
      'step 2 {"a":5} after 1.500 s', 'step 3 {"a":6}' }, "\n"))
    assert.same({ { step = 1, metrics = { a = 1 }, seconds = 1 }, { step = 2, metrics = { a = 5 }, seconds = 1.5 },
      { step = 3, metrics = { a = 6 }, seconds = 0 } }, list)
  end)

  it("keeps the curve of a trial whose process was ended", function()
    local path, options = files.new [[
      return { space = { x = { 1 } }, objective = "score", seeds = 1, run = function(config, trial)
        for step = 1, 3 do trial:report(step, { score = step }) end
        os.execute "kill -9 $PPID"
      end }
    ]]
    options.workers = 1
    assert.same({ killed = 1 }, sweep.run(path, options))
    local _, result = next((files.results(path, options)))
    assert.same({ step = 3, metrics = { score = 3 } }, result.reports[3])
  end)

  it("says what changed where results of another version are there, and starts beside them", function()
    local path, options = files.new(files.SIMPLE, "changed")
    sweep.run(path, options)
    files.new(files.SIMPLE:gsub("/ 100", "/ 10"), "changed")
    assert.error_matches(function() sweep.run(path, options) end,
      "holds 6 results of another version; what changed: run. Start beside them")
    options.beside = true
    assert.same({ done = 6 }, sweep.run(path, options))
    assert.equal(6, sweep.status(path, { out = options.out }).others[1].trials)
  end)
end)
