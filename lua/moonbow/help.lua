--- mb.help: the doc comment of a function, from the source.
local lfs = require "lfs"
local core = require "moonbow.core"
local check = require "moonbow.check"

local root = debug.getinfo(1, "S").source:match "^@(.*)help%.lua$"

local function lua_files(folder, files)
  for entry in lfs.dir(folder) do
    local path = folder .. entry
    if entry:sub(1, 1) ~= "." then
      if lfs.attributes(path, "mode") == "directory" then lua_files(path .. "/", files) end
      if entry:find "%.lua$" then files[#files + 1] = path end
    end
  end
  table.sort(files)
  return files
end

-- Whether a line of source defines a name.
local function defines(line, name)
  local plain = name:gsub("%W", "%%%0")
  return line:find("^function [%w_]+[.:]" .. plain .. "%f[^%w_]") or line:find("^[%w_]+%." .. plain .. "%f[^%w_].*=")
    or line:find("^local function " .. plain .. "%f[^%w_]") or line:find('^[%w_]+%("' .. plain .. '"')
    or line:find("^local " .. plain .. " = {}")
    or line:find("^methods%." .. plain .. "%f[^%w_]") or line:find('^in_place "' .. plain .. '"')
end

-- The comments that stand above definitions of the name in a file. Definitions that follow one another
-- share the comment above the first.
local function comments_in(path, name, found)
  local comment, is_open = {}, false
  for line in io.lines(path) do
    if line:find "^%s*%-%-%-" then comment, is_open = {}, true end
    if line:find "^%s*%-%-" and is_open then
      comment[#comment + 1] = line:gsub("^%s*%-%-%-? ?", "")
    else
      if #comment > 0 and defines(line, name) then found[#found + 1] = table.concat(comment, "\n") end
      is_open = false
      if not line:find "%S" then comment = {} end
    end
  end
end

local function name_of(value, where, depth)
  for key, entry in pairs(where) do
    if rawequal(entry, value) and type(key) == "string" then return key end
  end
  for _, entry in pairs(where) do
    local name = depth > 0 and type(entry) == "table" and name_of(value, entry, depth - 1)
    if name then return name end
  end
end

-- The file of moonbow's that a function is written in: names like fit are defined in several.
local function own_file(what)
  local source = type(what) == "function" and debug.getinfo(what, "S").source or ""
  return source:sub(2, #root + 1) == root and source:sub(2) or nil
end

--- Prints what the source says of a function, a layer, or a name: mb.help(mb.nn.Conv1d), mb.help "conv1d".
-- Returns nothing; says so where there is nothing to print.
return function(mb)
  return function(what)
    check.kind("help", "what", what, "string|function|table")
    local name = type(what) == "string" and what:match "[%w_]+$"
      or name_of(what, mb, 2) or name_of(what, core.tensor_methods, 0) or name_of(what, core.rng_methods, 0)
    local found, own = {}, own_file(what)
    if name and own then comments_in(own, name, found) end
    if name and #found == 0 then
      for _, path in ipairs(lua_files(root, {})) do comments_in(path, name, found) end
    end
    if #found == 0 then
      print(("no help on %s; try a function or its name, as in mb.help \"fit\""):format(name or tostring(what)))
    end
    for _, text in ipairs(found) do print(name .. ": " .. text) end
  end
end
