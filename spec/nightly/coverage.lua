-- Prints the share of lines that the tests run, and a list of the others: of csrc from gcov's text, of lua/moonbow from
-- coverage_hook.lua. cmake/coverage.sh calls it.
--   lua spec/nightly/coverage.lua FOLDER LEAST_C LEAST_LUA
local folder, least_c, least_lua = arg[1], tonumber(arg[2]), tonumber(arg[3])
local lfs = require "lfs"

local covered = { csrc = {}, lua = {} } -- [part][file][line] = true if it was run

local function count(part, file, line, ran)
  local lines = covered[part][file] or {}
  covered[part][file] = lines
  lines[line] = lines[line] or ran
end

local function read_gcov(path)
  local source
  for text in io.lines(path) do
    source = text:match "^%s*%-:%s*0:Source:.-(csrc/[%w/_.]+)$" or source
    local hits, line = text:match "^%s*([^:]+):%s*(%d+):"
    if source and tonumber(line) > 0 and hits ~= "-" and not source:find "^csrc/test" then
      count("csrc", source, tonumber(line), not hits:find "[#=]")
    end
  end
end

-- Returns the lines that hold instructions, except those that only close a block, and without the preparation of "...",
-- for which Lua calls no hook.
local function read_compiled(path)
  local texts = {}
  for text in io.lines(path) do texts[#texts + 1] = text end
  local pipe = assert(io.popen(("luac5.4 -l -p '%s'"):format(path)))
  for text in pipe:lines() do
    local line = not text:find "\tVARARGPREP" and tonumber(text:match "^\t%d+\t%[(%d+)%]")
    local source = line and texts[line]
    if source and not source:find "^%s*[%s})%],]*e?n?d?[%s})%],]*$" and not source:find "^%s*else%s*$" then
      count("lua", path, line, false)
    end
  end
  pipe:close()
end

local function walk(path, read)
  for name in lfs.dir(path) do
    local inner = path .. "/" .. name
    if name:sub(1, 1) ~= "." then
      if lfs.attributes(inner, "mode") == "directory" then walk(inner, read) else read(inner) end
    end
  end
end

walk(folder, function(path) if path:find "%.gcov$" then read_gcov(path) end end)
walk("lua/moonbow", read_compiled)
walk(folder, function(path)
  if not path:find "%.lines$" then return end
  for text in io.lines(path) do
    local file, line = text:match "^(.+):(%d+)$"
    if covered.lua[file] and covered.lua[file][tonumber(line)] ~= nil then count("lua", file, tonumber(line), true) end
  end
end)

local function report(part, least)
  local total, ran, files = 0, 0, {}
  for file, lines in pairs(covered[part]) do
    local missed = {}
    for line, hit in pairs(lines) do
      total, ran = total + 1, ran + (hit and 1 or 0)
      if not hit then missed[#missed + 1] = line end
    end
    table.sort(missed)
    if #missed > 0 then files[#files + 1] = ("  %s: %s"):format(file, table.concat(missed, " ")) end
  end
  table.sort(files)
  local share = 100 * ran / math.max(1, total)
  print(table.concat(files, "\n"))
  print(("%s: %d of %d lines, %.2f %%, wanted %g %%"):format(part, ran, total, share, least))
  return share >= least
end

local c, lua = report("csrc", least_c), report("lua", least_lua)
os.exit(c and lua and 0 or 1)
