-- Hands data sets to a Python script with scikit-learn, and reads its answer.
local json = require "cjson"
local lfs = require "lfs"
local files = require "moonbow.io.files"

local function integers(tensor)
  local list = tensor:totable()
  for i, value in ipairs(list) do list[i] = math.tointeger(value) end
  return list
end

local function describe(set)
  local splits = {}
  for s, split in ipairs(set.splits) do
    splits[s] = { train = integers(split.train), test = integers(split.test) }
  end
  return { name = set.name, y = integers(set.y), splits = splits }
end

--- Returns the output of `PYTHON SCRIPT FOLDER` as a table; or nil and the reason. FOLDER holds NAME.f32 of each set,
-- and sets.json: the settings, and sets, a list of { name, y, splits }.
return function(python, script, sets, settings)
  local folder, names = os.tmpname(), { "sets.json" }
  os.remove(folder)
  assert(lfs.mkdir(folder))
  settings.sets = {}
  for i, set in ipairs(sets) do
    settings.sets[i] = describe(set)
    names[#names + 1] = set.name .. ".f32"
    assert(files.write(folder .. "/" .. set.name .. ".f32", set.x:tobytes()))
  end
  assert(files.write(folder .. "/sets.json", json.encode(settings)))
  local pipe = io.popen(("'%s' '%s' '%s'"):format(python, script, folder))
  local answer = pipe:read "a"
  local ok = pipe:close()
  for _, name in ipairs(names) do os.remove(folder .. "/" .. name) end
  lfs.rmdir(folder)
  if not ok then return nil, python .. " cannot run scikit-learn; only moonbow is measured" end
  return json.decode(answer)
end
