-- Which way a table of text is read: by the names of its columns, whatever its shape, or by the option axis.
local files = require "support.spectra_files"

local read, refuses = files.read, files.expect_refusal

-- A table of numbers: `first` and the names in the first line, then one line for each number of the first column.
local function table_of(first, names, column)
  local lines = { first .. "," .. table.concat(names, ",") }
  for i, value in ipairs(column) do
    local cells = { value }
    for j in ipairs(names) do cells[j + 1] = (i * i + 3 * j) % 17 / 4 end
    lines[i + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function numbers(count, first, step)
  local list = {}
  for i = 1, count do list[i] = first + (i - 1) * step end
  return list
end

local function note_of(set) return table.concat(set.notes, "\n") end

describe("numbers as names of columns", function()
  local spectral = { "Wavelength (nm)", "wavelength", "Raman shift (cm-1)", "2theta", "2\u{3b8} (\u{b0})", "1/cm",
    "Energy (eV)", "d (\u{e5})", "chemical shift (ppm)", "\u{3bb} (nm)" }
  local labels = { "Conc (ppm)", "Fe (ppm)", "Time (s)", "t (s)", "Potential (V)", "Frequency (Hz)", "X (um)",
    "Energy (kJ)", "Thickness (nm)", "Angle (deg)" }

  it("name samples beside a spectral axis, whatever the shape of the table", function()
    for _, first in ipairs(spectral) do
      for _, count in ipairs { 3, 31, 40 } do
        local set = assert(read(table_of(first, numbers(count, 20, 2.5), numbers(31, 400, 5))))
        assert.same({ count, 31, 400 }, { #set, set.length, set.axis[1] }, first)
      end
    end
  end)
  it("are the axis of rows beside what may be a label, with a note", function()
    for _, first in ipairs(labels) do
      for _, count in ipairs { 3, 4, 5, 6, 20 } do
        local set = assert(read(table_of(first, numbers(5, 400, 10), numbers(count, 0.5, 0.75))))
        assert.same({ count, 5, 400, { first } }, { #set, set.length, set.axis[1], set.columns })
        assert.equal(("'%s' is read as a label of spectra in rows; axis = '%s' reads spectra in columns beside it")
          :format(first, first), note_of(set))
      end
    end
    local set = read "X (um),Y (um),520,521\n1,7,1,2\n2,7,2,3\n3,7,2,4\n"
    assert.same({ 3, { "X (um)", "Y (um)" } }, { #set, set.columns })
  end)
  it("name samples there, too, if they are no axis or count", function()
    for _, names in ipairs { { 20, 30, 25 }, { 1, 2, 3 } } do
      assert.equal(4, read(table_of("Time (s)", names, { 0.5, 1, 2, 5 })).length)
    end
  end)
  it("are in doubt beside names that may be both, whatever the shape", function()
    for _, first in ipairs { "x", "ppm", "angle", "Energy" } do
      for _, count in ipairs { 3, 5, 8 } do
        refuses(("line 1: does the first column hold an axis or sample numbers? Name it, or give axis = '%s' or "
          .. "'line 1'"):format(first), table_of(first, numbers(5, 20, 5), numbers(count, 400, 2)))
      end
    end
    refuses("line 1: does the first column hold an axis or sample numbers? Name it, or give axis = 'Wavelength' or "
      .. "'line 1'", table_of("Wavelength", numbers(3, 400, 5), numbers(9, 0, 1)))
    assert.equal(9, read(table_of("pixel", numbers(3, 400, 5), numbers(9, 0, 1))).length)
  end)
  it("with a unit are the axis beside a label, and name samples beside a spectral axis", function()
    local names = { "400 nm", "410 nm", "420 nm" }
    local set = assert(read(table_of("Time (s)", names, { 0.5, 1, 2, 5 })))
    assert.same({ 4, "nm", { "Time (s)" } }, { #set, set.unit, set.columns })
    assert.matches("'Time %(s%)' is read as a label of spectra in rows", note_of(set))
    assert.equal(4, read(table_of("Raman shift", names, { 0.5, 1, 2, 5 })).length)
    assert.equal(9, read(table_of("Time (s)", { "s1", "s5", "s9" }, numbers(9, 0.5, 1))).length)
  end)
end)

describe("the option axis", function()
  it("names the column with the axis, or the line", function()
    local text = "# by me\nTitle: a\n" .. table_of("x", numbers(5, 20, 5), numbers(4, 400, 2))
    local set = assert(read(text, { axis = "x" }))
    assert.same({ { 400, 402, 404, 406 }, { "20", "25", "30", "35", "40" } }, { set.axis, set.names })
    set = assert(read(text, { axis = "line 3" }))
    assert.same({ { 20, 25, 30, 35, 40 }, { "400", "402", "404", "406" } }, { set.axis, set.labels.x })
    assert.same({ "a", "a" }, { set.metadata[1].Title, read(text, { axis = "column 1" }).metadata[1].Title })
    local commented = "# x 20 25 30\n400 1 2 3\n402 2 3 5\n404 2 3 4\n"
    assert.equal(20, read(commented, { axis = "line 1" }).axis[1])
    assert.equal(400, read(commented, { axis = "x" }).axis[1])
    assert.equal(3, read(table_of("id", { "s1", "s2", "s4" }, numbers(3, 400, 5)), { axis = "id" }).length)
    assert.equal(3, #read(table_of("cm-1", { "s1", "s2", "s4" }, numbers(3, 400, 5)), { axis = "line 1" }))
  end)
  it("chooses between two axes", function()
    local text = "nm,cm-1,a\n"
    for i = 1, 9 do text = text .. ("%d,%.1f,%d\n"):format(400 + i, 1e7 / (400 + i), i % 2) end
    refuses("line 1, column 2 is a second axis: 'cm-1'; axis = 'NAME' chooses one", text)
    local set = assert(read(text, { axis = "nm" }))
    assert.same({ 1, "nm", { 1, 0, 1, 0, 1, 0, 1, 0, 1 } }, { #set, set.unit, files.values(set) })
    assert.matches("column 2 %(cm%-1%) left out: another axis; block = 2 reads it", note_of(set))
    set = assert(read(text, { axis = "cm-1" }))
    assert.same({ 1, "cm-1" }, { #set, set.unit })
    assert.matches("columns left out in front of the axis: 1", note_of(set))
  end)
  it("names no column that is not there", function()
    refuses("line 1: axis: there is no column 'y'", "x,a\n400,1\n401,2\n402,3\n", { axis = "y" })
    refuses("line 1: axis: no column follows 'a'", "x,a\n400,1\n401,2\n402,3\n", { axis = "a" })
    refuses("line 1: axis: expected the header in line 2", "x,a\n400,1\n401,2\n402,3\n", { axis = "line 2" })
  end)
end)

describe("pixels", function()
  it("in front of an axis are left out, and are the axis alone", function()
    local text = "Pixel,Wavelength (nm),Intensity\n"
    for i = 0, 9 do text = text .. ("%d,%.2f,%d\n"):format(i + 100, 400 + 0.37 * i, i * 7 % 5) end
    for _, options in ipairs { {}, { axis = "Wavelength (nm)" } } do
      local set = assert(read(text, options))
      assert.same({ 1, 10, "nm", "intensity", 400 }, { #set, set.length, set.unit, set.quantity, set.axis[1] })
    end
    assert.same({ 100, "intensity" }, (function(set) return { set.axis[1], set.quantity } end)(
      read(text, { axis = "Pixel" })))
    assert.equal(3, read("Pixel,Intensity\n1,5\n2,7\n3,6\n").length)
  end)
end)
