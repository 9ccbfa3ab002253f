-- The set of spectra: what it says of itself, and what can be made of it.
local mb = require "moonbow"
local temporary_folder = require "support.temporary_folder"

local folder = temporary_folder()
teardown(function() os.execute("rm -r " .. folder) end)

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return folder .. "/" .. name
end

-- Four spectra at 400, 402, ... 408 cm-1; the value of spectrum n at point i is 10 n + i.
local function example(options)
  local rows = {}
  for n = 1, 4 do
    rows[n] = {}
    for i = 1, 5 do rows[n][i] = 10 * n + i end
  end
  local given = { x = rows, axis = { 400, 402, 404, 406, 408 }, unit = "cm-1", quantity = "absorbance",
    names = { "a", "b", "c", "d" }, labels = { mineral = { "calcite", "quartz", "calcite", "quartz" },
      fat = { 1.5, 2, 0.25, "3,5" } } }
  for key, value in pairs(options or {}) do given[key] = value end
  return mb.spectra.set(given)
end

local function values(spectra) return spectra.x:reshape(#spectra, spectra.length):totable() end

describe("a set of spectra", function()
  it("is made of numbers, and says what it holds", function()
    local spectra = example()
    assert.same({ 4, 5, 1 }, spectra.x:shape())
    assert.equal(4, #spectra)
    assert.equal(5, spectra.length)
    assert.equal([[
4 spectra of 5 points; wavenumber 400 to 408 cm-1, rising
values: absorbance (as the caller says)
label fat: 4 values, 1.5, 2, 0.25, 3,5
label mineral: 2 values, calcite, quartz]], tostring(spectra))
  end)
  it("shows the range of many numbers", function()
    local rows, list = {}, {}
    for i = 1, 6 do rows[i], list[i] = { 1, 2 }, i / 3 end
    assert.matches("label fat: 6 numbers, 0.3333333 to 2$",
      tostring(mb.spectra.set { x = rows, axis = { 1, 2 }, labels = { fat = list } }))
  end)
  it("names the metadata of a single spectrum, and counts NaN", function()
    local spectra = mb.spectra.set { x = { 1, 0 / 0, 3 }, axis = { 3, 2, 1 },
      metadata = { laser = "785 nm", memo = ("ä"):rep(60), passes = "2\nor 3" } }
    assert.equal([[
1 spectrum of 3 points; axis 3 to 1, falling
values: unknown (not stated)
1 value is NaN
  laser: 785 nm
  memo: ]] .. ("ä"):rep(49) .. [[...
  passes: 2; or 3]], tostring(spectra))
  end)
  it("takes x as (N, L, 1), (N, L) or (L), and an axis by first and last", function()
    assert.same({ 2, 3, 1 }, mb.spectra.set { x = mb.ones(2, 3, 1), axis = { 1, 2, 3 } }.x:shape())
    local spectra = mb.spectra.set { x = mb.ones(3), axis = { first = 10, last = 5, points = 3 } }
    assert.same({ 10, 7.5, 5 }, spectra.axis)
    assert.equal("falling", spectra.direction)
    assert.same({ 1, 1.25, 1.5 }, mb.spectra.set { x = mb.ones(3), axis = { first = 1, last = 1.5, step = 0.25 } }.axis)
  end)
  it("refuses what does not fit together", function()
    local function refuses(options, message)
      assert.error_matches(function() mb.spectra.set(options) end, message, nil, true)
    end
    local x = mb.ones(2, 3)
    refuses({ x = mb.ones(2, 3, 2), axis = { 1, 2, 3 } }, "spectra.set: x: expected spectra (N, L, 1), (N, L) or (L), "
      .. "got shape {2, 3, 2}")
    refuses({ x = x }, "spectra.set: axis: expected a table or a tensor, got nil")
    refuses({ x = x, axis = { 1, 2 } }, "spectra.set: axis: expected 3 values, one for each point, got 2")
    refuses({ x = x, axis = { 1, 3, 2 } }, "spectra.set: axis: expected values that only rise or only fall, "
      .. "not so at point 3")
    refuses({ x = x, axis = { 1, 2, 2 } }, "axis: expected values that only rise or only fall")
    refuses({ x = x, axis = { first = 1, last = 2 } }, "axis: expected either step or points beside first and last")
    refuses({ x = x, axis = { 1, 2, 3 }, names = { "a" } }, "names: expected 2, one for each spectrum, got 1")
    refuses({ x = x, axis = { 1, 2, 3 }, labels = { k = { "a", "b", "c" } } },
      "labels.k: expected 2, one for each spectrum, got 3")
    refuses({ x = x, axis = { 1, 2, 3 }, labels = { k = { "a", true } } }, "labels.k[2]: expected a string or a number")
    refuses({ x = x, axis = { 1, 2, 3 }, metadata = { 1, 2 } }, "metadata[1]: expected a table, got 1")
    refuses({ x = x, axis = { 1, 2, 3 }, metadata = { { a = 1 } } },
      "metadata: expected one table of all, or a list of 2, one for each spectrum, got 1")
    refuses({ x = x, axes = { 1, 2, 3 } }, "unknown option 'axes'; did you mean 'axis'?")
  end)
  it("takes what the user knows better", function()
    local spectra = example():with { unit = "nm", quantity = "%T", axis = { first = 850, last = 1050, points = 5 },
      labels = { run = { 1, 2, 3, 4 }, mineral = { "a", "b", "c", "d" } } }
    assert.equal("nm", spectra.unit)
    assert.equal("wavelength", spectra.axis_name)
    assert.equal("transmittance", spectra.quantity)
    assert.is_true(spectra.percent)
    assert.equal(900, spectra.axis[2])
    assert.same({ "fat", "mineral", "run" }, spectra.columns)
    assert.same({ "1", "2", "3", "4" }, spectra.labels.run)
    assert.equal("a", spectra.labels.mineral[1])
    assert.equal("Raman shift", example():with { axis_name = "Raman shift" }.axis_name)
    local counted = spectra:with { quantity = "counts", unit = "furlongs" }
    assert.equal("furlongs", counted.unit)
    assert.is_nil(counted.axis_name) -- what was known of the former unit is gone
    assert.is_nil(counted.percent)
    assert.is_nil(spectra:with({ percent = false }).percent)
    assert.equal("cm-1", example().unit) -- the set itself stays as it is
  end)
  it("completes its methods at the prompt", function()
    assert.same({ "crop" }, require("moonbow.prompt.members").names(example(), "cr", true))
  end)
  it("is indexed and selected from, with its labels", function()
    local spectra = example()
    local second = spectra[2]
    assert.same({ { 21, 22, 23, 24, 25 } }, values(second))
    assert.same({ "b" }, second.names)
    assert.same({ "quartz" }, second.labels.mineral)
    assert.same({ "b" }, spectra[2.0].names)
    assert.is_nil(spectra[1.5])
    assert.is_nil(spectra[5])
    assert.is_nil(spectra[0])
    local count = 0
    for _, one in ipairs(spectra) do count = count + #one end
    assert.equal(4, count)
    assert.same({ "d", "a" }, spectra:select({ 4, 1 }).names)
    assert.error_matches(function() spectra:select { 5 } end, "select: rows[1]: expected a row from 1 to 4, got 5", nil,
      true)
  end)
end)

describe("the points of the axis", function()
  it("are not cropped to one place that is there twice", function()
    local twice = require("support.spectra_files").repeated { 459, 460, 460, 461 }
    local message = "crop: expected points at different places of the axis, got 2 at 460"
    assert.error_matches(function() twice:crop(459.5, 460.5) end, message, nil, true)
    local steps = { { "crop", low = 459.5, high = 460.5 } }
    assert.error_matches(function() mb.preprocess.fit(steps, twice) end, message, nil, true)
    assert.same({ 460, 460, 461 }, twice:crop(460).axis)
  end)

  it("are cropped", function()
    local spectra = example():crop(401, 406)
    assert.same({ 402, 404, 406 }, spectra.axis)
    assert.same({ 22, 23, 24 }, values(spectra)[2])
    assert.same({ 404, 406, 408 }, example():crop(403).axis)
    assert.same({ 404, 402, 400 }, example():flip():crop(nil, 404).axis)
    assert.error_matches(function() example():crop(500, 600) end,
      "crop: no point of the axis, 400 to 408, lies in 500 to 600", nil, true)
  end)
  it("are flipped", function()
    local spectra = example():flip()
    assert.same({ 408, 406, 404, 402, 400 }, spectra.axis)
    assert.same({ 15, 14, 13, 12, 11 }, values(spectra)[1])
    assert.equal("falling", spectra.direction)
    assert.same({ 400, 402, 404, 406, 408 }, spectra:rising().axis)
    assert.same({ 41, 42, 43, 44, 45 }, values(spectra:rising())[4])
    assert.equal(400, example():rising().axis[1])
  end)
  it("are resampled, in either direction", function()
    local spectra = example():resample { first = 401, last = 407, step = 3 }
    assert.same({ 401, 404, 407 }, spectra.axis)
    assert.same({ 11.5, 13, 14.5 }, values(spectra)[1])
    assert.same({ 14.5, 13 }, values(example():flip():resample { 407, 404 })[1])
    assert.same({ 11, 15 }, values(example():resample { 400 - 1e-6, 408 + 1e-6 })[1]) -- rounding of the ends
    assert.equal(81, #example():resample({ first = 400, last = 408, step = 0.1 }).axis)
    assert.error_matches(function() example():resample { 399, 404 } end,
      "resample: the grid, 399 to 404, goes beyond the axis, 400 to 408", nil, true)
    assert.error_matches(function() example():resample { 402, 402 } end, "grid: expected values that only rise", nil,
      true)
    assert.error_matches(function() example():resample { first = 1, last = 2, step = 1e-9 } end,
      "grid: expected 2 to 16777216 points, got 1000000001", nil, true)
  end)
  it("keep values that the grid hits, beside NaN", function()
    local gap = mb.spectra.set { x = { 1, 0 / 0, 3, 4, 0 / 0, 6 }, axis = { 10, 20, 30, 40, 50, 60 } }
    assert.same({ { 1, 3, 3.5, 4, 6 } }, values(gap:resample { 10, 30, 35, 40, 60 }))
    assert.same({ { 6, 4, 1 } }, values(gap:flip():resample { 60, 40, 10 }))
  end)
  it("that are repeated, as rounding makes them, count once when resampled", function()
    local sets = require "moonbow.spectra.set"
    local plain = mb.spectra.set { x = { 1, 2, 3, 4 }, axis = { 1, 2, 3, 4 } }
    local spectra = sets.like(plain, { axis = { 1, 2, 2, 3 } })
    assert.same({ { 1.5, 2, 3 } }, values(spectra:resample { 1.5, 2, 2.5 }))
  end)
end)

describe("spectra.concat", function()
  it("joins sets in order, and leaves labels empty where they are missing", function()
    local one = example { labels = { run = { 1, 2, 3, 4 } } }
    local all = mb.spectra.concat { example(), one[3] }
    assert.same({ 5, 5, 1 }, all.x:shape())
    assert.same({ "a", "b", "c", "d", "c" }, all.names)
    assert.same({ "", "", "", "", "3" }, all.labels.run)
    assert.same({ "calcite", "quartz", "calcite", "quartz", "" }, all.labels.mineral)
    assert.equal("absorbance", all.quantity)
  end)
  it("names the difference of sets that cannot be joined", function()
    local function differs(other, message)
      assert.error_matches(function() mb.spectra.concat { example(), other } end, message, nil, true)
    end
    differs(example():crop(402), "spectra.concat: a differs from a: 5 points from 400 to 408 there, 4 from 402 to 408 "
      .. "here; the option resample puts all on one axis")
    differs(example():with { axis = { 400, 402, 404.5, 406, 408 } }, "point 3 of the axis is 404 there and 404.5 here")
    differs(example():with { unit = "nm" }, "the axis is in cm-1 there and in nm here")
    differs(example():with { quantity = "counts" }, "the values are absorbance there and counts here; the option "
      .. "quantity states what all are")
    differs(example():with { quantity = "absorbance", percent = true },
      "the values are absorbance there and absorbance in percent here")
    assert.error_matches(function() mb.spectra.concat {} end, "list: expected at least one set, got none", nil, true)
    assert.error_matches(function() mb.spectra.concat { mb.ones(2) } end, "list[1]: expected spectra, got tensor {2}",
      nil, true)
  end)
  it("takes axes that differ by less than a ten-thousandth of a step", function()
    assert.equal(8, #mb.spectra.concat { example(), example():with { axis = { 400, 402.0001, 404, 406, 408 } } })
  end)
  it("resamples to the points of the coarsest axis that all cover", function()
    local fine = mb.spectra.set { x = mb.linspace(402.5, 410, 16), axis = { first = 402.5, last = 410, points = 16 },
      unit = "cm-1", quantity = "absorbance" }
    local all = mb.spectra.concat({ fine, example() }, { resample = true })
    assert.same({ 404, 406, 408 }, all.axis)
    assert.same({ 404, 406, 408 }, values(all)[1])
    assert.same({ "5 of 5 spectra interpolated to 3 points from 404 to 408" }, all.notes)
    assert.same({ 13, 14, 15 }, values(all)[2])
    all = mb.spectra.concat({ fine, example() }, { resample = { 403, 405 } })
    assert.same({ 12.5, 13.5 }, values(all)[2])
    local function refuses(list, resample, message)
      assert.error_matches(function() mb.spectra.concat(list, { resample = resample }) end, message, nil, true)
    end
    refuses({ fine, example() }, { 400, 405 }, "1: the grid, 400 to 405, goes beyond the axis, 402.5 to 410")
    refuses({ fine:crop(408.5), example() }, true,
      "the axes have no range in common: that of a from 400 to 408, that of 1 from 408.5 to 410")
    refuses({ fine:crop(407.5), example() }, true, "the range that all axes cover, 407.5 to 408, holds less than two "
      .. "points")
    refuses({ example():with { unit = "nm" }, example() }, true, "the axis is in nm there and in cm-1 here")
  end)
end)

describe("labels of a set", function()
  it("become class numbers and names", function()
    local y, names = example():classes "mineral"
    assert.same({ 1, 2, 1, 2 }, y:totable())
    assert.same({ "calcite", "quartz" }, names)
    y, names = example():classes("mineral", { "quartz", "gypsum", "calcite" })
    assert.same({ 3, 1, 3, 1 }, y:totable())
    assert.same({ "quartz", "gypsum", "calcite" }, names)
    assert.error_matches(function() example():classes("mineral", { "quartz" }) end, "'calcite' is none of the 1 name",
      nil, true)
    assert.error_matches(function() example():classes "minerals" end,
      "classes: no label 'minerals'; did you mean 'mineral'?", nil, true)
    assert.error_matches(function() example():classes("mineral", 3) end, "classes: names: expected a tensor or a table",
      nil, true)
    assert.error_matches(function() example():classes("mineral", { "quartz", "calcite", "calcite" }) end,
      "classes: names: 'calcite' stands at 2 and at 3", nil, true)
    local gap = example { labels = { k = { "a", " ", "b", "b" } } }
    assert.error_matches(function() gap:classes "k" end, "classes: 'k': spectrum 2 (b) is empty", nil, true)
  end)
  it("become targets", function()
    assert.same({ { 1.5 }, { 2 }, { 0.25 }, { 3.5 } }, example():targets("fat"):totable())
    assert.same({ 4, 2 }, example():targets({ "fat", "fat" }):shape())
    assert.error_matches(function() example():targets "mineral" end,
      "targets: 'mineral': spectrum 1 (a): expected a number, got 'calcite'", nil, true)
    assert.error_matches(function() example():targets {} end, "columns: expected at least one label", nil, true)
  end)
  it("become targets unless they may hold separators of thousands", function()
    local function fat(...)
      local cells, rows = { ... }, {}
      for i = 1, #cells do rows[i] = { i, 2 } end
      return mb.spectra.set { x = rows, axis = { 1, 2 }, labels = { fat = cells } }
    end
    for _, case in ipairs { { "1.012", "13,5", "990" }, { "1,012", "13" }, { "1,500", "900" }, { "1.012", "1,5" },
      { "-1.012", "1,012" }, { "1.200", "0,125", "12.5" } } do
      assert.error_matches(function() fat(table.unpack(case)):targets "fat" end, ("targets: 'fat': '%s' may hold a "
        .. "decimal sign or a separator of thousands, beside '%s'; give decimal when reading them, or write numbers "
        .. "without such separators"):format(case[1], case[2]), nil, true)
    end
    for _, case in ipairs { { "1.012", "990", "1.5" }, { "1,012", "13", "0,5" }, { "1.012", "2.500" },
      { "1.012", "1012" }, { "0.125", "13" }, { "12,5", "1.5" }, { "1.125", "0" }, { 1.125, 2 } } do
      assert.equal(#case, #fat(table.unpack(case)):targets("fat"), case[1])
    end
    local part = fat("1.125", "13", "1.5"):select { 1, 2 }
    assert.same({ 13, 1.125 }, part:select({ 2, 1 }):targets("fat"):reshape(-1):totable(), "by the column as a whole")
  end)

  local function with_fat(...)
    local cells = { ... }
    return mb.spectra.set { x = mb.ones(#cells, 3), axis = { 1, 2, 3 }, labels = { fat = cells } }
  end
  local function fat_of(spectra) return spectra:targets("fat"):reshape(-1):totable() end
  local function is_refused(spectra) assert.error_matches(function() fat_of(spectra) end, "separator of thousands") end

  it("that were given as numbers are never in doubt", function()
    local spectra = with_fat(1.125, 900)
    assert.same({ 900, 1.125 }, fat_of(mb.spectra.concat { spectra[2], spectra[1] }))
    assert.same({ 1.125, 900 }, fat_of(spectra:with { labels = { fat = spectra.labels.fat } }))
    local joined = spectra:join({ name = { "2", "1", "3" }, water = { 900, 1.125, 13 } }, { by = "name" })
    assert.same({ { 1.125 }, { 900 } }, joined:targets("water"):totable())
    joined = with_fat("a", "b", "c"):join({ { fat = "a", water = 1.125 }, { fat = "b", water = 900 }, { fat = "c" } },
      { by = "fat" })
    assert.same({ { 1.125 }, { 900 } }, joined:select({ 1, 2 }):targets("water"):totable())
    assert.same({ 1.125, 900, 2, 900 }, fat_of(mb.spectra.concat { spectra, with_fat("2", "900") }))
    is_refused(mb.spectra.concat { spectra, with_fat("2,125", "900") })
  end)
  it("that were joined are judged by all columns of which they are parts", function()
    local whole = with_fat("1.125", "900", "1.5")
    assert.same({ 1.125, 900 }, fat_of(mb.spectra.concat { whole[1], whole[2] }))
    assert.same({ 900, 1.125, 2 }, fat_of(mb.spectra.concat { mb.spectra.concat { whole[2], whole[1] }, with_fat "2" }))
    is_refused(mb.spectra.concat { with_fat "1.125", with_fat "900" })
    is_refused(mb.spectra.concat { whole[1], with_fat "1,5" })
  end)
  it("are read with the decimal sign that is given", function()
    local path = write("decimal.csv", "name,fat,1,2,3\na,1.125,1,2,3\nb,900,2,3,4\n")
    local function read(options) return assert(mb.spectra.read(path, options)) end
    is_refused(read())
    assert.same({ 1.125, 900 }, fat_of(read { decimal = "." }))
    assert.same({ 900, 1.125 }, fat_of(mb.spectra.concat { read { decimal = "." }[2], read { decimal = "." }[1] }))
    is_refused(mb.spectra.concat { read { decimal = "." }[2], with_fat "1.125" })
    local labels = write("decimal_labels.csv", "file;water\ndecimal;1.125\nother;900\n")
    assert.same({ { 1.125 }, { 1.125 } }, read({ decimal = ".", labels = labels }):targets("water"):totable())
    assert.same({ { 1.125 }, { 1.125 } }, read():join(labels, { decimal = "." }):targets("water"):totable())
    local joined = read():join(labels, { decimal = "," })
    assert.error_matches(function() joined:targets "water" end, "'1.125' may hold a decimal sign or a separator of "
      .. "thousands, beside '900'", nil, true)
    labels = write("decimal_labels.csv", "file;water\ndecimal;1.125\n")
    joined = read():join(labels, { decimal = "," })
    assert.error_matches(function() joined:targets "water" end, "'1.125' may hold a decimal sign or a separator of "
      .. "thousands, beside the decimal sign ','", nil, true)
    assert.error_matches(function() read():join(labels, { decimal = ";" }) end, "join: decimal: ", nil, true)
  end)
  it("divide the set, groups together", function()
    local names, samples, kinds = {}, {}, {}
    for i = 1, 24 do names[i], samples[i], kinds[i] = i, (i + 1) // 2, i <= 12 and "a" or "b" end
    local spectra = mb.spectra.set { x = mb.rand(24, 3), axis = { 1, 2, 3 }, names = names,
      labels = { sample = samples, kind = kinds } }
    local train, test = spectra:holdout(0.25, { stratify = "kind", groups = "sample", seed = 3 })
    assert.equal(18, #train)
    local seen = {}
    for _, sample in ipairs(train.labels.sample) do seen[sample] = true end
    for _, sample in ipairs(test.labels.sample) do assert.is_nil(seen[sample]) end
    local tested, folds = {}, 0
    for some, rest in spectra:k_fold(4, { stratify = "kind", groups = { "kind", "sample" } }) do
      folds = folds + 1
      assert.equal(18, #some)
      for _, name in ipairs(rest.names) do tested[name] = (tested[name] or 0) + 1 end
    end
    assert.equal(4, folds)
    for i = 1, 24 do assert.equal(1, tested[tostring(i)]) end
    assert.error_matches(function() spectra:k_fold(4, { groups = "samples" }) end, "k_fold: no label 'samples'", nil,
      true)
  end)
end)

describe("a table of labels", function()
  local function of_files(...)
    local parts = {}
    for i, path in ipairs { ... } do
      parts[i] = require("moonbow.spectra.set").like(mb.spectra.set { x = { 1, 2, i }, axis = { 1, 2, 3 } },
        { sources = { path }, names = { "spectrum " .. i } })
    end
    return mb.spectra.concat(parts)
  end
  local spectra = of_files("in/one/scan1.txt", "in/one/scan2.txt", "in/two/scan10.txt.gz")

  it("is joined by the names of files, with suffix, without, or with folders", function()
    local joined = assert(spectra:join(write("labels.csv", "file,mineral,fat\nscan10,quartz,3\n"
      .. 'one/scan1.txt,calcite,1\n"scan2.txt"," gypsum ",2\nscan9,talc,0\n')))
    assert.same({ "calcite", "gypsum", "quartz" }, joined.labels.mineral)
    assert.same({ { 1 }, { 2 }, { 3 } }, joined:targets("fat"):totable())
    assert.same({ "mineral", "fat" }, joined.columns)
    assert.same({ folder .. "/labels.csv: 1 row without a spectrum" }, joined.notes)
    assert.same({}, spectra.columns)
  end)
  it("may be written by Windows", function()
    local path = write("windows.csv", "file;ort\r\nscan1;S\xfcd\r\nscan2;Nord\r\nscan10;West\r\n")
    local joined = assert(spectra:join(path))
    assert.equal("Süd", joined.labels.ort[1])
    assert.matches("windows.csv: .*Windows%-1252", joined.notes[1])
  end)
  it("may have tabs or semicolons, blank lines, and any column of keys", function()
    local path = write("labels.tsv", "\239\187\191mineral\tscan\r\n\r\ncalcite\tscan1\r\na,b\tscan2\r\n\tscan10\r\n")
    assert.same({ "calcite", "a,b", "" }, spectra:join(path, { key = "scan" }).labels.mineral)
    path = write("labels2.csv", "file;fat\nscan1;1,5\nscan2;2,5\nscan10;3,5\n")
    assert.same({ "1,5", "2,5", "3,5" }, spectra:join(path).labels.fat)
  end)
  it("may begin with Excel's separator, and with comments", function()
    local path = write("sep.csv", "sep=|\nfile|k\nscan1|1,5\nscan2|b;c\nscan10|d\n")
    assert.same({ "1,5", "b;c", "d" }, spectra:join(path).labels.k)
    path = write("comments.csv", "# my labels\n# of \"May\nfile,k\nscan1,a\nscan2,b\n# the last\nscan10,c\n")
    local joined = assert(spectra:join(path))
    assert.same({ { "a", "b", "c" }, { "k" } }, { joined.labels.k, joined.columns })
    assert.same({ path .. ": comment lines left out: 3" }, joined.notes)
    path = write("header.csv", "#file;k\nscan1;a\n#2;b\nscan2;b\nscan10;c\n")
    joined = assert(spectra:join(path))
    assert.same({ "a", "b", "c" }, joined.labels.k)
    assert.same({ path .. ": line 1: taken as the header, though it starts with '#'",
      path .. ": 1 row without a spectrum" }, joined.notes)
    assert.matches("comment.csv: expected a header and at least one row of labels$",
      select(2, spectra:join(write("comment.csv", "# a\nfile,k\n"))))
  end)
  it("is joined by row, folder, name or label, from Lua, too", function()
    assert.same({ "x", "y", "z" }, spectra:join({ k = { "x", "y", "z" } }, { by = "row" }).labels.k)
    local path = os.tmpname()
    local function by_row(text, by)
      local file <close> = io.open(path, "w")
      file:write(text):close()
      return spectra:join(path, { by = by or "row" })
    end
    assert.same({ "x", "y y", "z" }, by_row("k\nx\n\"y y\"\nz\n").labels.k) -- a single column
    for text, by in pairs { ["k\nx\ny,1\nz\n"] = "row", ["k;l\nx;1\ny;2\nz\n"] = "row", ["k\nx\ny\nz\n"] = "file" } do
      local set, why = by_row(text, by)
      assert.is_nil(set)
      assert.is_truthy(why:find(path .. ": ", 1, true), why)
    end
    assert.same({ nil, "expected files of spectra beside that of the labels, got none" },
      { mb.spectra.read(path, { labels = path }) })
    assert(os.remove(path))
    local rows = { { folder = "two", k = 2 }, { folder = "one", k = 1.5 } }
    local by_folder = spectra:join(rows, { by = "folder" })
    assert.same({ "1.5", "1.5", "2" }, by_folder.labels.k)
    assert.same({ "k" }, by_folder.columns)
    assert.same({ "b", "b", "a" }, by_folder:join({ k = { "2", "1.5" }, l = { "a", "b" } }, { by = "k" }).labels.l)
    local named = spectra:join({ id = { "spectrum 2", "spectrum 1", "spectrum 3" }, k = { 2, 1, 3 } },
      { by = "name", key = "id" })
    assert.same({ "1", "2", "3" }, named.labels.k)
  end)
  it("is refused with the names that are missing or stand twice", function()
    local function refuses(message, ...)
      local joined, err = spectra:join(...)
      assert.is_nil(joined)
      assert.equal(message, (err:gsub(folder .. "/", "")))
    end
    refuses("no.csv: No such file or directory", folder .. "/no.csv")
    refuses("few.csv: column 'file' names no row for 2 of 3 spectra: 'scan2.txt', 'scan10.txt.gz'; its keys are scan1, "
      .. "scan3", write("few.csv", "file,k\nscan1,a\nscan3,b\n"))
    refuses("twice.csv: keys that stand in it twice: 'scan1' (rows 1 and 3)",
      write("twice.csv", "file,k\nscan1,a\nscan2,b\nscan1,c\n"))
    refuses("both.csv: keys that name the same spectrum: 'scan1' and 'scan1.txt' (rows 1 and 2), 'scan2' and "
      .. "'one/scan2' (rows 5 and 4)",
      write("both.csv", "file,k\nscan1,a\nscan1.txt,b\nscan10,c\none/scan2,d\nscan2,e\n"))
    local folders = of_files("one/a.csv", "two/a.csv")
    assert.same({ "x", "y" }, folders:join({ file = { "one/a", "a" }, k = { "x", "y" } }).labels.k)
    assert.same({ nil, "the table: keys that name several files: 'a' (row 1): one/a.csv and two/a.csv; give each file "
      .. "a row, with folders before its name or the suffix behind it" },
      { folders:join { file = { "a", "b" }, k = { "x", "y" } } })
    assert.same({ "x", "x" }, folders:select({ 1, 1 }):join({ file = { "a" }, k = { "x" } }).labels.k)
    assert.same({ "x", "x" }, folders:with({ labels = { sample = { "s", "s" } } }):join({ { sample = "s", k = "x" } },
      { by = "sample" }).labels.k)
    refuses("the table: 2 rows of labels for 3 spectra", { k = { 1, 2 } }, { by = "row" })
    refuses("cells.csv: line 3 has 3 cells, the header 2 cells", write("cells.csv", "file,k\nscan1,a\nscan2,b,c\n"))
    refuses("header.csv: expected a header and at least one row of labels", write("header.csv", "file,k\n"))
    refuses("quote.csv: expected columns with tabs, semicolons or commas", write("quote.csv", '"file,k\nscan1,a\n'))
    refuses("late.csv: line 2, column 2: a quote does not end", write("late.csv", 'file,k\nscan1,"a\n'))
    refuses("one.csv: expected columns with tabs, semicolons or commas", write("one.csv", "file\nscan1\n"))
    refuses("same.csv: two columns are called 'k'", write("same.csv", "k,k\na,b\n"))
    local labelled = spectra:with { labels = { k = { 1, 2, 3 } } }
    local _, err = labelled:join({ k = { 1, 2, 3 } }, { by = "row" })
    assert.equal("the table: the spectra have a label 'k' already", err)
  end)
  it("raises for arguments that are wrong", function()
    local function raises(message, ...)
      local arguments = table.pack(...)
      assert.error_matches(function() spectra:join(table.unpack(arguments)) end, message, nil, true)
    end
    raises("join: labels: expected a string or a table, got nil")
    raises("join: by: expected one of 'file', 'name', 'folder', 'row', got 'files' (did you mean 'file'?)",
      { a = { 1, 2, 3 } }, { by = "files", key = "a" })
    raises("join: key: expected the name of the column that names the spectra, one of 'a', 'b'",
      { a = { 1, 2, 3 }, b = { 1, 2, 3 } })
    raises("join: key: expected one of 'a', got 'b'", { a = { 1, 2, 3 } }, { key = "b" })
    raises("join: table.b: expected 3, one for each row, got 2", { a = { 1, 2, 3 }, b = { 1, 2 } }, { by = "row" })
  end)
end)

describe("functions that take spectra", function()
  local spectra = example()
  local y = spectra:classes "mineral"

  it("take sets", function()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    mb.fit(model, { x = spectra, y = y }, { epochs = 1, verbose = false, validation = { x = spectra, y = y } })
    assert.equal(mb.evaluate(model, { x = spectra.x, y = y }).loss, mb.evaluate(model, { x = spectra, y = y }).loss)
    assert.same({ 4 }, mb.predict(model, spectra):shape())
    mb.recalibrate(model, spectra)
    for _, method in ipairs { "forest", "linear", "neighbours" } do
      local fitted = mb[method].fit(spectra, y, method == "neighbours" and { k = 1 } or nil)
      assert.same(fitted:predict(spectra.x):totable(), fitted:predict(spectra):totable())
    end
    assert.equal(0, mb.neighbours.distances(spectra, spectra):get(1, 1))
    assert.equal(spectra:plot({ curves = "single" }):script(), mb.plot.lines(spectra):script())
    assert.equal(mb.plot.lines({ y = spectra.x }):script(), mb.plot.lines({ y = spectra }):script())
  end)
  it("preprocess sets, whose axis the step resample follows", function()
    local steps, processed = mb.preprocess.fit({ { "resample", grid = { first = 401, last = 407, step = 2 } }, "snv" },
      spectra)
    assert.same({ 401, 403, 405, 407 }, processed.axis)
    assert.equal("preprocessed", processed.quantity)
    assert.equal("resample, snv", processed.decided)
    assert.same(spectra.labels, processed.labels)
    assert.same(values(processed)[1], mb.preprocess.apply(steps, spectra.x):reshape(4, 4):totable()[1])
    local coarse = spectra:resample { 400, 404, 408 }
    assert.same(processed.axis, mb.preprocess.apply(steps, coarse).axis)
    assert.is_true(mb.preprocess.apply(steps, coarse).x:allclose(processed.x))
    local _, only_points = mb.preprocess.fit({ { "resample", grid = { 401, 402 } } }, spectra)
    assert.equal("absorbance", only_points.quantity)
    assert.error_matches(function() mb.preprocess.fit({ { "resample", grid = { 1, 2 } } }, spectra.x) end,
      "axis: expected a table or a tensor, got nil", nil, true)
  end)
end)

describe("a plot of spectra", function()
  local function has(spectra, options, ...)
    local script = spectra:plot(options):script()
    for _, text in ipairs { ... } do assert.truthy(script:find(text, 1, true), text .. "\n" .. script) end
    return script
  end

  it("has the axis with its unit, from right to left as infrared is drawn", function()
    has(example(), nil, "set xlabel 'wavenumber (cm⁻¹)'", "set xrange [408:400]", "set ylabel 'absorbance'")
    has(example():with { axis_name = "Raman shift", quantity = "%T" }, nil, "set xlabel 'Raman shift (cm⁻¹)'",
      "set xrange [400:408]", "set ylabel 'transmittance (%)'")
    has(example():with { unit = "deg", axis_name = "2theta" }, nil, "set xlabel '2θ (°)'")
    has(example():with { unit = "ppm" }, nil, "set xlabel 'chemical shift (ppm)'", "set xrange [408:400]")
    local script = has(mb.spectra.set { x = { 1, 2 }, axis = { 1, 2 } }, { title = "T", x_range = { 0, 4 } },
      "set title 'T'", "set xrange [0:4]")
    assert.is_nil(script:find "set [xy]label '")
  end)
  it("shows few spectra by name, many as their mean, or a label by colour", function()
    has(example(), nil, "title 'a'", "title 'd'")
    has(example(), { curves = "mean" }, "set title 'mean (4)'", "filledcurves")
    has(example()[2], nil, "set title 'b'")
    has(example()[2], { title = "T" }, "set title 'T'")
    has(example(), { by = "mineral" }, "title 'calcite (2)'", "title 'quartz (2)'")
    local script = has(example(), { by = "mineral", curves = "single" }, "title 'calcite'", "title 'quartz'")
    assert.is_nil(script:find("filledcurves", 1, true))
    local many = mb.spectra.set { x = mb.rand(30, 5), axis = { 1, 2, 3, 4, 5 } }
    has(many, nil, "title 'mean (30)'")
    has(many, { curves = "single" }, "title '30 spectra'")
    local each = many:with { labels = { k = many.names } }
    assert.error_matches(function() each:plot { by = "k" } end, "by: 'k' has 30 values; at most 20 are drawn", nil,
      true)
  end)
  it("draws single spectra of a label without lines between them", function()
    local block = require("support.plot_scripts").block
    local rows = block(example():crop(406):plot({ by = "mineral", curves = "single" }):script(), "curve1")
    assert.equal(6, #rows) -- two points, a gap, two points, a gap
    assert.equal("gap", rows[3])
  end)
end)
