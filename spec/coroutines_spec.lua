-- Modes that a call switches on or off apply to its own coroutine, and end with the call, however it ends.
local mb = require "moonbow"
local autograd = require "moonbow.autograd"
local Layer = require "moonbow.nn.layer"

local x = mb.tensor { 1, 2 }:param()

-- Returns the gradient after backward; raises if nothing was recorded.
local function gradient()
  x.grad = nil;
  (x * 3):sum():backward()
  return x.grad:totable()
end

-- Yields once inside no_grad; checks that nothing is recorded before and after.
local function paused()
  return coroutine.create(function()
    mb.no_grad(function()
      assert.is_false(pcall(gradient))
      coroutine.yield()
      assert.is_false(pcall(gradient))
    end)
    assert.same({ 3, 3 }, gradient())
  end)
end

local function go_on(co) assert(coroutine.resume(co)) end

describe("a coroutine inside no_grad", function()
  it("leaves the recording of others as it is", function()
    local co = paused()
    go_on(co)
    assert.same({ 3, 3 }, gradient())
    go_on(co)
    assert.same({ 3, 3 }, gradient())
  end)
  it("may be interleaved with another", function()
    local first, second = paused(), paused()
    go_on(first)
    go_on(second)
    go_on(first)
    assert.same({ 3, 3 }, gradient())
    go_on(second)
    assert.same({ 3, 3 }, gradient())
  end)
  it("may be closed there", function()
    local co = paused()
    go_on(co)
    assert.is_true(coroutine.close(co))
    assert.same({ 3, 3 }, gradient())
  end)
  it("may be dropped there, and collected", function()
    for _ = 1, 1000 do go_on(paused()) end
    collectgarbage()
    local co = coroutine.create(function() return gradient() end)
    assert.same({ 3, 3 }, select(2, coroutine.resume(co)))
  end)
  it("lets a coroutine that it makes record, unless that calls no_grad itself", function()
    mb.no_grad(function()
      assert.same({ 3, 3 }, coroutine.wrap(gradient)())
      assert.is_false(pcall(gradient))
    end)
  end)
  it("may yield in the backward pass of an operation from a script", function()
    local double = mb.operation("double", function(t)
      return t * 2, function(dy)
        coroutine.yield()
        return dy * 2
      end
    end)
    x.grad = nil
    local co = coroutine.create(function() double(x):sum():backward() end)
    go_on(co)
    local y = x * 3
    go_on(co)
    assert.same({ 2, 2 }, x.grad:totable())
    y:sum():backward()
    assert.same({ 5, 5 }, x.grad:totable())
  end)
end)

describe("recording", function()
  -- As the interpreter does at Ctrl-C: an error at the n-th event of the virtual machine, and no further one.
  local function interrupted(n, f)
    return not pcall(function()
      debug.sethook(function()
        n = n - 1
        if n == 0 then
          debug.sethook()
          error("interrupted!", 0)
        end
      end, "cr", 1)
      f()
      debug.sethook()
    end)
  end

  it("is back after an interruption at any instruction", function()
    local n = 0
    local function work() return mb.no_grad(function() return x * 2 end) end
    repeat
      n = n + 1
      local was_interrupted = interrupted(n, work)
      assert.is_true(autograd.is_recording(), "off after an interruption at event " .. n)
    until not was_interrupted
    assert.is_true(n > 20)
  end)
  it("is back after a stack overflow, and more results than the stack holds", function()
    local function deep() return 1 + deep() end
    assert.is_false(pcall(mb.no_grad, deep))
    assert.same({ 3, 3 }, gradient())
    assert.is_false(pcall(mb.no_grad, table.unpack, {}, 1, 1e6))
    assert.same({ 3, 3 }, gradient())
    assert.equal(1000, select("#", mb.no_grad(table.unpack, {}, 1, 1000)))
  end)
end)

describe("a coroutine in which layers are watched", function()
  it("does not see the operations of others, which are not watched", function()
    local model, seen = mb.nn.Sequential { mb.nn.Dense { units = 1 } }, 0
    model:build { 1 }
    local co = coroutine.create(function()
      Layer.traced_as_run(function() seen = seen + 1 end, function()
        model(mb.ones(1, 1))
        coroutine.yield()
        model(mb.ones(1, 1))
      end)
    end)
    go_on(co)
    assert.equal(2, seen)
    model(mb.ones(1, 1))
    assert.equal(2, seen)
    go_on(co)
    assert.equal(4, seen)
  end)
  it("measures its own operations only", function()
    local names = {}
    local watcher = {
      forward = function(name, forward)
        names[#names + 1] = name
        return forward
      end,
    }
    local co = coroutine.create(function() return autograd.watched(watcher, function()
      coroutine.yield()
      return mb.ones(1) + 1
    end) end)
    go_on(co)
    local _ = mb.ones(1) * 2
    local _, sum = coroutine.resume(co)
    assert.equal(2, sum:item())
    assert.same({ "add" }, names)
  end)
end)
