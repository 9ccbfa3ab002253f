--- Shared by panels with two axes: options, series, and the gnuplot commands around the data.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local gnuplot = require "moonbow.plot.gnuplot"
local legend = require "moonbow.plot.legend"
local marks = require "moonbow.plot.marks"
local style = require "moonbow.plot.style"

local panel = {}

local MARGINS = 90 -- pixels beside the axes

local common_rules = {
  title = check.optional "string", x_label = check.optional "string", y_label = check.optional "string",
  legend = check.default("auto", "string|boolean"), marks = {},
  y_range = check.optional "table",
  width = check.default(640, "positive integer"), height = check.default(420, "positive integer"),
}

--- Returns the defaults of a panel's options.
-- @param own_rules, entry_rules rules of options for the whole panel, and for each of its series
function panel.rules(own_rules, entry_rules)
  local rules = {}
  for _, some in ipairs { common_rules, entry_rules, own_rules } do
    for name, rule in pairs(some) do rules[name] = rule end
  end
  rules.series = check.optional("table", entry_rules)
  return rules
end

--- Returns the checked options of a panel.
-- @param rules from panel.rules
function panel.options(operation, given, rules)
  local options = check.options(operation, given, rules)
  options.marks = marks.check(operation, options.marks)
  options.legend = legend.check(operation, options.legend)
  options.fixed_width = given ~= nil and given.width ~= nil
  return options
end

--- Returns the entries of the option series, or the one that the options themselves give; options that an entry lacks
-- are taken from the panel's.
-- @param key the data that each entry must have
-- @return list of entries, each with where, the name for messages about it
function panel.entries(operation, options, key, entry_rules)
  local series = options.series
  if (series == nil) == (options[key] == nil) then
    check.fail(operation, "expected either series or %s, got %s", key, series and "both" or "neither")
  end
  if series then check.list(operation, "series", series) end
  if series and #series == 0 then check.fail(operation, "series: expected at least one, got none") end
  local entries = {}
  for i, given in ipairs(series or { {} }) do
    local where = series and ("%s series %d"):format(operation, i) or operation
    local entry = check.options(where, given, entry_rules)
    for name in pairs(entry_rules) do
      if entry[name] == nil then entry[name] = options[name] end
    end
    if entry[key] == nil then check.fail(where, "%s is missing", key) end
    entry.where, entries[i] = where, entry
  end
  return entries
end

function panel.title(label)
  return label and "title " .. gnuplot.line(label) or "notitle"
end

--- A panel for figure.lua.
-- @param p {kind=, options=, x=, y= (axes), labels= (list of legend texts), shapes= (list of curves
-- for legend.place), series= (number of series), data=}: data(text_only) returns settings (may be ""),
-- a list of data blocks and a list of plot elements
function panel.new(p)
  local options = p.options
  table.move(marks.curves(options.marks, p.x, p.y), 1, #options.marks, #p.shapes + 1, p.shapes)
  local place, outside = legend.place(options, p.labels, p.shapes)
  local least = legend.least_width(outside, options.width)
  local width = options.fixed_width and legend.width("plot." .. p.kind, options.width, least) or options.width + outside
  options.width = width - outside -- of the plot, from here on
  local function draw(text_only, margins)
    local settings, blocks, elements = p.data(text_only)
    return table.concat({
      style.preamble(text_only), axes.commands(p.x, not text_only and options.width - MARGINS), axes.commands(p.y),
      marks.commands(options.marks, p.x, p.y),
      options.title and "set title " .. gnuplot.label(options.title) or "unset title",
      legend.command(place, text_only), settings, margins or "",
      table.concat(blocks, "\n"), "plot " .. table.concat(elements, ", \\\n  "),
    }, "\n")
  end
  return {
    kind = p.kind, title = options.title, series = p.series, draw = draw,
    width = width, height = options.height, least_width = least,
  }
end

return panel
