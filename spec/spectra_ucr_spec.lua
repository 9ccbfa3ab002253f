-- The layout of the UCR archive: rows of numbers, the first of which is the class; and tables that look like it.
local mb = require "moonbow"
local files = require "support.spectra_files"
local measured = require "support.measured"

local read, refuses = files.read, files.expect_refusal

local POINTS = 24

-- A value that is not whole and has no trend along a row.
local function value(r, i) return ((r * 31 + i * 37) % 41 - 20) / 8 + 0.0625 end

-- Rows of text. made: rows, points, separator, form (of values), first(r) (text in front), value(r, i).
local function rows_of(made)
  local separator, form, lines = made.separator or ",", made.form or "%.4f", {}
  local first = made.first or function(r) return r % 2 + 1 end
  for r = 1, made.rows or 8 do
    local cells = { first(r) }
    for i = 1, made.points or POINTS do cells[i + 1] = form:format((made.value or value)(r, i)) end
    lines[r] = table.concat(cells, separator) .. "\n"
  end
  return table.concat(lines)
end

describe("rows behind classes", function()
  it("are read with commas, tabs and blanks, and with numbers in any form", function()
    for _, made in ipairs { {}, { separator = "\t" }, { separator = "  ", form = "% .7e" }, { separator = ", " },
      { first = function(r) return ("%.7e"):format(r % 2 + 1) end, separator = " " } } do
      local set = assert(read(rows_of(made)))
      assert.same({ 8, POINTS, 1 }, set.x:shape())
      for i = 1, POINTS do assert.equal(value(3, i), set.x:get(3, i, 1)) end
      assert.same({ "2", "1", "2", "1", "2", "1", "2", "1" }, set.labels.class)
      assert.same({ { "class" }, "index", 1, POINTS }, { set.columns, set.axis_name, set.axis[1], set.axis[POINTS] })
      assert.is_nil(set.unit)
      assert.same({ "taken for the layout of the UCR archive (rows of numbers alone; only the first are whole, and "
        .. 'repeat): the first number is the label "class" (2 classes), and the values are counted, for want of an '
        .. 'axis; format = "text" overrules this' }, set.notes)
    end
  end)
  it("count classes from 0 or 1, or have -1 and 1", function()
    for _, class in ipairs { function(r) return r % 2 end, function(r) return r % 4 + 1 end,
      function(r) return 2 * (r % 2) - 1 end } do
      local set = assert(read(rows_of { first = class }))
      assert.equal(tostring(class(3)), set.labels.class[3])
    end
  end)
  it("are not taken for a pattern whose first line begins with its range", function()
    local set = assert(read(rows_of { separator = " ", first = function(r) return r % 2 end,
      value = function(r, i) return r == 1 and i == 1 and 0.5 or r == 1 and i == 2 and 5 or value(r, i) end }))
    assert.same({ 8, POINTS, 1 }, set.x:shape())
  end)
  it("are refused if the last is cut off, and read without it if partial = true", function()
    local text = rows_of {}
    local cut = text:sub(1, -40)
    refuses("the file is cut off: 7 of 8 rows (line 8: expected 25 cells as in the header, got 20) are there; "
      .. "partial = true reads them", cut)
    assert.same({ 7, POINTS, 1 }, read(cut, { partial = true }).x:shape())
  end)
end)

-- Other tables of numbers alone, or nearly so, in rows.
local others = {
  ["with a header"] = "class," .. rows_of { rows = 1, first = function() return 400 end,
    value = function(_, i) return 400 + i end } .. rows_of {},
  ["with an axis behind a number"] = rows_of { rows = 1, first = function() return 1 end,
    value = function(_, i) return 400 + i / 2 end } .. rows_of {},
  ["with a comment"] = "# data\n" .. rows_of {},
  ["with a comment among the rows"] = rows_of {} .. "# data\n" .. rows_of {},
  ["with a number to predict"] = rows_of { first = function(r) return 10.5 + r % 2 end },
  ["with a whole number to predict"] = rows_of { first = function(r) return 85 + r % 4 end },
  ["with numbers to predict, of which some are whole"] = rows_of { first = function(r)
    return ({ 2, 0, 0.5 })[(r - 1) % 3 + 1]
  end },
  ["with steps between the numbers"] = rows_of { first = function(r) return r % 2 * 10 end },
  ["of numbered spectra"] = rows_of { first = function(r) return r end },
  ["of one class"] = rows_of { first = function() return 1 end },
  ["of counts"] = rows_of { form = "%d", first = function(r) return r % 3 end,
    value = function(r, i) return (r * i * 7) % 50 end },
  ["of values that are mostly whole"] = rows_of { form = "%.2f", first = function(r) return r % 3 end,
    value = function(r, i) return i == 1 and 0.25 or (r * i * 7) % 50 end },
  ["of a map with two coordinates"] = rows_of { first = function(r) return ("%d,%d"):format(r % 2, r // 2) end },
  ["of spectra from 0 to 1"] = rows_of { first = function(r) return r % 2 end,
    value = function(r, i) return i == 9 and (r + 1) % 2 or 0.5 + value(r, i) / 8 end },
  ["of few rows"] = rows_of { rows = 4 },
  ["of short rows"] = rows_of { points = 10 },
  ["with decimal commas"] = rows_of { separator = ";" }:gsub("%.", ","),
  ["with a text in a row"] = rows_of {}:gsub("2.3125", "x", 1),
}

describe("tables", function()
  for name, text in pairs(others) do
    it(name .. " are none", function()
      local set, message = read(text)
      assert.is_nil(set and set.labels.class)
      assert.is_not.matches("UCR", set and table.concat(set.notes) or message)
    end)
  end
end)

describe("the format", function()
  it("is overruled by format = \"text\"", function()
    local set, message = read(rows_of {}, { format = "text" })
    assert.is_nil(set)
    assert.matches("is the header missing", message)
  end)
  it("reads rows whose first number may be anything, if it is named", function()
    local set = assert(read(others["with a number to predict"], { format = "ucr" }))
    assert.same({ 11.5 }, set:targets("class"):totable()[1])
    assert.same({ 'rows in the layout of the UCR archive: the first number is the label "class" (2 classes), and the '
      .. "values are counted, for want of an axis" }, set.notes)
    assert.same({ 8, POINTS, 1 }, read(others["with decimal commas"],
      { format = "ucr", separator = ";", decimal = "," }).x:shape())
    refuses("line 1, column 1 (x): expected a number, got 'x'", "x,1\ny,2\n", { format = "ucr" })
    refuses("expected numbers with commas, tabs or blanks between them", "1\n2\n", { format = "ucr" })
  end)
  it("refuses options that are none, as other tables do", function()
    assert.has_error(function() read(rows_of {}, { separator = ";;" }) end,
      "read: separator: expected one character, such as ',', ';', '\\t' or ' ' for blanks, got ';;'")
  end)
end)

describe("the coffee of the archive", function()
  local folder, missing = measured "coffee_ftir"
  it("is read from its files for training and tests", function()
    if not folder then return pending(missing) end
    local set = assert(mb.spectra.read { folder .. "/ucr/Coffee_TRAIN.txt", folder .. "/ucr/Coffee_TEST.txt" })
    assert.same({ 56, 286, 1 }, set.x:shape())
    local classes, names = set:classes "class"
    assert.same({ { "0", "1" }, 29 + 2 * 27 }, { names, classes:sum():item() })
    assert.near(-0.51841899, set.x:get(1, 1, 1), 1e-7)
  end)
end)
