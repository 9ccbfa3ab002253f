-- The libraries that moonbow needs are those of docs/dependencies.md; it loads without any other.
local interpreter = require "support.interpreter"

local MODULES = { ["argparse"] = "argparse", ["lua-filesystem"] = "lfs", ["luv"] = "luv", ["zlib"] = "zlib" }

local CODE = [[
  for name in ("lxp readline luasql.sqlite3 moonbow.hdf5 moonbow.crystal"):gmatch "%S+" do
    package.preload[name] = function() error(name .. " is missing") end
  end
  local own = {}
  for name in pairs(package.loaded) do own[name] = true end
  require "moonbow"
  for name in pairs(package.loaded) do
    if not own[name] and not name:find "^moonbow" then print(name) end
  end
]]

local function sorted(names)
  table.sort(names)
  return names
end

it("require needs the Lua libraries that are documented as needed, and no others", function()
  local documented, loaded = {}, {}
  for line in io.lines "docs/dependencies.md" do
    local name = line:match "^| ([%w-]+)[^|]*|[^|]+| needed |"
    if MODULES[name] then documented[#documented + 1] = MODULES[name] end
  end
  local pipe <close> = io.popen(("%s -e '%s'"):format(interpreter, CODE))
  for name in pipe:lines() do loaded[#loaded + 1] = name end
  assert.same({ "argparse", "lfs", "luv", "zlib" }, sorted(documented))
  assert.same(documented, sorted(loaded))
end)

it("the rock asks for the Lua libraries that are needed", function()
  local rock = {}
  local pipe <close> = io.popen "cat rockspec/*.rockspec"
  load(pipe:read "a", "rockspec", "t", rock)()
  assert.same({ "argparse", "lua >= 5.4, < 5.5", "lua-zlib", "luafilesystem", "luv" }, sorted(rock.dependencies))
end)
