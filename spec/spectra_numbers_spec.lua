local core = require "moonbow.core"
local numbers = require "moonbow.spectra.numbers"

describe("numbers in text", function()
  it("are read between blanks, line breaks, commas and semicolons, in double precision", function()
    assert.same({ 1, -2.5, 300, 0.1, 5 }, numbers.list " 1,-2.5;3e2\t0.1\r\n+5 ")
    assert.equal(400.00000001, numbers.list("400.00000001")[1])
    assert.same({}, numbers.list " ,; ")
  end)

  it("may have decimal commas, which then separate nothing", function()
    assert.same({ 1.5, 2 }, numbers.list("1,5;2", ","))
    assert.same({ nil, "1,2,3" }, { numbers.list("1,2,3", ",") })
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

  it("include nan and inf on request", function()
    local list = numbers.list("NaN -inf Infinity 1", nil, true)
    assert.is_true(list[1] ~= list[1])
    assert.same({ -math.huge, math.huge, 1 }, { table.unpack(list, 2) })
    assert.equal("nano", select(2, numbers.list("nano", ".", true)))
  end)

  it("become a tensor", function()
    local x = numbers.tensor("0,5 -3", ",")
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
