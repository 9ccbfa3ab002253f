-- Compares the data sets of Schuetzke et al. with the published NumPy and SciPy code (bench/published.py): the
-- ratio of speeds on one core; with --check, checks that whole arrays and NumPy's files agree. lua
-- bench/data_generation.lua [--python PYTHON] [--rounds N] [--check]
local argparse = require "argparse"
local lfs = require "lfs"
local clock = require "moonbow.clock"
local mb = require "moonbow"

local parser = argparse("lua bench/data_generation.lua", "mb.data.universal beside NumPy and SciPy")
parser:option("--python", "a Python with NumPy and SciPy", "python3")
parser:option("--rounds", "rounds of each; the best counts", "3"):convert(math.tointeger)
parser:flag("--check", "compare whole arrays, and NumPy's files both ways, instead")
local args = parser:parse()

local script = arg[0]:gsub("[^/]*$", "published.py")
local measure = dofile((arg[0]:gsub("[^/]*$", "measure.lua")))

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function python(...)
  local words = { quote(args.python), quote(script) }
  for _, word in ipairs { ... } do words[#words + 1] = quote(tostring(word)) end
  local pipe = assert(io.popen("OPENBLAS_NUM_THREADS=1 " .. table.concat(words, " ")))
  local output = pipe:read "a"
  if not pipe:close() then
    io.stderr:write(output, "bench/published.py failed; --python names a Python with NumPy and SciPy\n")
    os.exit(1, true)
  end
  return output
end

local function seconds_of_ours()
  local best = math.huge
  for _ = 1, args.rounds do
    local begin = clock()
    local set = mb.data.universal {}
    best = math.min(best, (clock() - begin))
    for _, name in ipairs { "train", "validation", "test" } do set[name].x:close() end
    mb.release_memory()
  end
  return best
end

local function time()
  mb.threads(1)
  local theirs = math.huge
  for line in python("time", args.rounds):gmatch "[^\n]+" do
    theirs = math.min(theirs, assert(tonumber(line)))
  end
  local ours = seconds_of_ours()
  print(("%s, one core; 34,500 spectra of 5000 points, best of %d"):format(measure.processor(), args.rounds))
  print(("NumPy and SciPy %6.2f s   moonbow %6.3f s   ratio %.1f"):format(theirs, ours, theirs / ours))
end

local function check_set(folder, name)
  io.write(python("save", name, folder))
  local set, differing = mb.data[name] {}, 0
  for _, part in ipairs { "train", "validation", "test" } do
    if set[part] then
      local expected = assert(mb.load_npy(("%s/%s.npy"):format(folder, part)))
      local x = set[part].x:reshape(set[part].x:size(1), set[part].x:size(2))
      local count = x:ne(expected):sum():item()
      print(("%s %s: %d of %d numbers differ%s"):format(name, part, count, x:count(),
        count > 0 and (", at most %g"):format((x - expected):abs():max():item()) or ""))
      differing = differing + count
      if name == "verification" then
        local y = assert(mb.load_npy(("%s/%s_y.npy"):format(folder, part)))
        differing = differing + set[part].y:ne(y + 1):sum():item()
      end
    end
  end
  return differing
end

local function check_files(folder)
  python("files", folder)
  lfs.mkdir(folder .. "/back")
  for file in lfs.dir(folder) do
    local from, to = folder .. "/" .. file, folder .. "/back/" .. file
    if file:match "_%a+%.npy$" then
      local x, about = assert(mb.load_npy(from))
      assert(mb.save_npy(x, to, { type = about.type }))
    elseif file:match "%.npz$" then
      local arrays, about = assert(mb.load_npz(from))
      local types = {}
      for name, entry in pairs(about) do types[name] = entry.type end
      assert(mb.save_npz(arrays, to, { type = types, compress = file == "packed.npz" }))
    end
  end
  io.write(python("compare", folder))
end

local function check_all()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local ok, err = pcall(function()
    check_files(folder)
    return check_set(folder, "challenge") + check_set(folder, "universal") + check_set(folder, "verification")
  end)
  os.execute("rm -r " .. quote(folder))
  if not ok then error(err, 0) end
  print(err == 0 and "everything agrees" or err .. " numbers differ")
  os.exit(err == 0, true)
end

if args.check then check_all() else time() end
