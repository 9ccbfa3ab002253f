-- Spectra from text files: what is read, and what each refusal says.
local mb = require "moonbow"
local measured = require "support.measured"

local path = os.tmpname()

local function read(text, options)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return mb.data.read_csv(path, options)
end

local function refuses(text, message)
  local set, err = read(text)
  assert.is_nil(set)
  assert.equal(path .. ": " .. message, err)
end

teardown(function() os.remove(path) end)

describe("read_csv", function()
  it("reads spectra, axis and labels", function()
    local set = read "kind,100,101.5,103\na,1,2,3\nb,4,5,-6e-1\n"
    assert.same({ 2, 3, 1 }, set.x:shape())
    assert.same({ 100, 101.5, 103 }, set.axis:totable())
    assert.same({ { { 1 }, { 2 }, { 3 } } }, set.x:narrow(1, 1):totable())
    assert.same({ "a", "b" }, set.labels.kind)
    assert.same({ "kind" }, set.columns)
  end)
  it("finds the separator and the decimal comma", function()
    local expected = { { { 1.5 }, { 2 } } }
    assert.same(expected, read("k;1;2\na;1.5;2\n").x:totable())
    assert.same(expected, read("k;1,5;2,5\na;1,5;2\n").x:totable())
    assert.same(expected, read("k\t1\t2\na\t1.5\t2\n").x:totable())
    assert.same(expected, read("k 1   2\n  a  1.5\t 2  \n").x:totable())
    assert.same(expected, read("1|2\n1.5|2\n", { separator = "|" }).x:totable())
    assert.same({ "x y" }, read('"k l" 1 2\n"x y" 1.5 2\n').labels["k l"])
  end)
  it("takes quotes, comments, blank lines, line ends of all systems, a byte order mark", function()
    local set = read '\239\187\191# made today\r\n"say ""k""",1,2\r\n\r\n"a,b",1,2\r\n# end\r\n'
    assert.same({ "a,b" }, set.labels['say "k"'])
    assert.same({ 1, 2, 1 }, set.x:shape())
    assert.equal(2, read("k,1,2\ra,1,2\rb,1,2").x:size(1))
    assert.equal(1, read("%x\nk,1,2\na,1,2\n", { comment = "%" }).x:size(1))
  end)
  it("takes a falling axis, and no labels", function()
    local set = read "3,2,1\n4,5,6\n"
    assert.same({ 3, 2, 1 }, set.axis:totable())
    assert.same({}, set.columns)
  end)
  it("says what is wrong, and where", function()
    refuses("", "the file is empty")
    refuses("# nothing\n\n", "the file is empty")
    refuses("k,1,2\n", "expected spectra below the header, found none")
    refuses("k,l\na,b\n", "line 1: expected a header with axis values, but no column's name is a number")
    refuses("k,1,2\na,1,x\n", "line 2, column 3 (2): expected a number, got 'x'")
    refuses("k,1,2\n\na,1,\n", "line 3, column 3 (2): the value is missing")
    refuses("k,1,2\na,NA,3\n", "line 2, column 2 (1): the value is missing")
    refuses("k,1,2\na,1,0x10\n", "line 2, column 3 (2): expected a number, got '0x10'")
    refuses("k,1,2\na,1,inf\n", "line 2, column 3 (2): expected a number, got 'inf'")
    refuses("k,1,2\na,1\n", "line 2: expected 3 cells as in the header, got 2")
    refuses("k,1,2\na,1,2,3\n", "line 2: expected 3 cells as in the header, got more, or a quote that does not end")
    refuses('k,1,2\n"a,1,2\n', "line 2: expected 3 cells as in the header, got more, or a quote that does not end")
    refuses("k,1,2,1,2\na,1,2,3,4\n", "line 1, column 4: the axis goes from 2 to 1; expected one axis that only rises")
    refuses("k,1,1\na,1,2\n", "line 1, column 3: the axis goes from 1 to 1; expected one axis that only falls")
    refuses("k,1,2\na,1,2\nk,3,4\nb,1,2\n", "line 3: a second header; expected one axis for the whole file")
    refuses("k,k,1,2\na,b,1,2\n", "line 1: two columns are named 'k'")
    local set, err = mb.data.read_csv "no/such/file.csv"
    assert.is_nil(set)
    assert.matches("No such file", err)
    assert.error_matches(function() mb.data.read_csv(3) end, "path: expected a string, got 3")
    assert.error_matches(function() mb.data.read_csv(path, { seperator = ";" }) end, "did you mean 'separator'")
  end)
  it("reads measured spectra", function()
    local meats, why = measured "meats_ftir/Fresh_meats.csv"
    if not meats then return pending(why) end
    local set = assert(mb.data.read_csv(meats))
    assert.same({ 120, 448, 1 }, set.x:shape())
    assert.same({ "meat", "run", "sample", "supplier" }, set.columns)
    assert.is_true(math.abs(set.axis[1] - 1005.3495) < 1e-3)
  end)
end)
