--- Reads the random tables that random_tables.py wrote, and counts what is read equal, refused, or read as something
-- else: build/lua spec/support/random_tables.lua FOLDER [v]
local mb = require "moonbow"
local json = require "cjson"

local folder, verbose = arg[1], arg[2]

local function float(x) return (string.unpack("<f", string.pack("<f", x))) end

local function axis_differs(axis, expected)
  if #axis ~= #expected then return ("%d points, expected %d"):format(#axis, #expected) end
  for i, value in ipairs(expected) do
    if axis[i] ~= value then return ("axis[%d] = %.17g, expected %.17g"):format(i, axis[i], value) end
  end
end

local function labels_differ(set, table)
  for name, texts in pairs(table.labels) do
    for i, text in ipairs(texts) do
      local got = set.labels[name] and set.labels[name][i]
      if got ~= text then return ("label %s[%d] = %s, expected %s"):format(name, i, got, text) end
    end
  end
end

local function differs(set, table)
  local x, expected = set.x:totable(), table.values
  if #x ~= #expected then return ("%d spectra, expected %d"):format(#x, #expected) end
  local why = axis_differs(set.axis, table.axis) or labels_differ(set, table)
  if why then return why end
  for r, row in ipairs(expected) do
    for i, value in ipairs(row) do
      if x[r][i][1] ~= float(value) then return ("x[%d][%d] = %.9g, expected %.9g"):format(r, i, x[r][i][1], value) end
    end
  end
end

local function count_tables()
  local counts = { equal = 0, refused = 0, different = 0 }
  for _, table in ipairs(json.decode(assert(io.open(folder .. "/tables.json")):read "a")) do
    local set, err = mb.spectra.read(folder .. "/" .. table.file)
    local why = set and differs(set, table)
    local verdict = not set and "refused" or why and "different" or "equal"
    counts[verdict] = counts[verdict] + 1
    if verdict == "different" or verbose and verdict == "refused" then
      print(verdict, table.file, why or err, table.layout, table.writer, _G.table.concat(table.made, ", "))
    end
  end
  return counts
end

local counts = count_tables()
print(("%d equal, %d refused, %d read as something else"):format(counts.equal, counts.refused, counts.different))
os.exit(counts.different == 0)
