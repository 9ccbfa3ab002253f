-- The tape: which tensors it follows, what it frees, what it refuses.
local mb = require "moonbow"

describe("the tape", function()
  it("adds gradients of several passes", function()
    local x = mb.tensor { 1, 2 }:param()
    for _ = 1, 2 do (x * x):sum():backward() end
    assert.same({ 4, 8 }, x.grad:totable())
    x.grad = nil
    assert.is_nil(x.grad)
  end)
  it("takes the gradient of a result with many elements", function()
    local x = mb.tensor { 1, 2 }:param();
    (x * 3):backward(mb.tensor { 1, 10 })
    assert.same({ 3, 30 }, x.grad:totable())
  end)
  it("records nothing inside no_grad, and records again after an error there", function()
    local x = mb.tensor { 1, 2 }:param()
    local y = mb.no_grad(function() return x * 2 end)
    assert.error_matches(function() y:sum():backward() end,
      "does not depend on any parameter %(made by param%(%)%), or was made in mb.no_grad$")
    pcall(mb.no_grad, error, "stop");
    (x * 2):sum():backward()
    assert.same({ 2, 2 }, x.grad:totable())
  end)
  it("does not follow a detached tensor", function()
    local x = mb.tensor { 3 }:param();
    (x * x:detach()):sum():backward()
    assert.same({ 3 }, x.grad:totable())
  end)
  it("is used once", function()
    local x = mb.tensor { 3 }:param()
    local y = (x * x):sum()
    y:backward()
    assert.error_matches(function() y:backward() end, "used by an earlier backward")
  end)
  it("refuses a gradient of another shape, a result of many elements, changes in place", function()
    local x = mb.tensor { 1, 2 }:param()
    assert.error_matches(function() (x * 2):backward() end, "expected a result with one element .* got shape {2}")
    assert.error_matches(function() (x * 2):backward(mb.ones(3)) end, "expected a gradient of shape {2}, got {3}")
    assert.error_matches(function() x:set(1, 5) end, "no_grad")
    assert.error_matches(function() x[1] = 5 end, "no_grad")
    local y = x * x
    mb.no_grad(function() x:set(1, 5) end)
    assert.error_matches(function() y:sum():backward() end, "changed in place")
    assert.error_matches(function() (x * 2):param() end, "call detach")
  end)
  it("notices changes of results that backward reads, and of no others", function()
    local x = mb.tensor { 1, 2 }:param()
    local e = x:exp()
    mb.no_grad(function() e:fill(0) end)
    assert.error_matches(function() e:sum():backward() end, "'exp' needs was changed in place")
    local shifted = x + 1
    mb.no_grad(function() shifted:fill(0) end)
    shifted:sum():backward()
    assert.same({ 1, 1 }, x.grad:totable())
  end)
  it("keeps no tensor that backward does not need", function()
    local x = mb.ones(1000, 1000):param()
    local function live()
      collectgarbage()
      collectgarbage()
      return mb.memory().live
    end
    local before = live()
    local loss = ((x + 1):neg() * 2):reshape(-1):relu():mean()
    assert.is_true(live() - before < 1.5 * 4e6) -- relu keeps its result
    loss:backward()
    assert.is_true(live() - before < 1.5 * 4e6) -- the gradient
    x.grad = nil
    assert.is_true(live() - before < 1e6)
  end)
  it("leaves every gradient as it was if a part of the tape was used before", function()
    local x, w = mb.tensor { 3 }:param(), mb.tensor { 1 }:param()
    local square = x * x
    square:sum():backward()
    assert.error_matches(function() (square * w):sum():backward() end, "tape of 'mul' was used by an earlier")
    assert.same({ 6 }, x.grad:totable())
    assert.is_nil(w.grad)
  end)
  it("adds up the gradients of a tensor used twice, and of records far apart", function()
    local x = mb.tensor { 3, 4 }:param()
    local early = x + x
    for _ = 1, 1000 do local _ = x * 2 end
    local late = early + early * x + early
    late:backward(mb.ones(2))
    assert.same({ 4 + 12, 4 + 16 }, x.grad:totable())
  end)
  it("checks what a new operation returns", function()
    local x = mb.tensor { 1, 2 }:param()
    assert.error_matches(function() mb.operation("f", function() return 1 end)(x) end, "must return a tensor, got 1")
    assert.error_matches(function() mb.operation("f", function(a) return a end)(x) end, "backward function")
    local bad = mb.operation("f", function(a) return a * 1, function() return mb.ones(3) end end)
    assert.error_matches(function() bad(x):sum():backward() end, "gradient of shape {3} for argument 1 of shape {2}")
    bad = mb.operation("f", function(a) return a * 1, function() return 7 end end)
    assert.error_matches(function() bad(x):sum():backward() end,
      "f: backward returned 7 as gradient of argument 1, expected a tensor")
  end)
  it("has no gradient for a tensor that is not a parameter, whatever a new operation returns for it", function()
    local x = mb.tensor { 1, 2 }:param()
    local product = mb.operation("f", function(a, b) return a * b, function(dy) return dy * b, "none" end end)
    product(x, mb.tensor { 3, 4 }):sum():backward()
    assert.same({ 3, 4 }, x.grad:totable())
  end)
  it("accepts only a gradient of the parameter's shape", function()
    local x = mb.tensor { 1, 2 }:param()
    assert.error_matches(function() x.grad = mb.ones(3) end, "grad: expected shape {2}, got {3}")
    x.grad = mb.tensor { 5, 6 }
    assert.same({ 5, 6 }, x.grad:totable())
  end)
end)

describe("a table of numbers given to an operation", function()
  it("may be changed before backward", function()
    local w = mb.tensor { { 1 }, { 2 }, { 3 } }:param()
    local rows = { 1, 2 }
    local y = w:index(rows):sum()
    rows[2] = 3
    y:backward()
    assert.same({ 1, 1, 0 }, w.grad:reshape(3):totable())

    local logits, labels = mb.zeros(2, 2):param(), { 1, 2 }
    local loss = logits:cross_entropy(labels)
    labels[2] = 1
    loss:backward()
    assert.same({ -0.25, 0.25, 0.25, -0.25 }, logits.grad:reshape(4):totable())
  end)
  it("may not be changed if it is a tensor", function()
    local w, rows = mb.ones(3, 1):param(), mb.tensor { 1, 2 }
    local y = w:index(rows):sum()
    rows:set(2, 3)
    assert.error_matches(function() y:backward() end, "'index' needs was changed in place")
  end)
end)

describe("an operation on the tape", function()
  local core, autograd = require "moonbow.core", require "moonbow.autograd"
  local x
  before_each(function() x = mb.tensor { 1, 2 }:param() end)
  local function passing(forward, backward)
    return autograd.define("passing", { forward = forward, backward = backward })(x, nil, 5)
  end

  it("gets what it saved, in order, whatever it is", function()
    local got
    local y = passing(function(tape, a, none, number)
      tape:save(none, a, number, "name", none)
      return core.mul(a, 1)
    end, function(dy, ...)
      got = table.pack(...)
      return dy
    end)
    y:sum():backward()
    assert.same({ 5, 5, "name" }, { got.n, got[3], got[4] })
    assert.is_nil(got[1])
    assert.is_true(rawequal(x, got[2]))
    assert.same({ 1, 1 }, x.grad:totable())
  end)
  it("knows which arguments need a gradient, and if a backward pass may follow", function()
    local told
    local function forward(tape, a)
      told = { tape.recorded, tape:needs(1), tape:needs(2), tape:needs(3) }
      return core.mul(a, 1)
    end
    passing(forward)
    assert.same({ true, true, false, false }, told)
    mb.no_grad(passing, forward)
    assert.same({ false, false, false, false }, told)
  end)
  it("closes its tensors for the backward pass after that, or at once if there is none", function()
    local scratch
    local function forward(tape, a)
      scratch = core.mul(a, 3)
      tape:save(scratch)
      core.drop(scratch)
      return core.mul(a, 3)
    end
    local y = passing(forward, function(dy, threes) return core.mul(dy, threes) end)
    assert.same({ 3, 6 }, scratch:totable())
    y:sum():backward()
    assert.same({ 3, 6 }, x.grad:totable())
    assert.equal("tensor (closed)", tostring(scratch))
    mb.no_grad(passing, forward)
    assert.equal("tensor (closed)", tostring(scratch))
  end)

  local made
  local function recomputable()
    made = {}
    return passing(function(tape, a)
      tape:save(a)
      tape:recompute(function(b)
        made[#made + 1] = core.mul(b, 2)
        return made[#made]
      end)
      return core.mul(a, 2)
    end, function(dy) return core.mul(dy, 2) end)
  end
  it("recomputes a result once for all operations that saved it, and closes it after the last", function()
    local y = recomputable()
    local loss = ((y * y):maximum(y) + (y * y * y)):sum()
    core.drop(y)
    assert.equal("tensor (closed)", tostring(y)) -- no tensor holds it
    loss:backward()
    assert.equal(1, #made)
    assert.equal("tensor (closed)", tostring(made[1]))
    assert.same({ 8 + 24, 16 + 96 }, x.grad:totable()) -- the gradient of 4 x^2 + 8 x^3
  end)
  it("holds a result that was changed before it was saved", function()
    local y = recomputable()
    mb.no_grad(function() y:fill(10) end);
    (y * y):sum():backward()
    assert.equal(0, #made)
    assert.same({ 40, 40 }, x.grad:totable())
  end)
  it("is not recomputed once its record was used", function()
    local y = recomputable()
    local one, other = (y * y):sum(), (y * y):sum()
    one:backward()
    assert.error_matches(function() other:backward() end, "tape of 'passing' was used by an earlier backward")
    assert.same({ 8, 16 }, x.grad:totable())
    local late = recomputable()
    late:sum():backward()
    local again = late * late
    assert.error_matches(function() again:sum():backward() end, "tape of 'passing' was used by an earlier backward")
  end)
end)
