local lfs = require "lfs"
local mb = require "moonbow"
local plot = require "moonbow.plot"
local histogram = require "moonbow.plot.histogram"
local resample = require "moonbow.plot.resample"
local thin = require "moonbow.plot.thin"

local nan, inf = 0 / 0, 1 / 0
local has_gnuplot = os.execute "gnuplot --version >/dev/null 2>&1"

-- A test that draws, or a note that it cannot.
local function drawn(name, test)
  if has_gnuplot then return it(name, test) end
  pending(name .. " (gnuplot is not installed)", function() end)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- The numbers of a data block of a script, row by row; "gap" stands for an empty line.
local function block(script, name)
  local body = assert(script:match("%$" .. name .. " << EOD\n(.-)EOD\n"), "no block " .. name)
  local rows = {}
  for line in body:gmatch "([^\n]*)\n" do
    local row = {}
    for cell in line:gmatch "%S+" do row[#row + 1] = tonumber(cell) or cell end
    rows[#rows + 1] = #row > 0 and row or "gap"
  end
  return rows
end

local function axis_range(script, name)
  local low, high = script:match("set " .. name .. "range %[(%S-):(%S-)%]")
  return tonumber(low), tonumber(high)
end

local function counted(n, f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return list
end

local kinds = {
  lines = function() return plot.lines{ x = { 1, 2, 3 }, y = { 1, nan, 2 }, error = 0.1, label = "a" } end,
  scatter = function() return plot.scatter({ 1, 2, 3 }, { 3, 1, 2 }) end,
  histogram = function() return plot.histogram{ 1, 2, 2, 3, 3, 3 } end,
  bars = function() return plot.bars{ categories = { "a", "b" }, values = { 1, -2 }, error = 0.5 } end,
  heatmap = function() return plot.heatmap{ z = { { 1, 2 }, { nan, 4 } }, cell_format = "%g" } end,
  grid = function()
    return plot.grid(plot.lines{ 1, 2 }, plot.histogram{ 1, 2 }, plot.heatmap{ { 1, 2 } })
  end,
}

describe("plot", function()
  local folder, getenv = nil, os.getenv

  local function gnuplot_is(program)
    os.getenv = function(name)   -- luacheck: ignore 122
      if name == "MOONBOW_GNUPLOT" then return program end
      return getenv(name)
    end
  end

  -- A program in place of gnuplot.
  local function fake_gnuplot(commands)
    local path = folder .. "/fake"
    local file = assert(io.open(path, "w"))
    file:write("#!/bin/sh\n", commands, "\n")
    file:close()
    assert(os.execute("chmod +x " .. path))
    gnuplot_is(path)
  end

  local function files()
    local names = {}
    for name in lfs.dir(folder) do
      if not name:match "^%.+$" then names[#names + 1] = name end
    end
    return names
  end

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
  end)

  after_each(function()
    os.getenv = getenv   -- luacheck: ignore 122
    for _, name in ipairs(files()) do os.remove(folder .. "/" .. name) end
    lfs.rmdir(folder)
  end)

  describe("save", function()
    local magic = { svg = "^<%?xml", png = "^\137PNG\r\n\26\n", pdf = "^%%PDF", txt = "%S" }
    for kind, figure_of in pairs(kinds) do
      for format, start in pairs(magic) do
        drawn(("writes %s as %s and nothing else"):format(kind, format), function()
          local path = folder .. "/figure." .. format
          local saved, message = figure_of():save(path)
          if format == "pdf" and not saved and message:find "cannot write the format" then
            return pending "this gnuplot cannot write PDF"
          end
          assert.equal(path, saved, message)
          assert.truthy(read(path):find(start))
          assert.same({ "figure." .. format }, files())
        end)
      end
    end

    drawn("replaces a file at one stroke: who reads the old one goes on reading it", function()
      local path = folder .. "/a.svg"
      assert(io.open(path, "w")):write("old"):close()
      assert(lfs.link(path, folder .. "/link"))
      assert(plot.lines{ 1, 2 }:save(path))
      assert.equal("old", read(folder .. "/link"))
      assert.truthy(read(path):find "</svg>")
    end)

    drawn("takes any path", function()
      local path = folder .. "/|touch x; 'a' \"b\" `c`\\.svg"
      assert.equal(path, plot.lines{ 1, 2 }:save(path))
      assert.same({ path:match "[^/]*$" }, files())
    end)

    it("returns nil and a message that names the package where gnuplot is missing", function()
      gnuplot_is(folder .. "/no such 'program'")
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find("install the package gnuplot", 1, true))
      assert.truthy(message:find("no such 'program'", 1, true))
      assert.is_nil((plot.lines{ 1, 2 }:show()))
      assert.same({}, files())
    end)

    it("returns nil and what gnuplot said where it fails", function()
      fake_gnuplot "echo some trouble >&2; exit 1"
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find("some trouble", 1, true))
    end)

    it("keeps the old file where gnuplot writes half a picture", function()
      assert(io.open(folder .. "/a.svg", "w")):write("old"):close()
      fake_gnuplot [[echo '<?xml version="1.0"?><svg>' >"$(sed -n "s/^set output '\(.*\)'$/\1/p" "$2")"]]
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find "incomplete")
      assert.equal("old", read(folder .. "/a.svg"))
    end)

    drawn("returns nil and a message where the folder is missing", function()
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/none/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find "No such file or directory")
    end)

    it("raises for an unknown format", function()
      local figure = plot.lines{ 1, 2 }
      assert.error_matches(function() figure:save "a.gif" end, "figure:save: path: .*%.svg.*'a.gif'")
    end)
  end)

  describe("text", function()
    drawn("shows title, labels and data", function()
      local text = plot.lines{ y = { 1, 2, 3 }, title = "Title", x_label = "2θ", label = "line" }:text(60, 20)
      for _, part in ipairs{ "Title", "2θ", "line %*+", "%*%*%*" } do assert.truthy(text:find(part), part) end
      for line in text:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 60) end
    end)

    drawn("is what show writes where there is no terminal", function()
      local old = io.output()
      io.output(folder .. "/out")
      local figure = plot.heatmap{ z = { { 0, 1 } }, title = "Map" }
      local shown = figure:show()
      io.output():close()
      io.output(old)
      assert.equal(figure, shown)
      local text = read(folder .. "/out")
      assert.truthy(text:find "Map")
      assert.truthy(text:find "%.  .*@")
    end)

    drawn("puts the panels of a grid below each other", function()
      local a, b = plot.lines{ y = { 1, 2 }, title = "one" }, plot.lines{ y = { 1, 2 }, title = "two" }
      assert.truthy(plot.grid(a, b):text():find "one.*\n.*two")
    end)
  end)

  describe("labels", function()
    local hostile = {
      [[a_b {c} ^d @e &amp; %d %% #f $g]], [['quoted' "twice"]], [[it's `touch PWNED`]], [["`touch PWNED`"]],
      [[back\slash \n \]], "cm⁻¹ 2θ ° ± × <b>", "'", [[".system('touch PWNED')."]],
    }

    local function in_svg(text)
      return (text:gsub("&", "&amp;"):gsub("<", "&lt;"))
    end

    drawn("appear as they are, and run nothing", function()
      local path, here = folder .. "/a.svg", lfs.currentdir()
      for _, text in ipairs(hostile) do
        text = text:gsub("PWNED", folder .. "/pwned")
        local figure = plot.grid{ title = text, panels = {
          plot.lines{ title = text, x_label = text, y_label = text, y = { 1, 2 }, label = text,
            legend = "outside", marks = { { x = 1.5, label = text } } },
          plot.bars{ title = "", categories = { text }, values = { 1 } },
          plot.heatmap{ z = { { 1 } }, z_label = text, y_names = { text } },
        } }
        assert(figure:save(path))
        local svg, count = read(path), 0
        -- names of categories and rows may be wrapped, all others stand in one piece
        for found in svg:gmatch "<text>(.-)</text>" do
          if found:gsub("&gt;", ">") == in_svg(text) then count = count + 1 end
        end
        assert.is_true(count >= 7, ("%d of %s"):format(count, text))
        assert.same({ "a.svg" }, files())
      end
      assert.equal(here, lfs.currentdir())
    end)

    drawn("may be broken UTF-8 or hold control characters", function()
      local path = assert(plot.lines{ y = { 1, 2 }, title = "a\255b\0c\td" }:save(folder .. "/a.svg"))
      assert.truthy(read(path):find("<text>a?b c d</text>", 1, true))
    end)

    it("are quoted in the script", function()
      local script = plot.lines{ y = { 1, 2 }, title = "it's\ntwo", label = "a\nb" }:script()
      assert.truthy(script:find([[set title 'it'."\47".'s'."\n".'two']], 1, true))
      assert.truthy(script:find("title 'a b'", 1, true))
      assert.truthy(script:find "set terminal svg [^\n]* noenhanced")
    end)

    drawn("of a picture refer to nothing outside it", function()
      local z = counted(100, function(i) return counted(100, function(j) return i * j end) end)
      local figure = plot.grid(kinds.lines(), kinds.scatter(), plot.heatmap(z), kinds.bars())
      local svg = read(assert(figure:save(folder .. "/a.svg")))
      for target in svg:gmatch "href=['\"](.-)['\"]" do
        assert.truthy(target:find "^#" or target:find "^data:image/png;base64,", target)
      end
      assert.is_nil(svg:find "url%(['\"]?http")
      assert.is_nil(svg:find "<script")
    end)
  end)

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

    it("shares with all series what stands beside them", function()
      local script = plot.lines{
        x = { 5, 6 }, style = "points",
        series = { { y = { 1, 2 } }, { y = { 3, 4 }, x = { 7, 8 }, style = "steps" } },
      }:script()
      assert.same({ { 5, 1 }, { 6, 2 } }, block(script, "curve1"))
      assert.same({ { 7, 3 }, { 8, 4 } }, block(script, "curve2"))
      assert.truthy(script:find "%$curve1 using 1:2 with points")
      assert.truthy(script:find "%$curve2 using 1:2 with steps")
    end)

    it("leaves gaps at NaN, infinity, and what a log axis cannot show; shows lone points", function()
      local script = plot.lines{ 1, 2, nan, inf, 3, -inf }:script()
      assert.same({ { 1, 1 }, { 2, 2 }, "gap", { 5, 3 }, "gap" }, block(script, "curve1"))
      assert.same({ { 5, 3 } }, block(script, "lone1"))
      local log = plot.lines{ y = { 1, 0, -1, 10, 100 }, log_y = true }:script()
      assert.same({ { 1, 1 }, "gap", { 4, 10 }, { 5, 100 } }, block(log, "curve1"))
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

    it("fits the axes to the data, the y axis to what the x axis shows", function()
      local script = plot.lines{ x = { 0, 1, 2, 3 }, y = { 5, 1, 2, 90 }, x_range = { 1, 2 } }:script()
      assert.same({ 1, 2 }, { axis_range(script, "x") })
      assert.same({ 0.95, 2.05 }, { axis_range(script, "y") })
      assert.same({ 0, 3 }, { axis_range(plot.lines{ x = { 0, 3 }, y = { 1, 2 } }:script(), "x") })
      script = plot.lines{ x = { 0, 3 }, y = { 1, 2 }, x_range = { -1 } }:script()
      assert.same({ -1, 3 }, { axis_range(script, "x") })
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
    end)

    it("draws the marks that lie in range", function()
      local script = plot.lines{ y = { 1, 2, 3 }, marks = {
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

    it("goes outside where all corners are taken, and widens the figure by its width", function()
      local where, figure = place{ y = counted(60, function(i) return i % 2 end), label = "a long label" }
      assert.equal("outside right top", where)
      assert.truthy(tostring(figure):match "(%d+)x420" + 0 > 640 + 80)
      local _, fixed = place{ y = counted(60, function(i) return i % 2 end), label = "a", width = 500 }
      assert.truthy(tostring(fixed):find "500x420")
    end)

    it("does as told", function()
      assert.equal("bottom left", (place{ y = { 1, 2 }, label = "a", legend = "bottom left" }))
      assert.equal("\nunset key", (place{ y = { 1, 2 }, label = "a", legend = false }))
      assert.equal("\nunset key", (place{ y = { 1, 2 } }))
    end)
  end)

  describe("thinning", function()
    -- What a line paints in each pixel column: its least and greatest height.
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

    it("keeps what a line paints in every pixel column, and the ends where it enters and leaves", function()
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
      assert.is_true(#script < 400e3)
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
  end)

  describe("heatmap", function()
    it("draws one box for each number, at its place", function()
      local script = plot.heatmap{ z = { { 1, 2, nan }, { 4, 5, 6 } }, x = { 0, 1, 3 } }:script()
      local rows = block(script, "map")
      assert.equal(5, #rows)
      local cell = rows[2]   -- z[1][2] = 2
      assert.same({ 1, 1, 0.5, 2 }, { cell[1], cell[2], cell[3], cell[7] })
      assert.is_true(cell[4] >= 2 and cell[4] < 2.1)
      assert.same({ -0.5, 4 }, { axis_range(script, "x") })
      assert.same({ 1, 6 }, { axis_range(script, "cb") })
    end)

    it("takes falling places", function()
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

    it("becomes an image where it is large", function()
      local z = counted(1000, function(i) return counted(10, function(j) return i + j end) end)
      local script = plot.heatmap{ z = z }:script()
      assert.truthy(script:find "with image")
      assert.equal(800, #block(script, "map"))
      assert.equal(400, #block(script, "map")[1])
    end)

    it("averages cells that shrink together and repeats those torn apart", function()
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
        "y%[1%]%[1%]: expected a number, got a table" },
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

    it("misuse with the line of the user", function()
      local ok, message = pcall(function() plot.lines{ y = {} } end)
      assert.is_false(ok)
      assert.truthy(message:find "plot_spec.lua:%d+: plot.lines")
    end)
  end)
end)
