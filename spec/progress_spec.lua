-- The progress line of long work on standard error, on a terminal and elsewhere.
local uv = require "luv"
local core = require "moonbow.core"
local interpreter = require "support.interpreter"
local on_terminal = require "support.on_terminal"
local progress = require "moonbow.progress"
local terminal = require "moonbow.terminal"

local ERASE = "\r\27[K"

it("a bar fits on a line, however narrow the terminal is", function()
  local head, tail = "epoch 1/10 ", "loss 0.6931  at most 1:05 min left"
  assert.equal(head .. "[============            ] " .. tail, progress.bar_line(head, 0.5, tail, 80))
  assert.equal(head .. "[=====     ] " .. tail, progress.bar_line(head, 0.5, tail, #head + #tail + 14))
  for columns = 2, 80 do assert.is_true(#progress.bar_line(head, 0.3, tail, columns) < columns) end
end)

it("a time has the largest unit that it reaches", function()
  assert.same({ "0 s", "59 s", "1:00 min", "59:59 min", "1:00 h", "30:05 h" }, { progress.show_time(0.4),
    progress.show_time(59.4), progress.show_time(59.5), progress.show_time(3599), progress.show_time(3600),
    progress.show_time(30 * 3600 + 5 * 60) })
end)

it("core returns the width of the terminal", function()
  local command = interpreter .. [[ -e 'print(require("moonbow.core").terminal_columns())']]
  assert.equal("61\n", on_terminal(61, command))
  assert.equal("\n", on_terminal(0, command))
  assert.equal("\n", on_terminal(61, command .. " 2>/dev/null"))
end)

it("a line is erased on a terminal that can, not on a dumb one", function()
  local command = interpreter .. [[ -e 'local shown = require("moonbow.progress").start(1, true, 0)
    shown.batch(1, 2, 0.5)
    shown.stopped "why"']]
  assert.equal(ERASE .. "why\n", on_terminal(61, command):sub(-#ERASE - 4))
  assert.equal("why\n", on_terminal(61, "TERM=dumb " .. command))
  assert.equal("why\n", on_terminal(61, command .. " 2>&1 | cat"))
end)

describe("progress", function()
  local hrtime, can_erase, stderr, terminal_columns = uv.hrtime, terminal.can_erase, io.stderr, core.terminal_columns
  local now, is_terminal, written

  before_each(function()
    now, is_terminal, written = 100, true, {}
    uv.hrtime = function() return now * 1e9 end
    terminal.can_erase = function() return is_terminal end
    core.terminal_columns = function() return nil end
    io.stderr = { write = function(_, ...) written[#written + 1] = table.concat { ... } end } -- luacheck: ignore
  end)
  after_each(function()
    uv.hrtime, terminal.can_erase, core.terminal_columns = hrtime, can_erase, terminal_columns
    io.stderr = stderr -- luacheck: ignore
  end)

  local record = { epoch = 1, loss = 0.5, val_accuracy = 0.75, lr = 1e-3, seconds = 12 }
  local LINE = "epoch 1/3  loss 0.5000  val_accuracy 0.7500  lr 0.001  12.0 s  "
    .. "best 0.7500 in epoch 1  at most 24 s left\n"

  it("of a script is a line with the seconds so far", function()
    progress.line(7.4, "network %d of %d", 2, 3)
    assert.same({ "[    7 s] network 2 of 3\n" }, written)
  end)

  local function train()
    local shown <close> = progress.start(3, true, 0)
    now = 106
    shown.batch(1, 2, 0.6)
    now = 106.05
    shown.batch(2, 2, 0.6) -- too soon after the last one
    now = 112
    shown.epoch(record, 0.75, 1)
  end

  it("of a training is a bar and a line for each epoch on a terminal", function()
    train()
    assert.same({ ERASE .. "epoch 1/3 [============            ] loss 0.6000  at most 30 s left", ERASE .. LINE,
      ERASE }, written)
  end)
  it("of an epoch has the parts that fit on the line", function()
    local parts = { "epoch 1/3", "loss 0.5000", "best 0.5000 in epoch 1" }
    assert.equal("epoch 1/3  loss 0.5000  best 0.5000 in epoch 1", progress.fit_line(parts, 47))
    assert.equal("epoch 1/3  loss 0.5000", progress.fit_line(parts, 46))
    assert.equal("epoch 1/3", progress.fit_line(parts, 5))
  end)
  it("of a training is a line for each epoch elsewhere", function()
    is_terminal = false
    train()
    assert.same({ LINE, "" }, written)
  end)
  it("of a resumed training is timed from there", function()
    local shown = progress.start(4, true, 2)
    now = 110
    shown.epoch({ epoch = 3, loss = 1, lr = 1, seconds = 10 }, 1, 3)
    assert.same({ ERASE .. "epoch 3/4  loss 1.0000  lr 1  10.0 s  best 1.0000 in epoch 3  at most 10 s left\n" },
      written)
  end)
  it("of a training that stops early ends with the reason", function()
    local shown = progress.start(4, true, 0)
    shown.stopped "stopped after epoch 2/4: no lower loss"
    assert.same({ ERASE .. "stopped after epoch 2/4: no lower loss\n" }, written)
  end)
  it("is not shown with verbose = false", function()
    do
      local shown <close> = progress.start(3, false, 0)
      shown.batch(1, 2, 0.6)
      shown.stopped "stopped"
      shown.epoch(record, 0.75, 1)
    end
    do
      local shown <close> = progress.job("forest.fit", "trees", false)
      now = 200
      shown.report(1, 2)
    end
    assert.equal("", table.concat(written))
  end)

  local function grow(...)
    local shown <close> = progress.job("forest.fit", "trees", true)
    for i, at in ipairs { ... } do
      now = at
      shown.report(i, 4)
    end
  end

  it("of a job is a bar after a second", function()
    grow(100.5, 102, 102.05, 110) -- too soon, shown, too soon after that, over
    assert.same({ ERASE .. "forest.fit 2/4 trees [============            ] 2 s left", ERASE }, written)
  end)
  it("of a job is a line every ten seconds without a terminal", function()
    is_terminal = false
    grow(102, 110, 111, 125)
    assert.same({ "forest.fit 2/4 trees 10 s left\n", "" }, written)
  end)
end)
