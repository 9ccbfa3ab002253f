--- What the scripts in experiments/ share: options, progress, tables, results.json, figures.
local argparse = require "argparse"
local json = require "cjson"
local lfs = require "lfs"
local core = require "moonbow.core"

local experiment = {}

--- An argument parser with --quick, --seed, --seeds and --out DIR.
-- @param name of the script, and folder of its results below results/
function experiment.parser(name, description)
  local parser = argparse("lua experiments/" .. name .. ".lua", description)
  parser:flag("--quick", "a smaller run of at most a minute")
  parser:option("--seed", "first seed", "1"):convert(math.tointeger)
  parser:option("--seeds", "number of seeds"):convert(math.tointeger)
  parser:option("--out", "folder for results.json and figures", "results/" .. name)
  return parser
end

--- Prints a message and ends with exit code 1.
function experiment.fail(message)
  io.stderr:write(message, "\n")
  os.exit(1, true)
end

--- Mean and sample standard deviation (nil for fewer than two) of a list.
function experiment.spread(values)
  local sum, squares = 0, 0
  for _, value in ipairs(values) do sum = sum + value end
  local mean = sum / #values
  for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
  return mean, #values > 1 and math.sqrt(squares / (#values - 1)) or nil
end

--- "0.953 ± 0.012", or "0.953" where there is no spread.
function experiment.show_spread(values)
  local mean, sd = experiment.spread(values)
  return sd and ("%.3f ± %.3f"):format(mean, sd) or ("%.3f"):format(mean)
end

--- Prints rows of cells in aligned columns; the first row is the heading.
function experiment.table(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for c, cell in ipairs(row) do widths[c] = math.max(widths[c] or 0, utf8.len(tostring(cell))) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for c, cell in ipairs(row) do
      cell = tostring(cell)
      local blanks = (" "):rep(widths[c] - utf8.len(cell))
      cells[c] = c == 1 and cell .. blanks or blanks .. cell
    end
    print(table.concat(cells, "  "))
  end
end

local function make_folders(path)
  local made = path:sub(1, 1) == "/" and "/" or ""
  for part in path:gmatch "[^/]+" do
    made = made .. part .. "/"
    if not lfs.attributes(made, "mode") then
      local ok, err = lfs.mkdir(made)
      if not ok then return nil, ("%s: %s"):format(made, err) end
    end
  end
  return true
end

--- Writes results.json, with the machine's threads and the time, into the folder; then the figures, as SVG
-- and PNG. What cannot be drawn is said, and loses nothing else.
-- @param folder made where it is missing
-- @param results a table; see docs/results.md
-- @param figures { [name] = figure }
function experiment.save(folder, results, figures)
  local ok, err = make_folders(folder)
  if not ok then experiment.fail(err) end
  results.threads, results.written = core.get_threads(), os.date "!%Y-%m-%dT%H:%M:%SZ"
  local path = folder .. "/results.json"
  local file, why = io.open(path, "w")
  if not file then experiment.fail(why) end
  local written = file:write(json.encode(results), "\n")
  if not (file:close() and written) then experiment.fail(path .. ": could not be written") end
  print("wrote " .. path)
  for name, figure in pairs(figures or {}) do
    for _, format in ipairs { "svg", "png" } do
      local saved, reason = figure:save(("%s/%s.%s"):format(folder, name, format))
      print(saved and "wrote " .. saved or reason)
      if not saved then break end
    end
  end
end

return experiment
