-- Ctrl-C: what a script, the prompt and an embedding program get, and whose signal it is afterwards.
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
  it("ends it with code 130 after what stands behind the guard, and says how to go on", function()
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
  it("closes the script's own variables", function()
    local got = run [[
      local mine <close> = setmetatable({}, { __close = function() print "closed" end })
      work()
    ]]
    assert.same({ 130, "closed\n" }, { got.code, got.output })
  end)
  it("ends what does not poll at the second time", function()
    local code = [[
      local guard <close> = interrupt.catch "work"
      io.stderr:write "now\n"
      while not require("moonbow.core").interrupted() do end
      io.stderr:write "now\n"
      while true do end
    ]]
    assert.equal(130, run(code).code)
  end)
  it("ends it wherever it is, where that was asked for", function()
    for _, busy in ipairs { "while true do end", "pcall(string.rep, 'x', -1) while true do pcall(error) end",
      "coroutine.wrap(function() while true do end end)()", "('x'):rep(40):find(('x*'):rep(40) .. 'y')" } do
      local got = run("interrupt.end_script_with 'bye' io.stderr:write 'now\\n' " .. busy)
      assert.same({ 130, "now\nbye\n" }, { got.code, got.errors })
    end
  end)
  it("still lets work end in order then", function()
    local got = run "interrupt.end_script_with 'bye' work 'fit'"
    assert.same({ 130, "now\nrestored fit: interrupted; the same command starts again\n" }, { got.code, got.errors })
  end)
  it("that comes behind the last look is not lost", function()
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
  -- lua's own handler raises "interrupted!" from a hook; that of the work is gone.
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
