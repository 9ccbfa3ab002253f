--- The look of figures: colours, dashes, symbols, and what every panel starts with.
local style = {}

-- M. Okabe and K. Ito, "Color universal design", 2008. Yellow, illegible on white, is left out. The
-- first three differ most in grey; later lines are dashed, and each pair of colour and dash is unique.
local colours = { "#0072B2", "#E69F00", "#000000", "#D55E00", "#009E73", "#CC79A7", "#56B4E9" }
local dash_order = { "solid", "solid", "solid", "dashed", "dotted", "dash-dot", "long" }
local dashes = {
  solid = "1", dashed = "(9,4)", dotted = "(2,3)", ["dash-dot"] = "(10,3,2,3)", long = "(18,5)",
  ["dash-dot-dot"] = "(10,3,2,3,2,3)",
}
local symbols = { 7, 4, 9, 12, 5, 8, 13, 6, 11, 10 }

style.dash_names = { "solid", "dashed", "dotted", "dash-dot", "dash-dot-dot", "long" }

-- Text terminals distinguish lines by number, so every plot of series i says lt i.
function style.colour(i)
  return ("lt %d lc rgb '%s'"):format(i, colours[(i - 1) % #colours + 1])
end

function style.line(i, dash)
  local turn, place = (i - 1) // #colours, (i - 1) % #colours
  dash = dash or dash_order[(place + turn * 3) % #dash_order + 1]
  return ("%s dt %s lw 1.8"):format(style.colour(i), dashes[dash])
end

function style.symbol(i)
  return ("pt %d ps 0.7"):format(symbols[(i - 1) % #symbols + 1])
end

function style.points(i)
  return style.colour(i) .. " " .. style.symbol(i)
end

-- Bars keep one outline; beyond the number of colours they are hatched.
function style.fill(i)
  local fill = i <= #colours and "solid 0.85" or ("pattern %d"):format(3 + (i - 1) // #colours)
  return ("%s fs %s border lc rgb '#333333'"):format(style.colour(i), fill)
end

function style.wash(i, opacity)
  return ("%s fs transparent solid %.2f noborder"):format(style.colour(i), opacity)
end

--- Draws bars from low to high as arrows with flat heads: gnuplot's own error bars (5.4) leave a
-- hole in the middle for a symbol, even if they have no symbol.
style.error_bars = "with vectors heads size graph 0.006,90 lt -1 lc rgb '#333333' lw 1.2 notitle"

--- Colours of viridis (S. van der Walt and N. Smith, 2015), whose lightness increases evenly.
style.palette = "defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', "
  .. "5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')"

--- Width in pixels that gnuplot reserves for a character.
style.character = 7.6

--- Pixels from one line of text to the next.
style.line_height = 16

function style.length(text)
  return utf8.len(text) or #text
end

local preamble = [[
reset
set encoding utf8
set clip two
set format '%g'
set border 3 lw 1 lc rgb '#333333'
set tics nomirror out scale 0.6]]

local graphic_preamble = preamble .. [[

set minussign
set grid back lt 1 lw 0.5 lc rgb '#dddddd']]

--- Returns the first gnuplot commands of every panel. Text terminals get no grid: its characters would hide the data.
function style.preamble(text_only)
  return text_only and preamble or graphic_preamble
end

return style
