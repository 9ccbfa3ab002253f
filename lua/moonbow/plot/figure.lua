--- Figures: one or more panels that can be saved or shown.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local terminal = require "moonbow.terminal"
local fonts = require "moonbow.plot.fonts"
local gnuplot = require "moonbow.plot.gnuplot"

--- A figure of one or more panels, from the functions of mb.plot.
--
-- @class figure
-- @field width integer in pixels of 1/96 inch
-- @field height integer in pixels of 1/96 inch
local Figure = {}
Figure.__index = Figure
Figure.__name = "moonbow.plot.figure"

--- A figure of one panel.
-- @param panel {kind=, title=, series=, width=, height=, draw=}: draw(text_only) returns the gnuplot
-- commands that plot it; with text_only, only commands that a text terminal can show. Panels of curves take a second
-- argument, commands for their margins
function Figure.new(panel)
  return Figure.grid({ panel }, 1, nil, panel.width, panel.height)
end

--- A figure of several panels, filled row by row.
function Figure.grid(panels, columns, title, width, height)
  local self = { panels = panels, columns = columns, title = title, width = width, height = height }
  return setmetatable(self, Figure)
end

-- Sizes are pixels of 1/96 inch. PNG is drawn at twice the size, to be sharp in print.
local terminals = {
  svg = function(w, h)
    return ("svg size %d,%d font 'sans-serif,13' background '#ffffff'"):format(w, h)
  end,
  png = function(w, h)
    return ("pngcairo size %d,%d font 'sans,10' fontscale 2 linewidth 2 pointscale 2.6"):format(2 * w, 2 * h)
  end,
  pdf = function(w, h)
    return ("pdfcairo size %.3fin,%.3fin font 'sans,10' fontscale 0.75 linewidth 1.4"):format(w / 96, h / 96)
  end,
  txt = function(w, h) return ("dumb size %d,%d mono"):format(w, h) end,
}

local function pages(figure)
  local lines = {}
  for i, panel in ipairs(figure.panels) do lines[i] = panel.draw(true) end
  return table.concat(lines, "\n")
end

-- Panels one below the other begin at the same place, so that equal axes are aligned.
local MARGINS = "set lmargin 11"

local function picture(figure)
  if #figure.panels == 1 and not figure.title then return figure.panels[1].draw(false) end
  local margins = figure.columns == 1 and MARGINS or nil
  local rows = math.ceil(#figure.panels / figure.columns)
  local title = figure.title and " title " .. gnuplot.label(figure.title) or ""
  local lines = { ("set multiplot layout %d,%d%s"):format(rows, figure.columns, title) }
  for _, panel in ipairs(figure.panels) do lines[#lines + 1] = panel.draw(false, margins) end
  lines[#lines + 1] = "unset multiplot"
  return table.concat(lines, "\n")
end

local function write_script(figure, format, output, w, h)
  local commands = format == "txt" and pages(figure) or picture(figure)
  if format == "png" or format == "pdf" then commands = fonts.replace_missing(commands) end
  return table.concat({
    "set encoding utf8",
    "set terminal " .. terminals[format](w, h) .. " noenhanced",
    output and "set output " .. gnuplot.quote(output) or "", commands, "unset output", "",
  }, "\n")
end

local function size_of(operation, figure, format, width, height)
  local text = format == "txt"
  return check.kind(operation, "width", width or text and 100 or figure.width, "positive integer"),
    check.kind(operation, "height", height or text and 28 or figure.height, "positive integer")
end

-- Returns the content of a file, or nil and a message.
local function render(operation, figure, format, width, height)
  local w, h = size_of(operation, figure, format, width, height)
  local bytes, message = gnuplot.render(format, function(output)
    return core.in_c_locale(write_script, figure, format, output, w, h)
  end)
  if not bytes then return nil, message end
  return format == "txt" and figure.title and gnuplot.clean(figure.title) .. "\n\n" .. bytes or bytes
end

--- Returns the gnuplot script of the figure.
-- @param format? string "svg" (unless given), "png", "pdf" or "txt"; a text figure shows its panels one below the
--   other
-- @param output? string the file that the script writes; without it, standard output
-- @param width? integer in characters of each panel of a text figure (100)
-- @param height? integer in lines of each panel of a text figure (28)
-- @return string
function Figure:script(format, output, width, height)
  format = check.name("figure:script", "format", format or "svg", { "svg", "png", "pdf", "txt" })
  if output ~= nil then check.kind("figure:script", "output", output, "string") end
  local w, h = size_of("figure:script", self, format, width, height)
  return core.in_c_locale(write_script, self, format, output, w, h)
end

--- Returns the figure as the content of a file.
-- @param format? string "svg" (unless given), "png", "pdf" or "txt"
-- @return string the bytes, or nil and a message (no gnuplot, disk full)
function Figure:bytes(format)
  return render("figure:bytes", self, check.name("figure:bytes", "format", format or "svg", { "svg", "png", "pdf",
    "txt" }))
end

--- Writes the figure to a file, which appears whole or not at all.
-- @param path string which ends in .svg, .png, .pdf or .txt
-- @return string path, or nil and a message (no gnuplot, no such folder, disk full)
function Figure:save(path)
  local format = type(path) == "string" and path:match "%.(%a+)$"
  format = format and format:lower()
  if not terminals[format] then
    check.fail("figure:save", "path: expected one that ends in .svg, .png, .pdf or .txt, got %s",
      check.show(path))
  end
  local bytes, message = self:bytes(format)
  if not bytes then return nil, ("%s: %s"):format(path, message) end
  local ok, err = files.write(path, bytes)
  if not ok then return nil, err end
  return path
end

--- Returns the figure as text.
-- @param width? integer of a panel in characters (100)
-- @param height? integer of a panel in lines (28)
-- @return string the text, or nil and a message
function Figure:text(width, height)
  return render("figure:text", self, "txt", width, height)
end

local function on_terminal() return (os.execute "test -t 1") end

-- A gnuplot without windows has the terminal 'unknown': this must fail here, so that text is shown.
local function show_window(figure)
  if not (os.getenv "DISPLAY" or os.getenv "WAYLAND_DISPLAY") then return false end
  return (gnuplot.run(table.concat({
    "if (GPVAL_TERM eq 'unknown' || GPVAL_TERM eq 'dumb') { exit status 1 }",
    "set encoding utf8", "set termoption noenhanced", "set termoption font 'sans,10'", picture(figure), "",
  }, "\n"), true))
end

--- Shows the figure in a window if there is a display, otherwise as text as wide as the terminal.
-- @return figure the figure, or nil and a message
function Figure:show()
  local interactive = on_terminal()
  if interactive and show_window(self) then return self end
  local width = interactive and terminal.width() or 80
  local text, message = self:text(width, math.max(16, math.min(32, width // 3)))
  if not text then return nil, message end
  io.write(text)
  return self
end

function Figure:__tostring()
  local first = self.panels[1]
  if #self.panels > 1 or self.title then
    return ("figure of %d panels, %dx%d"):format(#self.panels, self.width, self.height)
  end
  local title = first.title and " '" .. first.title:gsub("%s*\n%s*", " ") .. "'" or ""
  return ("figure: %s%s, %d series, %dx%d"):format(first.kind, title, first.series, self.width, self.height)
end

require("moonbow.counted").methods(Figure, "figure:", { new = false, grid = false })

return Figure
