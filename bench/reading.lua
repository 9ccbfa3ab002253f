-- Compares the reading of text tables with pandas' read_csv: seconds in alternating pairs, each from a file in the page
-- cache to a tensor or a data frame, and the ratio of the medians.
--   build/lua bench/reading.lua [PYTHON]
-- PYTHON has pandas; without it, only moonbow is measured.
local mb = require "moonbow"
local clock = require "moonbow.clock"
local text_table = require "moonbow.text_table"

local PAIRS = 7

local function numbers(rng, count, form, decimal)
  local list = {}
  for i = 1, count do list[i] = form:format(rng:uniform(0, 1)):gsub("%.", decimal) end
  return list
end

-- Spectra in rows below a header; label(row) is the first cell of a row, and of the header with "sample".
local function write_labelled(file, rng, spectra, points, separator, decimal, label)
  local cells = {}
  for i = 1, points do cells[i] = ("%.1f"):format(400 + 0.5 * i):gsub("%.", decimal) end
  file:write(label "sample", table.concat(cells, separator), "\n")
  for row = 1, spectra do
    file:write(label("s" .. row), table.concat(numbers(rng, points, "%.6f", decimal), separator), "\n")
  end
end

local function write_rows(file, rng, spectra, points, separator, decimal)
  write_labelled(file, rng, spectra, points, separator, decimal, function(text) return text .. separator end)
end

local function write_bare_rows(file, rng, spectra, points, separator, decimal)
  write_labelled(file, rng, spectra, points, separator, decimal, function() return "" end)
end

-- Spectra in columns beside their axis.
local function write_columns(file, rng, spectra, points, separator, decimal)
  local names = {}
  for c = 1, spectra do names[c] = "s" .. c end
  file:write("wavenumber", separator, table.concat(names, separator), "\n")
  for i = 1, points do
    local axis = ("%.3f"):format(400 + 0.001 * i):gsub("%.", decimal)
    file:write(axis, separator, table.concat(numbers(rng, spectra, "%.7g", decimal), separator), "\n")
  end
end

local cases = {
  { "1000 spectra of 5000 points, commas", write_rows, 1000, 5000, ",", "." },
  { "1000 spectra of 5000 points without labels", write_bare_rows, 1000, 5000, ",", "." },
  { "1000 spectra of 2000 points, semicolons and decimal commas", write_rows, 1000, 2000, ";", "," },
  { "200 spectra of 5000 points in columns, tabs", write_columns, 200, 5000, "\t", "." },
  { "1 spectrum of 500000 points, x and y", write_columns, 1, 500000, ",", "." },
}

local function write(case)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  case[2](file, mb.rng(1), table.unpack(case, 3))
  return path
end

local function read_ours(path)
  collectgarbage()
  local begin = clock()
  assert(mb.spectra.read(path))
  return clock() - begin
end

local function read_theirs(python, path, case)
  local pipe = io.popen(("'%s' bench/reading_pandas.py '%s' '%s' '%s' 2>/dev/null"):format(python, path, case[5],
    case[6]))
  local seconds = tonumber(pipe:read "l")
  pipe:close()
  return seconds
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local function measure(case)
  local path, ours, theirs = write(case), {}, {}
  read_ours(path)
  for pair = 1, PAIRS do
    theirs[#theirs + 1] = read_theirs(arg[1] or "python3", path, case)
    ours[pair] = read_ours(path)
  end
  local megabytes = require "lfs".attributes(path, "size") / 1e6
  os.remove(path)
  local a, b = median(ours), median(theirs)
  return { case[1], ("%.1f"):format(megabytes), ("%.3f"):format(a), b and ("%.3f"):format(b) or "",
    b and ("%.2f"):format(b / a) or "" }
end

local lines = { { "table", "MB", "moonbow s", "pandas s", "pandas / moonbow" } }
for i, case in ipairs(cases) do lines[i + 1] = measure(case) end
print(text_table.format(lines))
