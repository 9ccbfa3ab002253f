local mb = require "moonbow"
local plot = require "moonbow.plot"
local thin = require "moonbow.plot.thin"
local scripts = require "support.plot_scripts"

local block, axis_range, counted = scripts.block, scripts.axis_range, scripts.counted
local nan, inf = 0 / 0, 1 / 0

describe("plot", function()
  describe("lines", function()
    it("takes y, or x and y, as tables or tensors", function()
      local expected = { { 1, 4 }, { 2, 5 }, { 3, 6 } }
      assert.same(expected, block(plot.lines{ 4, 5, 6 }:script(), "curve1"))
      assert.same(expected, block(plot.lines({ 1, 2, 3 }, { 4, 5, 6 }):script(), "curve1"))
      assert.same(expected, block(plot.lines(mb.tensor{ 1, 2, 3 }, mb.tensor{ 4, 5, 6 }):script(), "curve1"))
      assert.same(expected, block(plot.lines(mb.tensor{ { 4 }, { 5 }, { 6 } }):script(), "curve1"))
      local like_a_tensor = setmetatable({}, { __index = { totable = function() return { 4, 5, 6 } end } })
      assert.same(expected, block(plot.lines(like_a_tensor):script(), "curve1"))
    end)

    it("draws the rows of a matrix, labelled", function()
      local x = mb.tensor{ { 1, 2 }, { 3, 4 }, { 5, 6 } }
      local script = plot.lines{ x = { 10, 20 }, y = x, label = { "a", "b", "c" } }:script()
      assert.same({ { 10, 5 }, { 20, 6 } }, block(script, "curve3"))
      assert.truthy(script:find "title 'b'")
      assert.truthy(plot.lines{ y = x, label = "seed" }:script():find "title 'seed 3'")
    end)

    it("draws spectra (N, L, 1), and says how to draw channels", function()
      local x = mb.tensor{ { 1, 2 }, { 3, 4 }, { 5, 6 } }:reshape(3, 2, 1)
      assert.same({ { 1, 5 }, { 2, 6 } }, block(plot.lines(x):script(), "curve3"))
      assert.same({ { 10, 3 }, { 20, 4 } }, block(plot.lines{ x = { 10, 20 }, y = x }:script(), "curve2"))
      assert.same({ { 1, 1 }, { 2, 2 } }, block(plot.lines(x:narrow(1, 1)):script(), "curve1"))
      local channels = mb.ones(2, 5, 3)
      assert.error_matches(function() plot.lines(channels) end,
        "y: expected a vector, a matrix or spectra %(N, L, 1%), got tensor {2, 5, 3}; x:transpose%(2, 3%)%[n%]")
      assert.equal(5, #block(plot.lines(channels:transpose(2, 3)[1]):script(), "curve3"))
    end)

    it("uses options beside series for all series", function()
      local script = plot.lines{
        x = { 5, 6 }, style = "points",
        series = { { y = { 1, 2 } }, { y = { 3, 4 }, x = { 7, 8 }, style = "steps" } },
      }:script()
      assert.same({ { 5, 1 }, { 6, 2 } }, block(script, "curve1"))
      assert.same({ { 7, 3 }, { 8, 4 } }, block(script, "curve2"))
      assert.truthy(script:find "%$curve1 using 1:2 with points")
      assert.truthy(script:find "%$curve2 using 1:2 with steps")
    end)

    it("leaves gaps at NaN, infinity, and numbers that a log axis cannot show; shows lone points", function()
      local script = plot.lines{ 1, 2, nan, inf, 3, -inf }:script()
      assert.same({ { 1, 1 }, { 2, 2 }, "gap", { 5, 3 }, "gap" }, block(script, "curve1"))
      assert.same({ { 5, 3 } }, block(script, "lone1"))
      local log = plot.lines{ y = { 1, 0, -1, 10, 100 }, log_y = true }:script()
      assert.same({ { 1, 1 }, "gap", { 4, 10 }, { 5, 100 } }, block(log, "curve1"))
    end)

    it("shows lone points of steps, too", function()
      local script = plot.lines{ y = { 1, nan, 3, nan }, style = "steps" }:script()
      assert.same({ { 1, 1 }, { 3, 3 } }, block(script, "lone1"))
    end)

    it("names a series without numbers in the legend, and says that there is nothing to draw", function()
      for _, style in ipairs { "line", "points", "both", "steps" } do
        local series = { { y = { 1, 2 }, label = "good" }, { y = { nan, nan }, label = "diverged" } }
        local script = plot.lines{ style = style, series = series }:script()
        assert.matches("\n[^\n]*NaN with %l+ [^\n]* title 'diverged'", script)
        assert.matches("%$curve1 using 1:2 with", script)
        assert.is_nil(script:find "no numbers")
      end
      assert.truthy(plot.lines{ nan, nan }:script():find("set label 'no numbers' at graph", 1, true))
      local log = plot.lines{ y = { -1, -2, 0 }, log_y = true, label = "loss" }:script()
      assert.truthy(log:find("set label 'no numbers above 0' at graph", 1, true))
      assert.matches("NaN with [^\n]* title 'loss'", log)
    end)

    it("draws errors as a band around lines and as bars at points", function()
      local script = plot.lines{ series = {
        { y = { 1, 2, 3 }, error = { 0.5, nan, 0.25 } }, { y = { 1, 2, 3 }, error = 1, style = "points" },
      } }:script()
      assert.same({ { 1, 1, 0.5, 1.5 }, "gap", { 3, 3, 2.75, 3.25 } }, block(script, "band1"))
      assert.same({ { 1, 1, 0, 2 }, { 2, 2, 1, 3 }, { 3, 3, 2, 4 } }, block(script, "error2"))
      local low, high = axis_range(script, "y")
      assert.is_true(low < 0 and low > -0.5 and high > 4 and high < 4.5)
    end)

    it("ends bands at the end of a log axis", function()
      local script = plot.lines{ y = { 1, 10 }, error = { 2, 1 }, log_y = true }:script()
      local low = axis_range(script, "y")
      assert.is_true(low > 0)
      assert.is_near(low, block(script, "band1")[1][3], 1e-9)
    end)

    it("do not cut points off a log axis whose error reaches below 0", function()
      for _, style in ipairs { "line", "points" } do
        local script = plot.lines{ y = { 1, 10, 100 }, error = { 2, 1, 1 }, log_y = true, style = style }:script()
        local low, high = axis_range(script, "y")
        assert.is_true(low < 1 and low > 0.5 and high > 101)
      end
    end)

    it("does not change with the caller's tables", function()
      local y, z, names, values, categories = { 1, 2, 3 }, { { 1, 2 } }, { "a", "b" }, { 1, 2 }, { "a", "b" }
      local marks = { { y = 2, label = "m" } }
      local figures = { plot.lines{ y = y, marks = marks }, plot.heatmap{ z = z, x_names = names },
        plot.bars{ categories = categories, values = values } }
      local before = {}
      for i, figure in ipairs(figures) do before[i] = figure:script() end
      y[1], z[1][1], names[1], values[1], categories[1], marks[1].y = 9, 9, "z", 9, "z", 1
      for i, figure in ipairs(figures) do assert.equal(before[i], figure:script()) end
    end)

    it("refuses lists with gaps, and entries that it would leave out", function()
      local function refuses(message, kind, options)
        assert.error_matches(function() plot[kind](options) end, message)
      end
      local y = { { 1, 2 }, { 3, 4 } }
      refuses("y%[2%]: expected a number, got nil", "lines", { y = { 1, nil, 3 } })
      refuses("series: entry 2 of 3 is nil", "lines", { series = { { y = y }, nil, { y = y } } })
      refuses("series: expected a list, got an entry %[a%]", "lines", { series = { { y = y }, a = { y = y } } })
      refuses("marks: entry 2 of 3 is nil", "lines", { y = y, marks = { { y = 1 }, nil, { y = 2 } } })
      refuses("label has 1 texts, but y has 2 rows", "lines", { y = y, label = { "a" } })
      refuses("label has 2 texts, but y has 1 rows", "lines", { y = { 1, 2 }, label = { "a", "b" } })
      refuses("x_range: expected {low, high}, got an entry %[high%]", "lines", { y = y, x_range = { high = 2 } })
      refuses("categories: entry 2 of 3 is nil", "bars", { categories = { "a", nil, "b" }, values = { 1, 2, 3 } })
      refuses("x_names: entry 2 of 3 is nil", "heatmap", { z = { { 1, 2, 3 } }, x_names = { "a", nil, "b" } })
      refuses("x_names%[1%]: expected a string or a number", "heatmap", { z = { { 1, 2 } }, x_names = { {}, "b" } })
      refuses("bins: expected at most 10000, got 10000000", "histogram", { values = { 1, 2 }, bins = 10000000 })
      refuses("panels: entry 2 of 3 is nil", "grid", { panels = { plot.lines(y), nil, plot.lines(y) } })
    end)

    it("refuses options beside data, which it would leave out", function()
      local function refuses(message, kind, ...)
        local ok, err = pcall(mb.plot[kind], ...)
        assert.is_false(ok)
        assert.truthy(err:find(message, 1, true), err)
      end
      local beside = "plot.%s: expected either data or one table of options, got the option '%s' beside a list; write "
      for kind, data in pairs { lines = "y", scatter = "y", histogram = "values", heatmap = "z" } do
        local list = kind == "heatmap" and { { 1, 2 } } or { 3, 1, 2 }
        list.title = "Quartz"
        refuses((beside .. "plot.%s { %s = ..., title = ... }"):format(kind, "title", kind, data), kind, list)
      end
      refuses(beside:format("lines", "colour") .. "plot.lines { y = ..., colour = ... }", "lines", { 1, 2, colour = 1 })
      refuses("got a table of options as the second argument, y; write plot.lines { x = ..., y = ..., title = ... }",
        "lines", { 1, 2 }, { title = "x" })
      refuses("as the second argument, values; write plot.bars { categories = ..., values = ..., title = ... }", "bars",
        { "a" }, { 1, title = "x" })
      refuses("got options and a second argument", "lines", { y = { 1, 2 } }, { title = "x" })
      refuses("write spectra:plot { title = ... }", "lines", mb.spectra.set { x = mb.ones(2, 3), axis = { 1, 2, 3 } },
        { title = "x" })
      refuses("plot.lines: y: expected a list, got an entry [title]", "lines", { y = { 1, 2, title = "x" } })
      refuses("z[1]: expected a list, got an entry [name]", "heatmap", { z = { { 1, 2, name = "x" } } })
    end)

    it("refuse errors below 0", function()
      assert.error_matches(function() plot.lines{ y = { 1, 2 }, error = { 1, -0.5 } } end,
        "plot.lines: error%[2%]: expected at least 0, got %-0.5")
      assert.error_matches(function() plot.bars{ categories = { "a" }, values = { 1 }, error = -1 } end,
        "error%[1%]: expected at least 0, got %-1")
    end)

    it("fits the axes to the data, the y axis to the data in the x range", function()
      local script = plot.lines{ x = { 0, 1, 2, 3 }, y = { 5, 1, 2, 90 }, x_range = { 1, 2 } }:script()
      assert.same({ 1, 2 }, { axis_range(script, "x") })
      assert.same({ 0.95, 2.05 }, { axis_range(script, "y") })
      assert.same({ 0, 3 }, { axis_range(plot.lines{ x = { 0, 3 }, y = { 1, 2 } }:script(), "x") })
      script = plot.lines{ x = { 0, 3 }, y = { 1, 2 }, x_range = { -1 } }:script()
      assert.same({ -1, 3 }, { axis_range(script, "x") })
    end)

    it("fits the y axis to lines that cross the x range between two points", function()
      local function range(options) return { axis_range(plot.lines(options):script(), "y") } end
      local function near(expected, options)
        local low, high = table.unpack(range(options))
        local extent = high - low
        assert.is_near(expected[1], low + extent * 0.05 / 1.1, 1e-9)
        assert.is_near(expected[2], high - extent * 0.05 / 1.1, 1e-9)
      end
      local x, y = { 0, 10, 20, 30 }, { 0, 100, 50, 0 }
      near({ 40, 95 }, { x = x, y = y, x_range = { 11, 22 } })
      near({ 30, 105 }, { x = x, y = y, error = 10, x_range = { 11, 22 } })
      near({ 55, 95 }, { x = x, y = y, x_range = { 11, 19 }, reverse_x = true })
      near({ 50, 100 }, { x = x, y = y, x_range = { 11, 22 }, style = "steps" })
      assert.same({ 45, 55 }, range { x = x, y = y, x_range = { 11, 22 }, style = "points" })
      assert.same({ 0.95, 2.05 }, range { x = { 1, 2, 3, 4, 5 }, y = { 1, 2, nan, 900, 900 }, x_range = { 1, 3.5 } })
      local low, high = axis_range(plot.lines{ x = { 1, 100 }, y = { 1, 1e4 }, x_range = { 10, 20 }, log_x = true,
        log_y = true }:script(), "y")
      assert.is_near(1, (low / 100) / (400 / high), 1e-9) -- y = x^2, and the same margin at both ends
    end)

    it("cuts bands off at the ends of the axes, where gnuplot fills the wrong area", function()
      local function band(options)
        options.x, options.y, options.error = { 0, 10, 20, 30 }, { 0, 100, 50, 0 }, 10
        local rows = {}
        for i, row in ipairs(block(plot.lines(options):script(), "band1")) do
          rows[i] = row == "gap" and row or ("%.9g %.9g %.9g"):format(row[1], row[3], row[4])
        end
        return rows
      end
      assert.same({ "11 85 105", "20 40 60", "22 30 50", "gap" }, band { x_range = { 11, 22 } })
      assert.same({ "11 85 105", "19 45 65", "gap" }, band { x_range = { 11, 19 } })
      assert.same({ "5 50 60", "6 50 70", "7 60 80", "9 80 80", "10 80 80", "12 80 80", "15 65 80", "gap" },
        band { x_range = { 5, 15 }, y_range = { 50, 80 } })
    end)

    it("has a tic between two whole numbers", function()
      local function tics(range)
        return plot.lines{ y = { 1, 2, 3, 4 }, x_range = range }:script():match "set xtics (%S+)"
      end
      assert.not_equal("1", tics { 2.2, 2.8 })
      assert.equal("1", tics { 1.5, 3.5 })
    end)

    it("gives constant data, one point and no data at all an axis with an extent", function()
      local almost = { 1e20, 1e20 * (1 + 1e-15) }
      for _, y in ipairs{ { 5, 5, 5 }, { 7 }, { 0, 0 }, { nan, nan }, { -1e-9, -1e-9 }, almost } do
        for _, name in ipairs{ "x", "y" } do
          for _, log in ipairs{ false, true } do
            local low, high = axis_range(plot.lines{ y = y, log_y = log }:script(), name)
            assert.is_true(low < high, ("%s of %g: %s %s"):format(name, y[1], low, high))
          end
        end
      end
    end)

    it("draws the widest log axes", function()
      assert.same({ { 2, 1 } }, block(plot.lines{ y = { 1e-310, 1 }, log_y = true }:script(), "curve1"))
      for _, y in ipairs { { 1e-155, 1e155 }, { 1e-299, 1e299 } } do
        local script = plot.lines{ y = y, x = y, log_x = true, log_y = true }:script()
        assert.same({ { y[1], y[1] }, { y[2], y[2] } }, block(script, "curve1"))
        local low, high = axis_range(script, "y")
        assert.is_true(0 < low and low < y[1] and y[2] < high and high < inf)
        local _, tics = script:match "set ytics ([^\n]*)":gsub("'10[^']*'", "")
        assert.is_true(tics > 2 and tics < 12)
      end
      assert.error_matches(function() plot.lines{ y = { 1, 2 }, log_y = true, y_range = { 1e-310 } } end,
        "y_range: expected positive numbers {low, high} above 1e%-300, got 1e%-310")
    end)

    it("draws numbers next to 0, and of any size", function()
      for _, y in ipairs { { 0, 1e-320 }, { -1e-310, 1e-310 }, { -9e299, 9e299 } } do
        local script = plot.lines{ y = y, x = y }:script()
        for _, name in ipairs { "x", "y" } do
          local low, high = axis_range(script, name)
          assert.is_true(low <= y[1] and y[2] <= high and high - low < inf)
        end
      end
    end)

    it("keeps the ends of a range as they are given", function()
      local function range(name, given) return { axis_range(plot.lines(given):script(), name) } end
      assert.same({ 0, 1 }, range("y", { y = { 0, 0, 0 }, y_range = { 0 } }))
      assert.same({ 1, 1.1 }, range("y", { y = { 1, 1, 1 }, y_range = { 1 } }))
      assert.same({ 0.9, 1 }, range("y", { y = { 1, 1, 1 }, y_range = { nil, 1 } }))
      assert.same({ 20, 22 }, range("y", { y = { 5, 6 }, y_range = { 20 } }))
      local time = 1.7e9
      local second = { time, time + 1 }
      assert.same(second, range("x", { x = { time, time + 5 }, y = { 1, 2 }, x_range = second }))
      assert.same({ time, time + 1 }, range("x", { x = { time, time + 1 }, y = { 1, 2 } }))
      local function of_bars(options) return { axis_range(plot.bars(options):script(), "y") } end
      assert.same({ 0, 1 }, of_bars { categories = { "a" }, values = { 0 }, y_range = { 0 } })
      assert.same({ -1, 0 }, of_bars { categories = { "a" }, values = { 0 }, y_range = { nil, 0 } })
    end)

    it("draws every digit of numbers far from 0", function()
      local start = 1700000000.0625
      local x = counted(50, function(i) return start + i * 2 ^ -20 end)
      local y = counted(50, function(i) return 1e8 + 1e-3 * math.sin(i) end)
      local marks = { { x = x[7] }, { y = y[7] } }
      local script = plot.lines{ x = x, y = y, x_range = { x[2], x[40] }, marks = marks }:script()
      assert.same(counted(50, function(i) return { x[i], y[i] } end), block(script, "curve1"))
      assert.same({ x[2], x[40] }, { axis_range(script, "x") })
      assert.equal(x[7], tonumber(script:match "set arrow from first (%S+),"))
      assert.equal(y[7], tonumber(script:match "set arrow from graph 0, first (%S+)"))
      assert.truthy(plot.lines{ 0.1, 1 / 4, 1e20 }:script():find("\n1 0.1\n2 0.25\n3 1e+20\n", 1, true))
      local z = { { 1e9, 1e9 + 2 ^ -8 } }
      script = plot.heatmap{ z = z }:script()
      assert.equal(z[1][2], block(script, "map")[2][7])
      assert.same(z[1], { axis_range(script, "cb") })
    end)

    it("reverses the x axis", function()
      local script = plot.lines{ x = { 400, 4000 }, y = { 1, 2 }, reverse_x = true }:script()
      assert.same({ 4000, 400 }, { axis_range(script, "x") })
    end)

    it("labels log axes at powers of ten, narrow ones at 1, 2, 5", function()
      local wide = plot.lines{ y = { 1e-6, 1e3 }, log_y = true }:script()
      assert.truthy(wide:find("'10⁻⁴' 0.0001 0", 1, true))
      assert.truthy(wide:find("'100' 100 0", 1, true))
      local narrow = plot.lines{ y = { 1, 30 }, log_y = true }:script()
      for _, tic in ipairs{ "'1' 1 0", "'2' 2 0", "'' 3 1", "'5' 5 0", "'20' 20 0" } do
        assert.truthy(narrow:find(tic, 1, true), tic)
      end
      for tics, y in pairs { ["('0.6' 0.6 0, '0.62' 0.62 0,"] = { 0.693, 0.65, 0.6 },
        ["'3' 3 0, '3.5' 3.5 0"] = { 2, 4 }, ["'12' 12 0, '14' 14 0"] = { 11, 19 } } do
        assert.truthy(plot.lines{ y = y, log_y = true }:script():find(tics, 1, true), tics)
      end
    end)

    it("has as many tics as their labels leave room for", function()
      local function step(x, width)
        return plot.lines{ x = x, y = { 1, 2 }, width = width }:script():match "set xtics ([^\n]*)"
      end
      assert.equal("200", step({ 1, 1000 }, 380)) -- gnuplot takes 100: "100200300"
      assert.is_nil(step({ 1, 1000 }, 640))
      assert.equal("1", step({ 1700000000, 1700000002 }, 640))
      assert.is_nil(plot.lines{ x = { 1, 1000 }, y = { 1, 2 }, width = 380 }:script "txt":find "set xtics")
    end)

    it("labels with as many digits as tell the tics apart", function()
      local function format(y) return plot.lines{ y = y }:script():match "set format y '(.-)'" end
      assert.is_nil(format { 1, 2 })
      assert.is_nil(format { 1e6, 2e6 })
      assert.is_nil(format { 1e-9, 2e-9 })
      assert.equal("%.8g", format { 1234567, 1234569 })
      assert.equal("%.11g", format { 1700000000, 1700000002 })
      assert.truthy(plot.heatmap { z = { { 1234567, 1234569 } } }:script():find("set format cb '%.8g'", 1, true))
    end)

    it("draws labels of marks on white, so that bars do not cover them", function()
      local script = plot.bars{ categories = { "a" }, values = { 2 }, marks = { { y = 1.5, label = "m" } } }:script()
      assert.truthy(script:find("set style textbox opaque", 1, true))
      assert.matches("set label 'm' [^\n]* boxed", script)
    end)
    it("fits the axes to the marks, and leaves out those beyond a given range", function()
      local late = plot.lines{ y = { 1, 2, 3 }, marks = { { x = 9, label = "late" } } }:script()
      local first, last = axis_range(late, "x")
      assert.is_true(first == 1 and last > 9)
      assert.truthy(late:find "set label 'late'")
      local script = plot.lines{ y = { 1, 2, 3 }, x_range = { 1, 3 }, marks = {
        { x = 2, label = "peak" }, { x = 9, label = "beyond" }, { y = 5, label = "claimed" },
      } }:script()
      assert.truthy(script:find "set arrow from first 2, graph 0")
      assert.truthy(script:find "set label 'peak'")
      assert.truthy(script:find "set label 'claimed'")
      assert.is_nil(script:find "beyond")
      assert.is_true(select(2, axis_range(script, "y")) > 5)
    end)

    it("draws more than eight series in different colours, dashes and symbols", function()
      local series = counted(12, function(i) return { y = { i, i }, style = "both" } end)
      local seen, symbols = {}, {}
      for look in plot.lines{ series = series }:script():gmatch "with linespoints lt %d+ (.-) notitle" do
        assert.is_nil(seen[look], look)
        seen[look], symbols[#symbols + 1] = true, look:match "pt %d+"
      end
      assert.equal(12, #symbols)
    end)
  end)

  describe("legend", function()
    local function place(options)
      local figure = plot.lines(options)
      return figure:script():match "\nset key ([^\n]-) Left" or figure:script():match "\nunset key", figure
    end

    it("takes a corner without data", function()
      assert.equal("top right", (place{ y = { 1, 1, 1, 1, 0 }, y_range = { 0, 2 }, label = "a" }))
      assert.equal("top left", (place{ y = { 0, 1, 2, 3, 4 }, label = "a" }))
      local step = counted(20, function(i) return i == 1 and 0 or 4 end)
      assert.equal("bottom right", (place{ y = step, label = "a" }))
    end)

    it("goes outside if all corners are taken, and widens the figure by its width", function()
      local where, figure = place{ y = counted(60, function(i) return i % 2 end), label = "a long label" }
      assert.equal("outside right top", where)
      assert.truthy(tostring(figure):match "(%d+)x420" + 0 > 640 + 80)
      local _, fixed = place{ y = counted(60, function(i) return i % 2 end), label = "a", width = 500 }
      assert.truthy(tostring(fixed):find "500x420")
    end)

    -- Series whose points are in all corners.
    local function crowded(count, label)
      return counted(count, function(i)
        return { y = counted(60, function(k) return k % 2 * i end), label = label .. i }
      end)
    end

    it("outside has the width of all its columns", function()
      local function width(count) return plot.lines{ series = crowded(count, "series "), legend = "outside" }.width end
      assert.equal(width(10), width(15)) -- 15 labels stand one below the other
      assert.is_near(640 + 2 * (width(15) - 640), width(25), 1)
      local titled = plot.lines{ series = crowded(15, "series "), legend = "outside", title = "t", x_label = "x" }
      assert.equal(width(25), titled.width)
    end)

    it("leaves room to the plot, in a figure of a given width, too, or widens that with a warning", function()
      local stderr, warnings = io.stderr, {}
      io.stderr = { write = function(_, ...) warnings[#warnings + 1] = table.concat { ... } end } -- luacheck: ignore
      finally(function() io.stderr = stderr end) -- luacheck: ignore
      local long = crowded(25, "a label of many characters ")
      local figure = plot.lines{ series = long, width = 500 }
      local outside = plot.lines{ series = long }.width - 640
      assert.equal(outside + 250, figure.width)
      assert.equal(outside + 300, plot.lines{ series = long, width = 700 }.width)
      assert.equal(2000, plot.lines{ series = long, width = 2000 }.width)
      assert.equal(2 * figure.width, plot.grid{ panels = { figure, plot.lines{ 1, 2 } }, width = 800 }.width)
      assert.equal(3, #warnings)
      assert.matches("warning: [^\n]*spec.lua:%d+: plot.lines: width: .* need %d+ pixels, got 500", warnings[1])
      assert.matches("plot.grid: width: .*got 800", warnings[3])
    end)

    it("has the position that was asked for", function()
      assert.equal("bottom left", (place{ y = { 1, 2 }, label = "a", legend = "bottom left" }))
      assert.equal("\nunset key", (place{ y = { 1, 2 }, label = "a", legend = false }))
      assert.equal("\nunset key", (place{ y = { 1, 2 } }))
    end)
  end)

  describe("thinning", function()
    -- The pixels that a line covers in each column: its least and greatest height.
    local function painted(columns, heights, indices)
      local result = {}
      for _, i in ipairs(indices) do
        local c = columns[i]
        if c then
          local seen = result[c] or { heights[i], heights[i] }
          result[c] = { math.min(seen[1], heights[i]), math.max(seen[2], heights[i]) }
        end
      end
      return result
    end

    it("keeps the pixels of a line in every pixel column, and the ends where it enters and leaves", function()
      local rng = mb.rng(1)
      local n = 20000
      local columns = counted(n, function(i) return i ~= 777 and i // 50 end)
      local heights = rng:normal(0, 1, n):totable()
      local kept = thin.line(columns, { heights })
      assert.is_true(#kept < n / 10)
      local all = counted(n, function(i) return i end)
      assert.same(painted(columns, heights, all), painted(columns, heights, kept))
      local is_kept = {}
      for _, i in ipairs(kept) do is_kept[i] = true end
      for i = 1, n do
        if columns[i] ~= columns[i + 1] or columns[i] ~= columns[i - 1] then assert.is_true(is_kept[i], i) end
      end
    end)

    it("keeps extremes of 50,000 points in a small script", function()
      local y = counted(50000, math.sin)
      y[12345], y[43210], y[20000] = 9, -8, nan
      local script = plot.lines{ y = y, error = 0.5 }:script()
      assert.is_true(#script < 500e3)
      local found = {}
      for _, row in ipairs(block(script, "curve1")) do found[row == "gap" and row or row[2]] = true end
      assert.is_true(found[9] and found[-8] and found.gap)
      local band = {}
      for _, row in ipairs(block(script, "band1")) do band[row[4] or 0] = true end
      assert.is_true(band[9.5])
    end)

    it("leaves lines of 5000 points alone", function()
      assert.equal(5000, #block(plot.lines(counted(5000, math.sin)):script(), "curve1"))
    end)

    it("keeps one point of each cell of a cloud", function()
      assert.same({ 1, 3, 4 }, thin.cloud({ 1, 1, 2, 1, false }, { 1, 1, 1, 2, false }))
      local rng = mb.rng(2)
      local x, y = rng:normal(0, 1, 50000):totable(), rng:normal(0, 1, 50000):totable()
      assert.is_true(#block(plot.scatter(x, y):script(), "curve1") < 20000)
    end)
  end)
end)
