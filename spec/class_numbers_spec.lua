-- Labels as class numbers, and back; and counts of things in texts.
local mb = require "moonbow"
local check = require "moonbow.check"

local function numbers(...)
  local y, names = mb.class_numbers(...)
  return y:totable(), names
end

describe("class_numbers", function()
  it("numbers labels in the order of the sorted names", function()
    local y, names = numbers { "quartz", "calcite", "quartz", "Gypsum" }
    assert.same({ 3, 2, 3, 1 }, y)
    assert.same({ "Gypsum", "calcite", "quartz" }, names)
  end)
  it("takes numbers, booleans and tensors", function()
    local y, names = numbers { 10, 9.5, 10 }
    assert.same({ { 2, 1, 2 }, { 9.5, 10 } }, { y, names })
    y, names = numbers { true, false, true }
    assert.same({ { 2, 1, 2 }, { false, true } }, { y, names })
    y, names = numbers(mb.tensor { { 0 }, { 1 }, { 0 } }) -- classes of other libraries count from 0
    assert.same({ { 1, 2, 1 }, { 0, 1 } }, { y, names })
    assert.equal("integer", math.type(names[1]))
  end)
  it("numbers a second set by the names of the first", function()
    local _, names = numbers { "b", "a", "c" }
    local y, same = numbers({ "c", "c" }, names)
    assert.same({ { 3, 3 }, { "a", "b", "c" } }, { y, same })
    assert.same({ 1 }, (numbers({ "z" }, { "z", "a" })))
  end)
  it("gives what fit takes and save keeps", function()
    local y, names = mb.class_numbers { "a", "b", "a", "b" }
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    mb.fit(model, { x = mb.ones(4, 3, 1), y = y, classes = names }, { epochs = 1, verbose = false,
      class_weights = { a = 2 } })
    local path = os.tmpname()
    assert(mb.save(model, path, { classes = names }))
    local _, info = mb.load(path)
    os.remove(path)
    assert.same(names, info.classes)
  end)
  it("refuses what is no label, and names the row", function()
    for message, arguments in pairs {
      ["labels: row 2: expected a label, got a blank string"] = { { "a", " " } },
      ["labels: row 2: 'calcit' is none of the 2 names %(did you mean 'calcite'%?%)"] = { { "quartz", "calcit" },
        { "calcite", "quartz" } },
      ["labels: row 1: 3 is none of the 1 name: 4$"] = { { 3 }, { 4 } },
      ["labels of one type, got 'a' in row 1 and 1 in row 3"] = { { "a", "a", 1 } },
      ["names: 'a' stands at 1 and at 3"] = { { "a" }, { "a", "b", "a" } },
      ["labels: expected at least one, got none"] = { {} },
      ["labels: expected one label per row, %(N%) or %(N, 1%), got shape {2, 2}"] = { mb.ones(2, 2) },
    } do
      assert.error_matches(function() mb.class_numbers(table.unpack(arguments)) end, message)
    end
  end)
end)

describe("class_names", function()
  it("is the inverse", function()
    local labels = { "quartz", "calcite", "quartz", "gypsum" }
    assert.same(labels, mb.class_names(mb.class_numbers(labels)))
    assert.same({ "b", "a" }, mb.class_names({ 2, 1 }, { "a", "b" }))
    assert.same({ "b" }, mb.class_names(mb.tensor { { 2 } }, { "a", "b" }))
  end)
  it("names the outputs of predict", function()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    local found = mb.class_names(mb.predict(model, mb.ones(3, 4, 1)), { "a", "b" })
    assert.equal(3, #found)
    assert.truthy(found[1] == "a" or found[1] == "b")
  end)
  it("refuses numbers without a name", function()
    assert.error_matches(function() mb.class_names({ 1, 3 }, { "a", "b" }) end,
      "class_names: numbers: row 2: expected a class number from 1 to 2, the number of classes, got 3")
  end)
end)

it("fit names class_numbers for labels that are no class numbers", function()
  local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
  assert.error_matches(function() mb.fit(model, { x = mb.ones(2, 3, 1), y = { "a", "b" } }) end,
    "row 1: expected a class number from 1 to 2, the number of classes, got 'a'; mb.class_numbers makes them")
end)

it("one thing is in the singular", function()
  assert.same({ "0 rows", "1 row", "2 rows" }, { check.show_count(0, "row"), check.show_count(1, "row"),
    check.show_count(2, "row") })
  assert.equal("1 class", check.show_count(1, "class", "classes"))
  assert.equal("linear support vector machine, 1 point, 2 classes",
    tostring(mb.linear.fit(mb.tensor { { 1 }, { 2 } }, { 1, 2 }, { kind = "svm" })))
  local set = mb.data.classes { peaks = { { { 500, 1 } } }, n = 1, validation = 1, test = 1 }
  assert.matches("^1 spectrum of %d+ points", tostring(set.train))
  local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
  local one = { x = mb.ones(1, 3, 1), y = mb.ones(1) }
  assert.matches("on 1 spectrum of 2 classes", tostring(mb.evaluate(model, one)))
  assert.matches("receptive field 1 point$", mb.nn.Sequential { mb.nn.ReLU {} }:summary { 8, 1 })
end)
