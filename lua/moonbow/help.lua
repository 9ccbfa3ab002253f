--- mb.help: the doc comment of a function, from the source.
local lfs = require "lfs"
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local elementwise = require "moonbow.elementwise"

local root = debug.getinfo(1, "S").source:match "^@(.*)help%.lua$"

local function add_lua_files(folder, files)
  if lfs.attributes(folder, "mode") ~= "directory" then return end
  for entry in lfs.dir(folder) do
    local path = folder .. entry
    if entry:sub(1, 1) ~= "." then
      if lfs.attributes(path, "mode") == "directory" then add_lua_files(path .. "/", files) end
      if entry:find "%.lua$" then files[#files + 1] = path end
    end
  end
  table.sort(files)
end

-- The files of the module that "nn" of mb.nn stands for: nn.lua and the folder nn; all files for "".
local function files_of(module)
  local files = {}
  if lfs.attributes(root .. module .. ".lua") then files[1] = root .. module .. ".lua" end
  add_lua_files(root .. (module == "" and "" or module .. "/"), files)
  return files
end

-- True if a statement, of which this is the first line or the head, defines a name.
local function defines(line, name)
  local plain = name:gsub("%W", "%%%0")
  return line:find("^%s*function [%w_.]+[.:]" .. plain .. "%f[^%w_]")
    or line:find("^%s*local function " .. plain .. "%f[^%w_]") or line:find("^local " .. plain .. " = {}")
    or line:find("^[%w_., ]*%." .. plain .. "%f[^%w_][%w_., ]*=[^=]") or line:find('^[%w_]+ ?%(?"' .. plain .. '"')
    or line:find("^for [%w_, ]+ in .*%f[%w_]" .. plain .. "%f[^%w_]")
end

-- Calls f(comment, statement, line) for every statement that has a doc comment above it, or above the statements right
-- before it; line is its number where the comment is right above. A statement is a line, or the head of a loop.
local function each_documented(path, f)
  local comment, is_open, head, number = {}, false, "", 0
  for line in io.lines(path) do
    number = number + 1
    if line:find "^%s*%-%-%-" then comment, is_open = {}, true end
    if line:find "^%s*%-%-" then
      if is_open then comment[#comment + 1] = line:gsub("^%s*%-%-%-? ?", "") end
    else
      if not line:find "%S" then comment = {} end
      head = head .. line
      if not head:find "^for " or head:find "%f[%w]do%f[%W]" then
        if #comment > 0 then f(table.concat(comment, "\n"), head, is_open and number) end
        head, is_open = "", false
      end
    end
  end
end

local function comments_on(name, files)
  local found = {}
  for _, path in ipairs(files) do
    each_documented(path, function(comment, statement)
      if defines(statement, name) then found[#found + 1] = comment end
    end)
  end
  if #found == 0 then found[1] = elementwise.help(name) end
  return found
end

-- The comment right above the line on which a function of moonbow's own begins, and the name there.
local function comment_above(f)
  local info = debug.getinfo(f, "S")
  local path = info.source:sub(2)
  if path:sub(1, #root) ~= root then return {} end
  local found = {}
  each_documented(path, function(comment, statement, number)
    if number == info.linedefined then found = { comment, name = statement:match "function [%w_.]-([%w_]+)%s*%(" } end
  end)
  return found, path
end

-- The key of a value among those in a table, or in the tables inside it, and the module that it stands in.
local function place_in(value, where, module, depth)
  for key, entry in pairs(where) do
    if rawequal(entry, value) and type(key) == "string" then return key, module end
  end
  for key, entry in pairs(where) do
    if depth > 0 and type(entry) == "table" and not getmetatable(entry) then
      local name, inner = place_in(value, entry, module == "init" and key or module, depth - 1)
      if name then return name, inner end
    end
  end
end

-- The name of a function or table, and what is said of it: in the module in which it is public, else where it is
-- written. Never what is said of another of that name.
local function comments_of_value(mb, what)
  local name, module = place_in(what, mb, "init", 2)
  if not name then name, module = place_in(what, core.tensor_methods, "tensor", 0) end
  if not name then name, module = place_in(what, core.rng_methods, "random", 0) end
  if type(what) ~= "function" then return name or tostring(what), name and comments_on(name, files_of(module)) or {} end
  local above, own = comment_above(counted.original(what))
  if #above > 0 then return name or above.name or "function", above end
  local found = name and comments_on(name, files_of(module)) or {}
  if #found == 0 and name and own then found = comments_on(name, { own }) end
  return name or tostring(what), found
end

return function(mb)
  --- Prints what the source says of a function, a layer, or a name: mb.help(mb.nn.Conv1d), mb.help "conv1d".
  -- On a name, of all that have it. Returns nothing; says so where there is nothing to print.
  return function(what)
    check.kind("help", "what", what, "string|function|table")
    local name, found
    if type(what) == "string" then
      name = what:match "[%w_]+$" or what
      found = comments_on(name, files_of "")
    else
      name, found = comments_of_value(mb, what)
    end
    if #found == 0 then print(("no help on %s; try a function or its name, as in mb.help \"fit\""):format(name)) end
    for _, text in ipairs(found) do print(name .. ": " .. text) end
  end
end
