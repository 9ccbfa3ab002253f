local core = require "moonbow.core"
local numbers = require "moonbow.spectra.numbers"

describe("numbers in text", function()
  it("are read between blanks, line breaks, commas and semicolons, in double precision", function()
    assert.same({ 1, -2.5, 300, 0.1, 5 }, numbers.list " 1,-2.5;3e2\t0.1\r\n+5 ")
    assert.equal(400.00000001, numbers.list("400.00000001")[1])
    assert.same({}, numbers.list " ,; ")
  end)

  it("give the first word that is not one", function()
    for _, word in ipairs { "0x10", "nan", "inf", "1e", "1.2.3", "--1", "1e400", "x" } do
      assert.same({ nil, word }, { numbers.list("1 " .. word .. " 2 y") })
      assert.same({ nil, word }, { numbers.tensor("1 " .. word .. " 2 y") })
    end
    assert.same({ nil, "nothing" }, { numbers.tensor "\n" })
    assert.same({ nil, "-1e39" }, { numbers.tensor "1 -1e39" })
    assert.same({ -1e39 }, numbers.list "-1e39")
  end)

  it("become a tensor", function()
    local x = numbers.tensor "0.5 -3"
    assert.same({ 2 }, core.shape(x))
    assert.same({ 0.5, -3 }, core.totable(x))
  end)

  it("are read as Lua reads them", function()
    math.randomseed(5)
    local words, wanted = {}, {}
    for i = 1, 2000 do
      words[i] = ("%%.%dg"):format(math.random(1, 20)):format((math.random() - 0.5) * 10.0 ^ math.random(-320, 300))
      wanted[i] = tonumber(words[i]) + 0.0
    end
    assert.same(wanted, numbers.list(table.concat(words, "\n")))
  end)
end)

-- Returns the numbers of a column as a list, and the column is empty.
local list_of = numbers.list_of

describe("columns of numbers", function()
  local function read(text, marks, columns)
    columns = columns or { core.column() }
    local count, more = numbers.columns({ text = text, marks = marks }, columns)
    return count and list_of(columns[1]), more, columns
  end

  it("are read in turn from a part of a text", function()
    local x, y = core.column(), core.column()
    assert.equal(5, (numbers.columns({ text = "9 1 2;3,4\n5 9", first = 3, last = 11 }, { x, false, y })))
    assert.same({ 1, 4 }, list_of(x))
    assert.same({ 3 }, list_of(y))
    assert.same({ 0, 0, 0 }, { #x, numbers.columns({ text = "" }, { x }) })
  end)

  it("leave out what formats write beside numbers", function()
    assert.same({ 400, 12, -3 }, (read("400+12-3 $$ x", "$?+")))
    assert.same({ 1.5, 2.25 }, (read("1,5 2,25", "$?+,")))
    assert.same({ 1, 2 }, (read("1 s 2,dd", "$?+a", { core.column(), false })))
    local list = read("NaN -inf Infinity 1", "n")
    assert.is_true(list[1] ~= list[1])
    assert.same({ -math.huge, math.huge, 1 }, { table.unpack(list, 2) })
    assert.same({ 15, 2 }, (read("15(3)\n# 7\n2", "n#(.")))
    assert.same({ 1, 2 }, (read("1\n# 7\n2", "l")))
    local nan, unknown = read("?", "$?+")
    assert.same({ true, 1 }, { nan[1] ~= nan[1], unknown })
    nan = read(". ?", "n#(.")
    assert.is_true(nan[1] ~= nan[1] and nan[2] ~= nan[2])
  end)

  it("give the first word that is no number, without what stands beside it", function()
    assert.equal("x1", (select(2, read("x1(3)", "n#(."))))
    assert.equal("nano", (select(2, read("nano", "n"))))
    for _, word in ipairs { "12(3)4", "1.5(3)e4", "1(2)(3)", "1(2", "1(2x)" } do
      assert.equal(word, (select(2, read(word .. " 1", "n#(."))), "never 124")
    end
    assert.same({ 1000, 20 }, (read("1E3 d2 2e1 t", "$?+a", { core.column(), false })), "never 103")
    assert.equal("D", (select(2, read("1 4 D 8", "$?+a", { core.column(), false }))))
    assert.equal("1.2.3", (select(2, read("1.2.3", ""))))
    assert.equal("1e39", (select(2, read("1e39", "t"))))
    assert.equal(("x"):rep(100), (select(2, read(("x"):rep(100), "$?+"))))
    assert.same({ "1e400", "nan" }, { (select(2, read "1e400")), (select(2, read "nan")) })
  end)

  it("are those of the plain version in csrc/test/fuzz/columns.lua, for random texts", function()
    local check = assert(loadfile "csrc/test/fuzz/columns.lua")(core)
    local bits = { "1", "12", "400", ".", ",", ";", " ", " ", "\n", "\n", "\t", "+", "-", "(", ")", "(3)", "?", "#",
      "$$", "$", "e", "E5", "nan", "inf", "A", "1.5", "0", "1e39", "1e400", "\r", "-0", ".5", "5.", "<", "\0" }
    math.randomseed(11)
    for _ = 1, 5000 do
      local text = {}
      for i = 1, math.random(0, 14) do text[i] = bits[math.random(#bits)] end
      check(table.concat(text))
    end
  end)

  it("are used as lists", function()
    local column = core.column()
    for i = 1, 200 do column[i] = i / 8 end
    column[2] = 7
    assert.same({ 200, 0.125, 7, nil }, { #column, column[1], column[2], column[201] })
    local copy = core.column_copy(column, 199, 2)
    core.column_keep(column, 2, 2)
    core.column_multiply(copy, column)
    assert.same({ 199 / 8 * 7, 25 * 3 / 8 }, list_of(copy))
    core.column_divide(column, 2)
    core.column_multiply(column, 4)
    assert.is_false(core.column_is(column, 14))
    assert.same({ 14, 0.75 }, list_of(column))
    assert.is_true(core.column_is(column, 1))
  end)

  it("become tensors, and tell which number is too large for one", function()
    local a, b = core.column(), core.column()
    for i = 1, 3 do a[i], b[i] = i, -i end
    b[3] = -0x1.fffffep127
    assert.is_nil(core.column_beyond(b))
    b[2] = 0x1.fffffe0000001p127
    assert.equal(2, core.column_beyond(b))
    b[2] = 0 / 0
    assert.is_nil(core.column_beyond(b))
    b[2] = 5
    local x = core.columns_tensor { a, b }
    assert.same({ { 1, 2, 3 }, { -1, 5, -0x1.fffffep127 } }, core.totable(x))
    assert.same({ 0, 0 }, { #a, #b })
    a[1] = 2
    assert.same({ 2 }, core.totable(core.column_tensor(a)))
  end)

  it("are sorted as points, of which equal ones stay in order", function()
    math.randomseed(3)
    for count = 0, 40 do
      local x, y, order = core.column(), core.column(), {}
      for i = 1, count do x[i], y[i], order[i] = math.random(9), i, i end
      local xs = list_of(core.column_copy(x, 1, count))
      table.sort(order, function(a, b) return xs[a] < xs[b] or xs[a] == xs[b] and a < b end)
      core.column_sort(x, y)
      assert.same(order, list_of(y))
      for i, from in ipairs(order) do assert.equal(xs[from], x[i]) end
    end
  end)

  it("refuse what is no column, number or place", function()
    local function refuses(message, f, ...)
      local ok, got = pcall(f, ...)
      assert.is_false(ok)
      assert.matches(message, got, 1, true)
    end
    local column = core.column()
    column[1] = 1
    refuses("column: place: expected an integer from 1 to 2, got 3", function() column[3] = 1 end)
    refuses("column: number: expected a number, got 'x'", function() column[1] = "x" end)
    refuses("column_list: column: expected a column of numbers, got", core.column_list, {})
    refuses("column_keep: count: expected an integer from 0 to 1, got 2", core.column_keep, column, 1, 2)
    refuses("column_multiply: 1 numbers by 0", core.column_multiply, column, core.column())
    refuses("column_sort: 0 numbers beside 1", core.column_sort, column, core.column())
    refuses("columns_tensor: columns of different lengths", core.columns_tensor, { column, core.column() })
    refuses("numbers_columns: expected at least one column", core.numbers_columns, "1", nil, nil, "", {})
    refuses("numbers_columns: column: expected a column of numbers", core.numbers_columns, "1", nil, nil, "", { 1 })
    refuses("numbers_columns: last: expected an integer from 0 to 1, got 2", core.numbers_columns, "1", 1, 2, "", {})
    refuses("fields_columns: a field without bytes", core.fields_columns, "1", 1, 1, { { 2, 1 } }, 1, 8, { column })
    refuses("fields_columns: column 2: expected a column of numbers", core.fields_columns, "1 2", 1, 3,
      { { 1, 1, 0 }, { 3, 3, 0 } }, 1, 3, { column, false })
  end)

  it("count lines of a part, and even positions", function()
    assert.same({ 2, 1, 0 }, { core.count_lines "a\nb\n", core.count_lines("a\nb\n", 3), core.count_lines("\n", 1, 0) })
    assert.same({ {}, { 3 } }, { core.even_list(3, 9, 0), core.even_list(3, 9, 1) })
    assert.same({ 1, 1.5, 2 }, core.even_list(1, 2, 3))
  end)
end)
