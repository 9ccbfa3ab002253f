-- Claims and results of sweeps: nothing is lost and nothing doubled when processes are killed or share a folder.
local mb = require "moonbow"
local claims = require "moonbow.sweep.claims"
local interpreter = require "support.interpreter"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

describe("claims and results", function()
  -- Starts a command, and kills it, its children or both after some seconds.
  local function killed(rng, command)
    local victims = ({ "$p", "$children", "$p $children" })[rng:integers(1, 4)]
    -- pgrep does not return under the sanitizer's runtime.
    os.execute(("exec 2>/dev/null; %s & p=$!; sleep %.2f; children=$(env -u LD_PRELOAD pgrep -P $p); kill -9 %s; "
      .. "wait $p"):format(command, rng:uniform(0.1, 0.5), victims))
  end

  it("loses and doubles nothing when runners and workers are killed at random", function()
    local kills = tonumber(os.getenv "KILLS" or 6)
    local path, options = files.new(([[
      return { space = { x = require("moonbow").sweep.integer(1, %d) }, objective = "score", seeds = 3, retries = 1000,
        run = function(config, trial)
          require("luv").sleep(20)
          for step = 1, 300 do trial:report(step, { score = step }) end -- so that a result takes time to be written
          return { score = config.x }
        end }
    ]]):format(math.max(20, 3 * kills)))
    local command = ("env %s experiments/sweep.lua run %s --out %s --workers 2"):format(interpreter, path, options.out)
    local rng, folder, seen = mb.rng(tonumber(os.getenv "SEED" or 1)), nil, {}
    for _ = 1, kills do
      killed(rng, command .. " >/dev/null 2>&1")
      folder = files.folder(path, options)
      for id, text in pairs(seen) do assert.equal(text, files.read(folder.path .. "/trials/" .. id .. ".json")) end
      for id in pairs(folder:kept()) do seen[id] = files.read(folder.path .. "/trials/" .. id .. ".json") end
    end
    assert(next(seen), "the kills came before the first result")
    sweep.run(path, { out = options.out, workers = 2 })
    local counts = {}
    for _, result in pairs(files.results(path, options)) do
      counts[result.status] = (counts[result.status] or 0) + 1
      assert.equal(result.config.x, result.metrics.score)
    end
    assert.same({ done = 3 * math.max(20, 3 * kills) }, counts)
    assert.same({}, folder:running())
  end)

  it("is shared by two processes without a trial run twice", function()
    local path, options = files.new(([[
      return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8 } }, objective = "score", seeds = 2,
        run = function(config, trial)
          local file <close> = io.open("%s/shared", "a")
          require("luv").sleep(20)
          file:write(config.x, " ", trial.seed, "\n")
          return { score = config.x }
        end }
    ]]):format(files.root))
    local command = ("%s experiments/sweep.lua run %s --out %s --workers 1"):format(interpreter, path, options.out)
    assert(os.execute(("(%s & %s & wait) >/dev/null 2>&1"):format(command, command)))
    local lines, seen = 0, {}
    for line in io.lines(files.root .. "/shared") do
      assert.is_nil(seen[line])
      seen[line], lines = true, lines + 1
    end
    assert.equal(16, lines)
  end)

  it("is collected by two processes at once into whole files", function()
    local path, options = files.new(files.SIMPLE)
    sweep.run(path, options)
    local collect = ("%s experiments/sweep.lua collect %s --out %s >/dev/null 2>&1"):format(interpreter, path,
      options.out)
    assert(os.execute(("%s & %s & %s; wait"):format(collect, collect, collect)))
    local folder, names = files.folder(path, options).path, {}
    for name in require("lfs").dir(folder) do
      if name:find "%a%.%a" then names[#names + 1] = name end
    end
    table.sort(names)
    local has_sqlite = pcall(require, "luasql.sqlite3")
    assert.same(has_sqlite and { "best.lua", "page.html", "sweep.json", "trials.csv", "trials.sqlite" }
      or { "best.lua", "page.html", "sweep.json", "trials.csv" }, names)
    assert.matches("</html>\n$", files.read(folder .. "/page.html"))
    assert.equal(7, select(2, files.read(folder .. "/trials.csv"):gsub("\n", "")))
  end)

  it("does not take over a claim that its process has created and not yet written", function()
    local path = files.root .. "/unwritten"
    assert(io.open(path, "w")):close()
    assert.is_nil(claims.take(path))
    assert(require("lfs").touch(path, os.time() - 60)) -- its process was killed in between
    local fd = assert(claims.take(path))
    assert.is_nil(claims.take(path))
    claims.release(path, fd)
  end)

  it("a claim that is being written is held; one that nobody finished is not", function()
    local path = files.root .. "/claim"
    files.write(path, "")
    assert.is_true(claims.is_held(path))
    assert.is_nil(claims.take(path))
    for _, seconds in ipairs { -60, 3600 } do -- the second by a clock that was wrong
      require("lfs").touch(path, os.time() + seconds)
      assert.is_false(claims.is_held(path))
    end
    local own = claims.process()
    files.write(path, require("moonbow.io.json").encode { config = { host = "elsewhere", pid = 1 }, host = own.host,
      pid = own.pid, process_start = "0" })
    assert.is_false(claims.is_held(path)) -- the configuration's host is not the claim's
  end)

  it("a run that waits for a trial of another machine says which claim to remove", function()
    local path, options = files.new(files.SIMPLE)
    sweep.run(path, { out = options.out, workers = 0, shard = { 1, 6 } })
    local folder = select(2, files.results(path, options))
    local id = sweep.plan(path, { out = options.out }).trials[2].id
    files.write(folder:claim_path(id), '{"host":"elsewhere","pid":7,"process_start":"1"}')
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
    local path, options = files.new [[
      return { space = { x = { "plain", "{", "}", '","status":"failed","versions":{}}', 1, 1.5, true } },
        objective = 'a"b', seeds = 2, run = function(config, trial)
          if config.x == 1.5 then error "no" end
          trial:report(1, { ['a"b'] = 0 })
          return { ['a"b'] = trial.seed == 2 and config.x == 1 and 0 / 0 or trial.seed / 7, ["}"] = 1, ['x,"a"b'] = 5 }
        end }
    ]]
    sweep.run(path, options)
    local found, folder = files.results(path, options)
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
    local path, options = files.new(text, "types")
    assert.same({ done = 3 }, sweep.run(path, options))
    local pipe <close> = io.popen(("%s -"):format(interpreter), "w")
    pipe:write((sweep.best(path, { out = options.out }):gsub("print(%b())", "os.exit%1")))
    assert.equal(1, select(3, pipe:close()))
    files.new(text:gsub("2%.0", "2"), "types")
    assert.equal(2, sweep.status(path, { out = options.out }).ended)
  end)
end)
