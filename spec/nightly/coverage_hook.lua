-- Writes the lines of lua/moonbow that a program ran to a file of its own below $COVERAGE_FOLDER; set as LUA_INIT.
local folder, root = os.getenv "COVERAGE_FOLDER", os.getenv "COVERAGE_ROOT"
local getinfo = debug.getinfo
local seen = {} -- [source][line]
local lines_of = setmetatable({}, { __mode = "k" }) -- by function, which is cheaper to look up than a source

local function hook(_, line)
  local f = getinfo(2, "f").func
  local lines = lines_of[f]
  if not lines then
    local source = getinfo(2, "S").source
    lines = seen[source] or {}
    seen[source], lines_of[f] = lines, lines
  end
  lines[line] = true
end

-- A hook belongs to one coroutine, so each new coroutine sets it.
local create = coroutine.create
function coroutine.create(f) -- luacheck: ignore
  local new = create(f)
  debug.sethook(new, hook, "l")
  return new
end
function coroutine.wrap(f) -- luacheck: ignore
  local new = coroutine.create(f)
  return function(...)
    local results = table.pack(coroutine.resume(new, ...))
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end
end

local function write()
  debug.sethook()
  local name = os.tmpname()
  local file = io.open(folder .. "/" .. name:match "[^/]+$" .. ".lines", "w")
  os.remove(name)
  if not file then return end
  for source, lines in pairs(seen) do
    local path = source:match "^@(.*)$"
    path = path and (path:gsub("^" .. root:gsub("%W", "%%%0") .. "/", ""))
    if path and path:find "^lua/moonbow" then
      for line in pairs(lines) do file:write(path, ":", line, "\n") end
    end
  end
  file:close()
end

local exit = os.exit
function os.exit(...) -- luacheck: ignore
  write()
  exit(...)
end
debug.getregistry().coverage = setmetatable({}, { __gc = write })
debug.sethook(hook, "l")
