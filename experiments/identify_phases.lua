-- The phases of measured powder patterns, found among the structures of CIF files and refined: a table, figures, a
-- report, and results.json.
local argparse = require "argparse"
local lfs = require "lfs"
local mb = require "moonbow"
local experiment = require "moonbow.experiment"
local files = require "moonbow.io.files"
local interrupt = require "moonbow.interrupt"
local output = require "moonbow.experiment.output"
local find = require "moonbow.spectra.find"
local report = require "moonbow.xrd.report"
local scan = require "moonbow.xrd.scan"

local fail = experiment.fail

-- "Cu", "CuKa1" or a wavelength.
local function radiation(text) return tonumber(text) or text end

local function number(option, kind) return experiment.number("identify_phases", option, kind or "finite") end

local parser = argparse("lua experiments/identify_phases.lua", "Finds phases in powder patterns.")
parser:argument("patterns", "files, folders or globs of powder patterns, of any format in docs/spectra.md"):args "+"
parser:option("--candidates", "CIF files, or folders of them"):args "+":count "1"
parser:option("--radiation", "Cu, CuKa1, Co, ... or a wavelength in angstrom (default: what the files state)")
  :convert(radiation)
parser:option("--method", "fit, network (trained on simulated patterns of the candidates) or both", "fit")
  :choices { "fit", "network", "both" }
parser:option("--epochs", "of the network, as published", "50")
  :convert(number("--epochs", "positive integer"))
parser:option("--n", "patterns of each candidate to train it on", "50"):convert(number("--n", "positive integer"))
parser:option("--confidence", "share of a network's votes that a phase needs, as the authors' program has it", "0.5")
  :convert(number "--confidence")
parser:option("--seed", "of these and of the network", "1"):convert(number("--seed", "non-negative integer"))
parser:option("--worth", "share of the squared residual beyond noise by which it must rise without a phase")
  :convert(number "--worth")
parser:option("--most", "phases in a pattern"):convert(number("--most", "positive integer"))
parser:option("--strain", "most that a length of a cell may change, as a share"):convert(number "--strain")
parser:option("--B", "displacement (square angstrom) of sites without one"):convert(number "--B")
parser:option("--crop", "LOW HIGH: the range of the axis to use"):args(2):convert(number "--crop")
parser:option("--out", "folder for report, figures and results.json", experiment.folder "identify_phases")
local args = experiment.parse(parser)
if args.method == "fit" then
  output.refuse("identify_phases", { "--epochs", "--n", "--confidence", "--seed" }, "--method network or both")
elseif args.method == "network" then
  output.refuse("identify_phases", { "--worth" }, "--method fit or both")
end

-- The CIF files of paths, which may be folders.
local function cif_files(paths)
  local list = {}
  for _, path in ipairs(paths) do
    if lfs.attributes(path, "mode") == "directory" then
      for name in lfs.dir(path) do
        if name:lower():find "%.cif$" then list[#list + 1] = path .. "/" .. name end
      end
    else
      list[#list + 1] = path
    end
  end
  table.sort(list)
  if #list == 0 then fail(table.concat(paths, ", ") .. ": there are no CIF files") end
  return list
end

-- Crystals by the names of their files, with what was interpreted; those that cannot be read are named and left out.
local function read_candidates()
  local list = {}
  for _, path in ipairs(cif_files(args.candidates)) do
    local crystal, err = mb.xrd.read(path)
    if crystal then
      crystal.name = path:match "([^/]*)%.[^.]*$" or path
      list[#list + 1] = crystal
      for _, note in ipairs(crystal.notes) do io.stderr:write(crystal.name, ": ", note, "\n") end
    else
      io.stderr:write("left out: ", err, "\n")
    end
  end
  if #list == 0 then fail "no candidate could be read" end
  return list
end

-- The patterns of all files, which may have different axes: list of sets of one spectrum.
local function read_patterns()
  local paths, err = find.files(args.patterns)
  if not paths then fail(err) end
  local list = {}
  for _, path in ipairs(paths) do
    local set, why = mb.spectra.read(path)
    if set and args.crop then set = set:crop(table.unpack(args.crop)) end
    if not set then io.stderr:write("left out: ", why, "\n") end
    for i = 1, set and #set or 0 do list[#list + 1] = set[i] end
  end
  if #list == 0 then fail "no pattern could be read" end
  return list
end

-- The name of a pattern's file, and the pattern's own if it has another.
local function title_of(pattern)
  local file, name = pattern.sources[1]:match "[^/]*$", pattern.names[1]
  return name == file and file or ("%s: %s"):format(file, name)
end

-- The network, trained on the range that all patterns have.
local function train(patterns, candidates)
  local first, last = 0, 180
  for _, pattern in ipairs(patterns) do
    if pattern.axis_name and pattern.axis_name ~= "2theta" then
      fail(("%s: a network needs an axis 2theta, it has %s"):format(title_of(pattern), pattern.axis_name))
    end
    local low, high = pattern.axis[1], pattern.axis[#pattern.axis]
    first, last = math.max(first, math.min(low, high)), math.min(last, math.max(low, high))
  end
  if last <= first then fail "the patterns have no range in common" end
  return assert(mb.xrd.train(candidates, { radiation = scan.radiation("identify_phases", patterns[1], args.radiation),
    epochs = args.epochs, seed = args.seed, set = { grid = { first = first, last = last, points = 4501 }, n = args.n,
      strain = args.strain, B = args.B } }))
end

-- What is asked: { name of the method, candidates or network }.
local function ways(patterns, candidates)
  local list = {}
  if args.method ~= "network" then list[1] = { "fit", candidates } end
  if args.method ~= "fit" then list[#list + 1] = { "network", train(patterns, candidates) } end
  return list
end

local function identify(pattern, way)
  local options = {}
  for _, name in ipairs { "radiation", "worth", "most", "strain", "B", "confidence" } do options[name] = args[name] end
  local ok, mixture = pcall(mb.xrd.identify, pattern, way, options)
  if ok then return mixture end
  io.stderr:write(("left out: %s: %s\n"):format(pattern.sources[1], output.reason(mixture, identify)))
end

local function run()
  local _ <close> = interrupt.catch("identify_phases", function() return "nothing was written" end)
  local patterns, candidates = read_patterns(), read_candidates()
  experiment.prepare(args.out)
  local found, records, drawn, asked = {}, {}, {}, ways(patterns, candidates)
  for _, pattern in ipairs(patterns) do
    for _, way in ipairs(asked) do
      local mixture = identify(pattern, way[2])
      if mixture then
        local title = title_of(pattern) .. (#asked > 1 and ", by " .. way[1] or "")
        print(("%s\n%s\n"):format(title, mixture))
        found[#found + 1] = { name = title, mixture = mixture }
        local record = mixture:record()
        record.pattern, record.file = pattern.names[1], pattern.sources[1]
        records[#found], drawn["pattern_" .. #found] = record, mixture:plot()
      end
    end
  end
  if #found == 0 then fail "no pattern could be identified" end
  experiment.save(args.out, { patterns = records }, drawn)
  local path = args.out .. "/report.html"
  local ok, err = files.write(path, report(found, output.command()))
  if not ok then fail(err) end
  print("wrote " .. path)
end

output.run(run)
