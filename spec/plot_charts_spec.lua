local mb = require "moonbow"
local plot = require "moonbow.plot"
local histogram = require "moonbow.plot.histogram"
local resample = require "moonbow.plot.resample"
local scripts = require "support.plot_scripts"

local block, axis_range, counted = scripts.block, scripts.axis_range, scripts.counted
local nan, inf = 0 / 0, 1 / 0

describe("plot", function()
  describe("histogram", function()
    -- Heights of the bars, from the outline.
    local function heights(figure, name)
      local rows, list = block(figure:script(), name or "bins1"), {}
      for i = 2, #rows - 1, 2 do list[#list + 1] = rows[i][2] end
      return list
    end

    it("counts, the last bin up to its upper edge", function()
      local numbers = { 0, 0.5, 1, 2, 2.5, 3, 4, nan }
      assert.same({ 2, 1, 3 }, heights(plot.histogram{ values = numbers, bins = { 0, 1, 2, 3 } }))
      assert.same({ 2, 3 }, heights(plot.histogram{ values = mb.tensor{ 0, 1, 2, 3, 4, inf }, bins = 2 }))
    end)

    it("counts every number, also the greatest, in bins of equal width", function()
      assert.same({ 1, 1, 4 }, heights(plot.histogram{ values = { -0.3, 0.1, 0.9, 0.9, 0.9, 0.9 }, bins = 3 }))
      local rng = mb.rng(5)
      for bins = 1, 60 do
        local numbers = rng:uniform(-1, 1, 40):totable()
        local low, high = math.min(table.unpack(numbers)), math.max(table.unpack(numbers))
        local expected = counted(bins, function() return 0 end)
        for _, v in ipairs(numbers) do
          local bin = math.min(bins, math.floor((v - low) / (high - low) * bins) + 1)
          expected[bin] = expected[bin] + 1
        end
        assert.same(expected, heights(plot.histogram{ values = numbers, bins = bins }))
      end
    end)

    it("leaves out bins that no number can be in", function()
      local next_one = 1 + 2 ^ -52
      assert.same({ 1, 2 }, heights(plot.histogram{ values = { 1, next_one, 1 + 2 ^ -51 }, bins = 5 }))
      assert.same({ 3 }, heights(plot.histogram{ values = { 1e300 / 2, 1e300 / 2, 1e300 / 2 } }))
    end)

    it("gives densities of area 1", function()
      local figure = plot.histogram{ bins = { 0, 1, 3 }, density = true,
        series = { { values = { 0.5, 2, 2, 2 } }, { values = { 0.5, 9 } } } }
      assert.same({ 0.25, 0.375 }, heights(figure))
      assert.same({ 1, 0 }, heights(figure, "bins2"))
      assert.truthy(figure:script():find "set ylabel 'density'")
    end)

    it("chooses bins after Freedman and Diaconis", function()
      -- IQR 499.5, so bins are 2 * 499.5 / 10 = 99.9 wide: 10 of them cover 999
      assert.equal(10, histogram.count_bins(counted(1000, function(i) return i end)))
      assert.equal(10, #heights(plot.histogram(counted(1000, function(i) return i end))))
      -- IQR 0: Sturges, log2(8) + 1
      assert.equal(4, histogram.count_bins{ 1, 2, 2, 2, 2, 2, 2, 3 })
      assert.equal(1, histogram.count_bins{ 5, 5, 5 })
    end)

    it("shows one value, and no value", function()
      assert.same({ 1 }, heights(plot.histogram{ 3 }))
      assert.same({ 0 }, heights(plot.histogram{ values = { nan }, log_y = false }))
      local low = axis_range(plot.histogram{ values = { nan }, log_y = true }:script(), "y")
      assert.is_true(low > 0)
    end)

    it("fits the axes to the marks, and y to the bins that x shows", function()
      local function ends(name, options)
        options.values, options.bins = { 1, 2, 2, 4, 4, 4, 4, 4 }, { 1, 2, 3, 4, 5 }
        local script = plot.histogram(options):script()
        return { axis_range(script, name) }, script
      end
      assert.same({ 0, 5.4 }, (ends("y", {})))
      assert.same({ 0, 2.16 }, (ends("y", { x_range = { 1, 3.5 } })))
      local log = ends("y", { x_range = { 1, 3.5 }, log_y = true })
      assert.is_true(log[1] == 0.5 and log[2] > 2 and log[2] < 2.5)
      assert.same({ 0, 10.8 }, (ends("y", { marks = { { y = 10 } } })))
      local range, script = ends("x", { marks = { { x = 11, label = "limit" } } })
      assert.same({ 0.8, 11.2 }, range)
      assert.truthy(script:find "set label 'limit'")
    end)

    it("of nothing draws no block", function()
      for _, options in ipairs { { values = { nan, inf } }, { values = { 9 }, bins = { 0, 1, 2 } } } do
        local script = plot.histogram(options):script()
        local low, high = axis_range(script, "y")
        assert.is_true(low == 0 and high > 0)
        for _, row in ipairs(block(script, "bins1")) do assert.equal(low, row[2]) end
      end
    end)
  end)

  describe("bars", function()
    it("stand beside each other in their category, with errors", function()
      local script = plot.bars{ categories = { "a", "b" }, series = {
        { values = { 1, 2 }, error = 0.1 }, { values = { 3, nan }, error = { nan, 1 }, label = "s" },
      } }:script()
      local first, second = block(script, "bars1"), block(script, "bars2")
      assert.same({ { 0.8, 1, 0.1 }, { 1.8, 2, 0.1 } }, first)
      assert.same({ { 1.2, 3, 0 }, "gap" }, second)
      assert.truthy(script:find "set boxwidth 0.4 absolute")
      local low, high = axis_range(script, "y")
      assert.is_true(low == 0 and high > 3)
    end)

    it("name a series without numbers in the legend", function()
      local script = plot.bars{ categories = { "a", "b" }, series = {
        { values = { 1, 2 }, label = "good" }, { values = { nan, nan }, label = "failed" },
      } }:script()
      assert.matches("%$bars1 using 1:2 with boxes [^\n]* title 'good'", script)
      assert.matches("NaN with boxes [^\n]* title 'failed'", script)
    end)

    it("reach below zero", function()
      local low, high = axis_range(plot.bars({ "a", "b" }, { -1, -2 }):script(), "y")
      assert.is_true(low < -2 and high == 0)
    end)

    it("wrap long names, and slant those with long words", function()
      local words = counted(6, function(i) return "a name of words " .. i end)
      local wrapped = plot.bars(words, counted(6, math.sin)):script()
      assert.truthy(wrapped:find([['a name of'."\n".'words 3' 3]], 1, true))
      local one_word = counted(8, function(i) return "aragonite_" .. i end)
      local slanted = plot.bars(one_word, counted(8, math.sin)):script()
      assert.truthy(slanted:find "rotate by 35 right %('aragonite_1' 1")
    end)

    it("have room for their names, upright if there are many", function()
      local function of(count, name, width)
        local figure = plot.bars{ categories = counted(count, function(i) return name .. i end), width = width,
          values = counted(count, math.sin) }
        return figure, figure:script():match "set xtics [^\n]*"
      end
      local long = "a longer name of a category "
      local figure, tics = of(30, long)
      assert.is_true(figure.width >= 30 * 32) -- two lines of text
      assert.matches("rotate by 90", tics)
      assert.matches([['a longer name of a'."\n".'category 30' 30]], tics, 1, true)
      figure, tics = of(30, long, 640)
      assert.equal(640, figure.width)
      assert.matches("'a longer name of a category 30' 30", tics, 1, true)
      assert.equal(640, of(6, long).width)
      assert.equal(4000, of(500, "class ").width)
    end)
  end)

  describe("heatmap", function()
    it("draws one box for each number, at its position", function()
      local script = plot.heatmap{ z = { { 1, 2, nan }, { 4, 5, 6 } }, x = { 0, 1, 3 } }:script()
      local rows = block(script, "map")
      assert.equal(5, #rows)
      local cell = rows[2]   -- z[1][2] = 2
      assert.same({ 1, 1, 0.5, 2 }, { cell[1], cell[2], cell[3], cell[7] })
      assert.is_true(cell[4] >= 2 and cell[4] < 2.1)
      assert.same({ -0.5, 4 }, { axis_range(script, "x") })
      assert.same({ 1, 6 }, { axis_range(script, "cb") })
    end)

    it("takes falling positions", function()
      local script = plot.heatmap{ z = { { 1, 2 } }, x = { 20, 10 } }:script()
      assert.same({ 5, 25 }, { axis_range(script, "x") })
      assert.equal(20, block(script, "map")[1][1])
      assert.equal(1, block(script, "map")[1][7])
    end)

    it("of a confusion matrix has its first row on top, names and numbers", function()
      local script = plot.heatmap{ z = mb.tensor{ { 9, 1 }, { 2, 8 } }, cell_format = "%d",
        x_names = { "p", "q" }, y_names = { "r", "s" } }:script()
      assert.same({ 2.5, 0.5 }, { axis_range(script, "y") })
      assert.truthy(script:find "set xtics scale 0 %('p' 1, 'q' 2%)")
      assert.truthy(script:find "set ytics scale 0 %('r' 1, 's' 2%)")
      assert.truthy(script:find "set label '9' at first 1, first 1 center front tc rgb '#000000'")
      assert.truthy(script:find "set label '1' at first 2, first 1 center front tc rgb '#ffffff'")
    end)

    it("is as large as names and numbers of many classes need", function()
      local function confusion(n, options)
        local names = counted(n, function(i) return "mineral " .. i end)
        local all = { z = counted(n, function(i) return counted(n, function(j) return i == j and 12 or 0 end) end),
          x_names = names, y_names = names, cell_format = "%d" }
        for key, value in pairs(options or {}) do all[key] = value end
        return plot.heatmap(all)
      end
      assert.same({ 560, 460 }, { confusion(4).width, confusion(4).height })
      local figure = confusion(40)
      assert.is_true(figure.width >= 40 * 19 and figure.width < 1200) -- two digits and a gap
      assert.is_true(figure.height >= 40 * 16 and figure.height < 1000) -- a line of text
      assert.truthy(figure:script():find "set xtics scale 0 rotate by 90 right")
      assert.same({ 700, 500 }, { confusion(40, { width = 700 }).width, confusion(40, { height = 500 }).height })
      assert.equal(4000, plot.heatmap{ z = mb.zeros(1, 300), x_names = counted(300, tostring) }.width)
    end)

    it("becomes an image if it is large", function()
      local z = counted(1000, function(i) return counted(10, function(j) return i + j end) end)
      local script = plot.heatmap{ z = z }:script()
      assert.truthy(script:find "with image")
      assert.equal(800, #block(script, "map"))
      assert.equal(400, #block(script, "map")[1])
    end)

    it("averages cells that become smaller and repeats cells that become larger", function()
      local map = { z = { { 1, 3, 10, nan }, { 5, 7, 20, nan } } }
      map.x_edges, map.y_edges = { 0, 1, 2, 3, 4 }, { 0, 1, 2 }
      local small = resample.map(map, 1, 2)
      assert.same({ { 4, 15 } }, small.z)
      assert.same({ -1, 2, -1, 2 }, { small.x0, small.dx, small.y0, small.dy })
      map = { z = { { 1, 2 } }, x_edges = { 0, 3, 4 }, y_edges = { 0, 1 } }
      assert.same({ { 1, 1, 1, 2 }, { 1, 1, 1, 2 } }, resample.map(map, 2, 4).z)
      assert.same({ { 1, 2 } }, resample.map(map, 1, 2).z)
      map.x_edges = { 4, 1, 0 }
      assert.same({ { 1, 1, 1, 2 } }, resample.map(map, 1, 4).z)
    end)
  end)

  describe("grid", function()
    it("places panels row by row", function()
      local a = plot.lines{ 1, 2 }
      local figure = plot.grid{ panels = { a, a, a }, columns = 2, title = "all" }
      assert.truthy(figure:script():find "set multiplot layout 2,2 title 'all'")
      assert.equal("figure of 3 panels, 1280x840", tostring(figure))
      local sized = plot.grid{ panels = { a, a, a }, width = 900, height = 300 }
      assert.equal("figure of 3 panels, 900x300", tostring(sized))
      local _, plots = figure:script():gsub("\nplot ", "")
      assert.equal(3, plots)
    end)
  end)

  it("names figures", function()
    assert.equal("figure: lines 'a b', 2 series, 640x420",
      tostring(plot.lines{ title = "a\nb", series = { { y = { 1 } }, { y = { 2 } } } }))
    assert.equal("figure: heatmap, 1 series, 560x460", tostring(plot.heatmap{ { 1 } }))
  end)

  describe("raises for", function()
    local one = plot.lines{ 1, 2 }
    local misuse = {
      { "unequal lengths", plot.lines, { x = { 1 }, y = { 1, 2 } },
        "plot.lines: x has 1 numbers, but y has 2" },
      { "no data", plot.lines, { y = {} }, "plot.lines: y: expected at least one number, got none" },
      { "neither y nor series", plot.lines, {}, "plot.lines: expected either series or y, got neither" },
      { "nothing", plot.scatter, nil, "plot.scatter: expected either series or y, got neither" },
      { "both", plot.lines, { y = { 1 }, series = { { y = { 1 } } } },
        "expected either series or y, got both" },
      { "no series", plot.lines, { series = {} }, "plot.lines: series: expected at least one, got none" },
      { "an unknown option", plot.lines, { y = { 1 }, titel = "a" },
        "unknown option 'titel'; did you mean 'title'" },
      { "an unknown option of a series", plot.lines, { series = { { y = { 1 } }, { lable = "" } } },
        "plot.lines series 2: unknown option 'lable'; did you mean 'label'" },
      { "a series without y", plot.lines, { series = { { x = { 1 } } } },
        "plot.lines series 1: y is missing" },
      { "a wrong type", plot.lines, { y = { 1 }, title = 5 }, "plot.lines: title: expected a string, got 5" },
      { "a wrong element", plot.lines, { y = { 1, "2" } }, "plot.lines: y%[2%]: expected a number, got '2'" },
      { "three dimensions", plot.lines, { y = mb.zeros(2, 2, 2) },
        "y: expected a vector, a matrix or spectra %(N, L, 1%), got tensor {2, 2, 2}" },
      { "a matrix as x", plot.lines, { x = mb.zeros(2, 3), y = { 1 } },
        "x: expected a vector, got a matrix of shape {2, 3}" },
      { "errors of another length", plot.lines, { y = { 1, 2 }, error = { 1 } },
        "error has 1 numbers, but y has 2" },
      { "errors of another shape", plot.lines, { y = mb.zeros(3, 2), error = mb.zeros(2, 2) },
        "error has 2 rows, but y has 3" },
      { "an unknown style", plot.lines, { y = { 1 }, style = "step" },
        "style: .*'step' %(did you mean 'steps'%?%)" },
      { "an unknown dash", plot.lines, { y = { 1 }, dash = "dotty" }, "dash: .*did you mean 'dotted'" },
      { "an unknown legend", plot.lines, { y = { 1 }, legend = "topright" },
        "legend: .*did you mean 'top right'" },
      { "an empty range", plot.lines, { y = { 1 }, x_range = { 2, 1 } },
        "x_range: expected low < high, got {2, 1}" },
      { "a log range from 0", plot.lines, { y = { 1 }, y_range = { 0, 1 }, log_y = true },
        "y_range: expected positive" },
      { "a mark in both directions", plot.lines, { y = { 1 }, marks = { { x = 1, y = 1 } } },
        "either x or y, got both" },
      { "one mark without its list", plot.lines, { y = { 1 }, marks = { x = 1 } }, "marks: expected a list" },
      { "values of another length", plot.bars, { categories = { "a" }, values = { 1, 2 } },
        "plot.bars: values has 2 numbers, but categories has 1" },
      { "no categories", plot.bars, { values = { 1 } }, "plot.bars: categories: expected a table, got nil" },
      { "no bins", plot.histogram, { values = { 1 }, bins = 0 },
        "plot.histogram: bins: expected a positive integer" },
      { "falling edges", plot.histogram, { values = { 1 }, bins = { 2, 1 } },
        "bins: expected rising edges, got 1 after 2" },
      { "infinite edges", plot.histogram, { values = { 1 }, bins = { -inf, 2, inf } },
        "plot.histogram: bins: expected finite edges, got %-inf" },
      { "ragged rows", plot.heatmap, { z = { { 1, 2 }, { 3 } } },
        "plot.heatmap: z%[2%] has 1 numbers, but z%[1%] has 2" },
      { "places out of order", plot.heatmap, { z = { { 1, 2, 3 } }, x = { 1, 3, 2 } },
        "x: expected rising or falling numbers" },
      { "too few names", plot.heatmap, { z = { { 1, 2 } }, x_names = { "a" } },
        "x_names has 1 names, but z has 2 columns" },
      { "an unfit format", plot.heatmap, { z = { { 0.5 } }, cell_format = "%d" },
        "cell_format '%%d' cannot show the number 0.5" },
      { "no panels", plot.grid, { panels = {} },
        "plot.grid: panels: expected at least one figure, got none" },
      { "a panel that is no figure", plot.grid, { panels = { 1 } },
        "plot.grid: panel 1: expected a figure, got 1" },
      { "grids in grids", plot.grid, { panels = { plot.grid(one, one) } },
        "plot.grid: panel 1 is itself a grid" },
    }
    for _, case in ipairs(misuse) do
      local what, f, options, message = case[1], case[2], case[3], case[4]
      it(what, function() assert.error_matches(function() f(options) end, message) end)
    end

    it("invalid numbers, and more cells than can be read", function()
      assert.error_matches(function() plot.heatmap { z = { { 1, 2 }, true } } end,
        "plot.heatmap: z%[2%]: expected a table or tensor of numbers, got true")
      local z = {}
      for i = 1, 101 do z[i] = {} for j = 1, 100 do z[i][j] = i * j end end
      assert.error_matches(function() plot.heatmap { z = z, cell_format = "%g" } end,
        "plot.heatmap: cell_format: expected at most %d+ cells, got 10100")
    end)
    it("misuse with the line of the user", function()
      local ok, message = pcall(function() plot.lines{ y = {} } end)
      assert.is_false(ok)
      assert.truthy(message:find "plot_charts_spec.lua:%d+: plot.lines")
    end)
  end)
end)
