-- Sweeps that a launcher divides: shards, shares of the cores, and the same results under mpirun and GNU parallel.
local mb = require "moonbow"
local files = require "support.sweep_files"
local interpreter = require "support.interpreter"
local shard = require "moonbow.sweep.shard"
local sweep = mb.sweep

teardown(files.remove)

describe("a divided sweep", function()
  -- Results without what differs from run to run.
  local function comparable(path, options)
    local found = files.results(path, options)
    for _, result in pairs(found) do
      for _, key in ipairs { "host", "pid", "process_start", "seconds", "started", "memory" } do result[key] = nil end
    end
    return found
  end

  it("is cut into shards that cover all trials once", function()
    local path, options = files.new(files.SIMPLE)
    assert.same({ done = 2 }, sweep.run(path, { out = options.out, workers = 0, shard = { 1, 3 } }))
    assert.same({ done = 2 }, sweep.run(path, { out = options.out, workers = 0, shard = { 3, 3 } }))
    assert.same({ done = 2 }, sweep.run(path, options))
    assert.same({ 2, 8 }, shard.find "2/8")
    assert.error_matches(function() shard.find "9/8" end, "shard: expected I/N with I from 1 to N, got '9/8'")
    for given, message in pairs { [{ 1 }] = "expected { index, count } with index from 1 to count, got { 1 }",
      [{ 5, 2 }] = "got { 5, 2 }", [{ "a", "b" }] = "shard%[1%]: expected a positive integer, got 'a'",
      [{ 1, 0 }] = "shard%[2%]: expected a positive integer, got 0" } do
      assert.error_matches(function() sweep.run(path, { out = options.out, workers = 0, shard = given }) end, message)
    end
  end)

  it("takes any trial that is free with TPE, so that a process need not wait for others", function()
    local path, options = files.new [[
      return { space = { x = require("moonbow").sweep.range(-1, 1) }, objective = { "loss", minimize = true },
        seeds = 2, strategy = { "tpe", trials = 12, lag = 2 },
        run = function(config) return { loss = config.x ^ 2 } end }
    ]]
    local command = ("timeout 60 %s experiments/sweep.lua run %s --out %s --workers %%d --shard %%s"):format(
      "env " .. interpreter, path, options.out)
    assert(os.execute(command:format(0, "1/2") .. " >/dev/null 2>&1"), "it waited for the other share")
    assert.equal(24, sweep.status(path, { out = options.out }).ended)
    local both = command:gsub("%-%-out %S+", "%0_both")
    assert(os.execute(("(%s & %s; wait) >/dev/null 2>&1"):format(both:format(1, "1/2"), both:format(1, "2/2"))))
    assert.same(comparable(path, options), comparable(path, { out = options.out .. "_both" }))
  end)

  it("takes each number of a job array once, whatever its step, and refuses uneven ones", function()
    local uv = require "luv"
    local function share(id, count, first, step)
      local environment = { SLURM_ARRAY_TASK_ID = id, SLURM_ARRAY_TASK_COUNT = count, SLURM_ARRAY_TASK_MIN = first,
        SLURM_ARRAY_TASK_STEP = step }
      for name, value in pairs(environment) do uv.os_setenv(name, tostring(value)) end
      local ok, found = pcall(shard.find)
      for name in pairs(environment) do uv.os_unsetenv(name) end
      return ok and table.concat(found, "/") or found
    end
    for i = 0, 5 do assert.equal(("%d/6"):format(i + 1), share(2 * i, 6, 0, 2)) end
    assert.equal("2/3", share(6, 3, 5))
    assert.matches("SLURM_ARRAY_TASK_ID = 7 is not one of 2 numbers with a step of 1", share(7, 2, 3, 1))
  end)

  it("uses its share of the cores under a launcher", function()
    local uv = require "luv"
    local parallelism, info = uv.available_parallelism, uv.cpu_info
    local function cores(allowed, all, environment)
      uv.available_parallelism = function() return allowed end
      uv.cpu_info = function() return setmetatable({}, { __len = function() return all end }) end
      for name, value in pairs(environment) do uv.os_setenv(name, value) end
      local count = shard.cores()
      for name in pairs(environment) do uv.os_unsetenv(name) end
      uv.available_parallelism, uv.cpu_info = parallelism, info
      return count
    end
    assert.equal(16, cores(16, 16, {}))
    assert.equal(2, cores(16, 16, { OMPI_COMM_WORLD_LOCAL_SIZE = "8" }))
    assert.equal(1, cores(1, 16, { OMPI_COMM_WORLD_LOCAL_SIZE = "2" })) -- bound to a core
    assert.equal(1, cores(16, 16, { MPI_LOCALNRANKS = "40" }))
    assert.equal(4, cores(16, 16, { SLURM_STEP_TASKS_PER_NODE = "4(x2),3" }))
    assert.equal(2, cores(16, 16, { SLURM_CPUS_ON_NODE = "8", SLURM_STEP_TASKS_PER_NODE = "4" }))
    assert.equal(3, cores(16, 16, { SLURM_CPUS_PER_TASK = "3" }))
    assert.equal(1, cores(16, 16, { PARALLEL_SEQ = "5" }))
  end)

  local function gives_the_same_under(launcher, arguments)
    if os.getenv "LD_PRELOAD" then return pending "launchers do not start under the sanitizer" end
    if not os.execute(("command -v %s >/dev/null 2>&1"):format(launcher:match "%S+")) then
      return pending(launcher:match "%S+" .. " is not installed")
    end
    local path, options = files.new((files.SIMPLE:gsub("seeds = 2", "seeds = 7")))
    assert(os.execute(("%s experiments/sweep.lua run %s --out %s %s >/dev/null 2>&1"):format(
      (interpreter:gsub("%S+$", launcher .. " %0")), path, options.out .. "l", arguments)))
    assert.same({ done = 21 }, sweep.run(path, options))
    assert.same(comparable(path, options), comparable(path, { out = options.out .. "l" }))
    assert.same({}, sweep.run(path, { out = options.out .. "l", workers = 0 }))
  end

  it("gives the same results under mpirun", function()
    gives_the_same_under("mpirun --allow-run-as-root --oversubscribe -n 4", "")
  end)

  it("gives the same results under GNU parallel", function()
    gives_the_same_under("parallel", "--shard {}/4 ::: 1 2 3 4")
  end)
end)
