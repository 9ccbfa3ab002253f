-- Ctrl-C: its effect in a script, at the prompt and in an embedding program, and the signal handler afterwards.
local lfs = require "lfs"
local interrupted = require "support.interrupted"

-- Work that says "now" when it can be interrupted, and polls.
local WORK = [[
  require "moonbow" interrupt = require "moonbow.interrupt"
  function work(name)
    local guard <close> = interrupt.catch(name or "work")
    local restoring <close> = setmetatable({}, { __close = function() io.stderr:write "restored " end })
    io.stderr:write "now\n"
    while true do interrupt.check() end
  end
]]
local function run(code) return interrupted { "-e", WORK .. code } end

describe("Ctrl-C in a script", function()
  it("ends it with code 130 after the variables behind the guard, and says how to resume", function()
    local got = run "work 'fit'; print 'went on'"
    assert.equal(130, got.code)
    assert.equal("now\nrestored fit: interrupted; the same command starts again\n", got.errors)
    assert.equal("", got.output)
  end)
  it("is not swallowed by pcall, nor by a coroutine", function()
    local got = run "for _ = 1, 3 do pcall(work) end print 'went on'"
    assert.same({ 130, "" }, { got.code, got.output })
    got = run "coroutine.wrap(function() pcall(work) end)() print 'went on'"
    assert.same({ 130, "" }, { got.code, got.output })
  end)
  it("is not swallowed by pcall around a single call of C", function()
    for _, work in ipairs { "linear.fit, x, y", "preprocess.fit, { 'snv' }, x",
      "preprocess.apply, { { name = 'snv' } }, x" } do
      local got = run(([[
        local mb = require "moonbow"
        local x, y = mb.rng(1):normal(0, 1, 40, 20, 1), {}
        for i = 1, 40 do y[i] = i %% 2 + 1 end
        local check = interrupt.check
        function interrupt.check() -- the signal comes while the call is at work
          io.stderr:write "now\n"
          while not interrupt.came() do end
          check()
        end
        pcall(mb.%s)
        print "went on"
      ]]):format(work))
      assert.same({ 130, "" }, { got.code, got.output })
      assert.truthy(got.errors:find(work:match "^[%a.]+" .. ": interrupted; ", 1, true), got.errors)
    end
  end)
  it("closes the script's own variables", function()
    local got = run [[
      local mine <close> = setmetatable({}, { __close = function() print "closed" end })
      work()
    ]]
    assert.same({ 130, "closed\n" }, { got.code, got.output })
  end)
  it("ends work that does not poll when pressed again", function()
    local code = [[
      local guard <close> = interrupt.catch "work"
      io.stderr:write "now\n"
      while not require("moonbow.core").interrupted() do end
      io.stderr:write "now\n"
      while true do end
    ]]
    assert.equal(130, run(code).code)
  end)
  it("ends it wherever it is, if that was asked for", function()
    for _, busy in ipairs { "while true do end", "pcall(string.rep, 'x', -1) while true do pcall(error) end",
      "coroutine.wrap(function() while true do end end)()", "('x'):rep(40):find(('x*'):rep(40) .. 'y')" } do
      local got = run("interrupt.end_script_with 'bye' io.stderr:write 'now\\n'; " .. busy)
      assert.same({ 130, "now\nbye\n" }, { got.code, got.errors })
    end
  end)
  it("then still lets work end in order", function()
    local got = run "interrupt.end_script_with 'bye' work 'fit'"
    assert.same({ 130, "now\nrestored fit: interrupted; the same command starts again\n" }, { got.code, got.errors })
  end)
  it("that comes after the last check is not lost", function()
    local got = run [[
      do
        local guard <close> = interrupt.catch "work"
        io.stderr:write "now\n"
        while not require("moonbow.core").interrupted() do end
      end
      print "went on"
    ]]
    assert.same({ 130, "" }, { got.code, got.output })
  end)
end)

describe("Ctrl-C at the prompt", function()
  local function at_prompt(lines) return interrupted({ "-i" }, { input = WORK:gsub("\n%s*", " ") .. "\n" .. lines }) end
  it("ends the work and raises", function()
    local got = at_prompt "pcall(work)\nwork()\nprint 'next'\n"
    assert.equal(0, got.code)
    assert.truthy(got.errors:find("stdin:1: work: interrupted", 1, true))
    assert.truthy(got.output:find "next")
  end)
end)

describe("Ctrl-C in a program that embeds Lua", function()
  it("raises", function()
    local got = interrupted { "-e", "arg = nil " .. WORK .. " print(pcall(work))" }
    assert.equal(0, got.code)
    assert.truthy(got.output:find "false\t.*work: interrupted")
  end)
end)

describe("the handler of SIGINT", function()
  -- lua's own handler raises "interrupted!" from a hook; the handler of the work is removed.
  local AFTER = [[
    io.stderr:write "now\n"
    while true do end
  ]]
  it("is lua's own again after work", function()
    for _, code in ipairs {
      "do local guard <close> = interrupt.catch 'a' end",
      "pcall(function() local guard <close> = interrupt.catch 'a' error 'x' end)",
      [[local thread = coroutine.create(function() local guard <close> = interrupt.catch 'a' coroutine.yield() end)
        coroutine.resume(thread) coroutine.close(thread)]],
      [[do
          local thread = coroutine.create(function() local guard <close> = interrupt.catch 'a' coroutine.yield() end)
          coroutine.resume(thread)
        end
        collectgarbage() collectgarbage()]],
      [[local function start()
          local thread = coroutine.create(function() local guard <close> = interrupt.catch 'a' coroutine.yield() end)
          coroutine.resume(thread)
          return thread
        end
        local a, b = start(), start()
        coroutine.resume(a)
        coroutine.resume(b)]],
    } do
      local got = run(code .. AFTER)
      assert.equal(1, got.code)
      assert.truthy(got.errors:find "interrupted!")
    end
  end)
end)

describe("Ctrl-C in an experiment", function()
  local function exists(path)
    local file = io.open(path)
    if file then file:close() end
    return file ~= nil
  end
  -- The command lines of running processes that hold a text.
  local function processes_with(text)
    local found = {}
    for id in lfs.dir "/proc" do
      local file = id:find "^%d+$" and io.open(("/proc/%s/cmdline"):format(id))
      local line = file and file:read "a" or ""
      if file then file:close() end
      if line:find(text, 1, true) then found[#found + 1] = line end
    end
    return found
  end

  local out
  before_each(function()
    out = os.tmpname()
    os.remove(out)
  end)
  after_each(function() os.execute("rm -rf " .. out) end)

  it("ends it with code 130 and without results, in a training and elsewhere", function()
    for _, at in ipairs { "no epoch", "ResNet, momentum 0.99" } do
      local arguments = { "experiments/border_peaks.lua", "--quick", "--n", "100", "--out", out }
      local got = interrupted(arguments, { at = at == "no epoch" and "seed 1 of 1" or at })
      assert.same({ 130, "" }, { got.code, got.output })
      assert.truthy(got.errors:find "interrupted[^\n]*the same command starts again[^\n]*\n$")
      assert.is_false(exists(out .. "/results.json"))
    end
  end)
  it("ends a run of the benchmark without results", function()
    local arguments = { "experiments/challenge.lua", "--quick", "--seeds", "1", "--out", out }
    local got = interrupted(arguments, { at = "epoch 1/3" })
    assert.equal(130, got.code)
    assert.truthy(got.errors:find "\nfit: interrupted; [^\n]*the same command %a+") -- starts again, or resumes
    assert.is_false(exists(out .. "/results.json"))
    assert.is_false(exists(out .. "/runs/cnn2-linear-seed0/result.json"))
  end)
  it("leaves nothing while figures are drawn, and all files later", function()
    for at, last in pairs { bytes = "toy: interrupted, without results; the same command starts again",
      write = "experiment: interrupted; results and figures are written" } do
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write(([[
        local mb, files = require "moonbow", require "moonbow.io.files"
        local run = mb.experiment.start { name = "toy", claim = "toy" }
        run:add("a", 1)
        for i = 1, 2 do
          local figure = mb.plot.lines { y = { 1, 2 } }
          run:figure("figure" .. i, figure)
        end
        local Figure = getmetatable(mb.plot.lines { y = { 1, 2 } }).__index
        local of, calls = "%s" == "bytes" and Figure or files, 0
        local before = of.%s
        function of.%s(...)
          calls = calls + 1
          if calls == 2 then
            io.stderr:write "now\n"
            while not require("moonbow.interrupt").came() do end
          end
          if of == Figure then return "drawn" end
          return before(...)
        end
        Figure.bytes = of == files and function() return "drawn" end or Figure.bytes
        run:finish()
      ]]):format(at, at, at))
      file:close()
      local got = interrupted { script, "--out", out }
      os.remove(script)
      assert.same({ 130, last }, { got.code, got.errors:match "([^\n]*)\n$" })
      for _, name in ipairs { "results.json", "figure1.svg", "figure1.png", "figure2.svg", "figure2.png" } do
        assert.equal(at == "write", exists(out .. "/" .. name), name)
      end
      os.execute("rm -r " .. out)
    end
  end)
  it("that comes while the folder is checked leaves nothing there", function()
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write [[
      local mb, files = require "moonbow", require "moonbow.io.files"
      local check_writable = files.check_writable
      function files.check_writable(path)
        io.stderr:write "now\n"
        while not require("moonbow.interrupt").came() do end
        return check_writable(path)
      end
      mb.experiment.start { name = "toy", claim = "toy" }
    ]]
    file:close()
    local got = interrupted { script, "--out", out }
    os.remove(script)
    assert.equal(130, got.code)
    assert.truthy(got.errors:find "toy: interrupted, without results; the same command starts again\n$")
    for name in lfs.dir(out) do assert.truthy(name:find "^%.%.?$", name) end
  end)
  it("is not needed to end a review with 0 jobs", function()
    local got = interrupted { "experiments/review.lua", "--jobs", "0", "--out", out }
    assert.same({ 2, "review: --jobs: expected a positive integer, got 0\n" }, { got.code, got.errors })
  end)
  it("stops the experiments of a review at once", function()
    local got = interrupted({ "experiments/review.lua", "--quick", "--out", out, "border_peaks", "depth" },
      { at = "border_peaks: started" })
    assert.equal(130, got.code)
    assert.truthy(got.errors:find "review: interrupted; the same command goes on with what is missing\n$")
    assert.is_false(exists(out .. "/review.html"))
    assert.is_false(exists(out .. "/border_peaks/results.json") or exists(out .. "/depth/results.json"))
    assert.same({}, processes_with(out))
  end)
  it("is answered if only gnuplot got it", function()
    local file = assert(io.open(out, "w"))
    file:write "#!/bin/sh\nkill -2 $$\n"
    file:close()
    os.execute("chmod 755 " .. out)
    local got = interrupted { "-e", ([[
      local mb = require "moonbow"
      require("luv").os_setenv("MOONBOW_GNUPLOT", %q)
      pcall(function() mb.plot.lines { series = { { x = { 1, 2 }, y = { 1, 2 } } } }:save("/nowhere/figure.svg") end)
      print "went on"
    ]]):format(out) }
    assert.same({ 130, "", "plot: interrupted; the same command starts again\n" },
      { got.code, got.output, got.errors })
  end)
end)
