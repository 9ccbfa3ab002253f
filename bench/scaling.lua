-- Measures how moonbow's times grow with points, spectra and threads, and how small they get.
-- docs/measurements/speed.md.
--   lua bench/scaling.lua [--sections linear,threads,small,operations,memory]
local here = arg[0]:match "^(.*/)" or "./"
package.path = here .. "?.lua;" .. package.path
local argparse = require "argparse"
local mb = require "moonbow"
local measure = require "measure"
local networks = require "networks"
local results = require "results"
local sections = require "sections"

local function list(text)
  local parts = {}
  for part in text:gmatch "[^,%s]+" do parts[#parts + 1] = part end
  return parts
end

local names = {}
for i, section in ipairs(sections) do names[i] = section.name end

local parser = argparse("lua bench/scaling.lua", "how moonbow's times grow: docs/measurements/speed.md")
parser:option("--sections", "which, with commas", table.concat(names, ",")):convert(list)
parser:option("--networks", "of threads and memory", table.concat(networks.names, ",")):convert(list)
parser:option("--threads", "number of threads, except in sections that vary it", "2"):convert(math.tointeger)
parser:option("--batch", "spectra in threads", "128"):convert(math.tointeger)
parser:option("--json", "file of results", "results/scaling.json")
parser:flag("--fresh", "forget earlier results")
local args = parser:parse()

mb.threads(args.threads)
mb.seed(1)
local store = results.open(args.json, args.fresh, { processor = measure.processor(), threads = args.threads })
for _, name in ipairs(args.sections) do
  local section
  for _, known in ipairs(sections) do
    if known.name == name then section = known end
  end
  if not section then
    io.stderr:write(("scaling: no section '%s'; known are %s\n"):format(name, table.concat(names, ", ")))
    os.exit(1, true)
  end
  store.cells[name] = section.measure(args, store.cells[name] or {})
  results.write(store)
  io.write(section.show(store.cells[name]), "\n\n")
end
