--- XY: spectra in columns beside the axis.
local core = require "moonbow.core"
local csv = require "moonbow.spectra.writers.csv"
local texts = require "moonbow.spectra.writers.texts"

local xy = { suffixes = { "xy", "txt", "dat", "tsv" }, title = "XY" }

-- A name of a column, without what would separate or comment it.
local function cell(text, separator)
  return (texts.one_line(text):gsub("[\"#\t]", " "):gsub(separator:gsub("%p", "%%%0"), " "))
end

local function put_header(spectra, separator, put)
  local cells = { cell(texts.axis(spectra) or "x", separator) }
  for i, name in ipairs(spectra.names) do cells[i + 1] = cell(name, separator) end
  put(table.concat(cells, separator) .. "\n")
end

--- Puts the content of a file, as csv.write does.
function xy.write(spectra, options, put)
  texts.check_finite(spectra)
  local separator = options.separator or "\t"
  csv.put_comments(spectra, put)
  if #spectra == 1 then
    for _, name in ipairs(spectra.columns) do
      put(("# %s: %s\n"):format(cell(name, separator), texts.one_line(spectra.labels[name][1])))
    end
  end
  put_header(spectra, separator, put)
  local rows = core.transpose(core.reshape(spectra.x, #spectra, spectra.length), 1, 2)
  for t, value in ipairs(spectra.axis) do
    put(("%s%s%s\n"):format(texts.number(value), separator, core.numbers_text(core.row(rows, t), separator)))
  end
end

return xy
