local lfs = require "lfs"
local plot = require "moonbow.plot"
local interpreter = require "support.interpreter"
local on_terminal = require "support.on_terminal"
local counted = require("support.plot_scripts").counted
local temporary_folder = require "support.temporary_folder"

local nan = 0 / 0
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

  -- Replaces gnuplot by a program.
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

  before_each(function() folder = temporary_folder() end)

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
      assert.same({ path, n = 1 }, table.pack(plot.lines{ 1, 2 }:save(path)))
      assert.same({ path:match "[^/]*$" }, files())
    end)

    it("returns nil and a message that names the package if gnuplot is missing", function()
      gnuplot_is(folder .. "/no such 'program'")
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find("install the package gnuplot", 1, true))
      assert.truthy(message:find("no such 'program'", 1, true))
      assert.is_nil((plot.lines{ 1, 2 }:show()))
      assert.same({}, files())
    end)

    it("returns nil and gnuplot's message if it fails", function()
      fake_gnuplot "echo some trouble >&2; exit 1"
      local path, message = plot.lines{ 1, 2 }:save(folder .. "/a.svg")
      assert.is_nil(path)
      assert.truthy(message:find("some trouble", 1, true))
    end)

    it("keeps the old file if gnuplot writes half a picture", function()
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

    drawn("names every series in the legend, drawn or not", function()
      local text = plot.lines{ series = { { y = { 1, 2 }, label = "good" }, { y = { nan, nan }, label = "diverged" } } }
        :text(60, 20)
      assert.truthy(text:find "good" and text:find "diverged")
      text = plot.bars{ categories = { "a" }, series = { { values = { 1 }, label = "good" }, { values = { nan },
        label = "failed" } } }:text(60, 20)
      assert.truthy(text:find "good" and text:find "failed")
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

    drawn("is what show writes on a terminal without windows, as wide as that is", function()
      local command = ("env -u DISPLAY -u WAYLAND_DISPLAY %s -e 'require(\"moonbow.plot\").lines({ 1, 2, 1 }):show()'")
        :format(interpreter)
      local function widest(columns)
        local most = 0
        for line in on_terminal(columns, command):gmatch "[^\n]+" do most = math.max(most, utf8.len(line)) end
        return most
      end
      local narrow, wide = widest(50), widest(110)
      assert.is_true(narrow > 40 and narrow <= 50, narrow)
      assert.is_true(wide > 100 and wide <= 110, wide)
    end)

    it("is replaced by a window if there is a display", function()
      fake_gnuplot(("cat >>%s/script; for f; do cat $f >>%s/script; done"):format(folder, folder))
      local command = ("DISPLAY=:9 MOONBOW_GNUPLOT=%s/fake %s -e "):format(folder, interpreter)
        .. [['assert(require("moonbow.plot").lines({ 1, 2, 1 }):show())']]
      assert.equal("", on_terminal(80, command .. " </dev/null"))
      assert.truthy(read(folder .. "/script"):find "GPVAL_TERM eq 'unknown'.*plot")
    end)

    drawn("puts the panels of a grid below each other, below its title", function()
      local a, b = plot.lines{ y = { 1, 2 }, title = "one" }, plot.lines{ y = { 1, 2 }, title = "two" }
      local grid = plot.grid{ panels = { a, b }, title = "Both\1" }
      assert.truthy(grid:text():find "^Both \n\n.*one.*\n.*two")
      assert.equal(grid:text(), grid:bytes "txt")
      assert.truthy(plot.grid(a, b):text():find "^ *one")
    end)

    drawn("is the only result, as the bytes of a picture are", function()
      local figure = plot.lines{ 1, 2 }
      assert.equal(1, select("#", figure:text()))
      assert.equal(1, select("#", figure:bytes()))
    end)

    it("takes a width and a height in whole characters", function()
      local figure = plot.lines{ 1, 2 }
      local function refuses(message, f, ...)
        local arguments = table.pack(...)
        assert.error_matches(function() f(figure, table.unpack(arguments, 1, arguments.n)) end, message)
      end
      refuses("figure:text: width: expected a positive integer, got 33.3", figure.text, 100 / 3)
      refuses("figure:text: width: expected a positive integer, got 'a'", figure.text, "a")
      refuses("figure:text: height: expected a positive integer, got %-5", figure.text, 5, -5)
      refuses("figure:script: height: expected a positive integer, got 0", figure.script, "txt", nil, nil, 0)
      refuses("figure:script: output: expected a string, got 7", figure.script, "svg", 7)
      assert.truthy(figure:script("txt", nil, 50.0):find "dumb size 50,28")
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
        -- names of categories and rows may be wrapped, all other names are in one piece
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

    it("are without characters that XML cannot hold", function()
      assert.truthy(plot.lines{ y = { 1, 2 }, title = "a\u{FFFE}b\u{FFFF}\u{FFFD}" }:script()
        :find("set title 'a?b?\u{FFFD}'", 1, true))
    end)

    it("have ? in PNG and PDF, with a warning, for characters that no font has", function()
      if not os.execute "fc-list ':charset=61' | grep -q ." then return pending "fontconfig knows no font" end
      local stderr, warnings = io.stderr, {}
      io.stderr = { write = function(_, ...) warnings[#warnings + 1] = table.concat { ... } end } -- luacheck: ignore
      finally(function() io.stderr = stderr end) -- luacheck: ignore
      local none = "\u{10FFFD}"
      local figure = plot.lines{ y = { 1, 2 }, title = "20°" .. none, x_label = none .. "\u{10FFFC}" }
      for _, format in ipairs { "png", "pdf" } do
        local script = figure:script(format, "/tmp/" .. none)
        assert.truthy(script:find("set title '20°?'", 1, true))
        assert.truthy(script:find("set xlabel '??'", 1, true))
        assert.truthy(script:find("set output '/tmp/" .. none .. "'", 1, true))
      end
      assert.truthy(figure:script():find("20°" .. none, 1, true))
      assert.equal(1, #warnings)
      assert.matches("no installed font has " .. none .. " \u{10FFFC}, drawn as ?", warnings[1], 1, true)
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
end)
