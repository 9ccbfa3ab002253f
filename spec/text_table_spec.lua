-- Tables as text: one printer for summaries, profiles, experiments and benchmarks.
local format = require("moonbow.text_table").format
local mb = require "moonbow"

local rows = { { "name", "n", "note" }, { "ä", 10, nil }, { "bcdef", nil, "x\n" } }

describe("a table as text", function()
  it("has columns as wide as their widest cell, and no blanks at the end of a line", function()
    assert.equal("name    n   note\n" .. "ä      10\n" .. "bcdef      x\\x0A", format(rows))
  end)
  it("is aligned to the left in the number of columns that was asked for", function()
    assert.equal("name   n   note\n" .. "ä      10\n" .. "bcdef      x\\x0A", format(rows, { left = 3 }))
    assert.equal(" name   n   note\n" .. "    ä  10\n" .. "bcdef      x\\x0A", format(rows, { left = 0 }))
  end)
  it("in Markdown has bars, a line for the alignment of columns, and columns of three at least", function()
    assert.equal(table.concat({
      "| name  |   n |  note |", "| ----- | --: | ----: |", "| ä     |  10 |       |", "| bcdef |     | x\\x0A |",
    }, "\n"), format(rows, { markdown = true }))
  end)
  it("is what summary prints", function()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    assert.equal([[
layer  type     output  parameters  multiply-adds
1      Flatten  6                0              0
2      Dense    2               14             12
total: 14 parameters, 12 multiply-adds per spectrum
total stride 1, receptive field 1 point]], model:summary { 3, 2 })
  end)
end)
