--- The files that a path, a folder, a glob or a list of them names.
local lfs = require "lfs"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local limits = require "moonbow.io.limits"

local find = {}

local DEEPEST = 32 -- folders within folders

-- Texts whose order is that of names as people sort them: scan2 before scan10, a folder before what follows its name.
local function sort_key(path)
  local key = path:gsub("%d+", function(digits)
    digits = digits:gsub("^0+", "")
    return ("%03d"):format(#digits) .. digits
  end)
  return key:gsub("/", "\0")
end

-- Sorts paths by names and numbers, in place.
local function sort(paths)
  local keys = {}
  for _, path in ipairs(paths) do keys[path] = sort_key(path) end
  table.sort(paths, function(a, b)
    if keys[a] ~= keys[b] then return keys[a] < keys[b] end
    return a < b
  end)
  return paths
end

local function mode_of(path) return lfs.attributes(path, "mode") end

-- Calls visit(name, path, mode) for what a folder holds, but hidden files. The first folder that cannot be listed is
-- files.failure, so that nothing is left out silently.
local function each_entry(files, folder, visit)
  interrupt.check()
  local ok, iterate, state = pcall(lfs.dir, folder == "" and "." or folder)
  if not ok then
    if mode_of(folder) then files.failure = files.failure or folder .. ": cannot be listed" end
    return
  end
  for name in iterate, state do
    if name:sub(1, 1) ~= "." then
      local path = folder .. name
      visit(name, path, mode_of(path))
    end
  end
end

-- Links to folders are not followed, so that no folder is met twice.
local function is_own_folder(path, mode)
  return mode == "directory" and lfs.symlinkattributes(path, "mode") == "directory"
end

-- True if the search ends here: in folders that are too deep, or after too many files.
local function is_too_much(files, folder, depth)
  if depth > DEEPEST then
    files.failure = files.failure or ("%s: more than %d folders within folders"):format(folder, DEEPEST)
  elseif #files > limits.entries then
    files.failure = files.failure or ("%s: more files than limits.entries = %d"):format(folder, limits.entries)
  end
  return files.failure ~= nil
end

-- Adds all files in a folder ("" or ending in "/") and below it.
local function add_below(files, folder, depth)
  if is_too_much(files, folder, depth) then return end
  each_entry(files, folder, function(_, path, mode)
    if mode == "file" then files[#files + 1] = path end
    if is_own_folder(path, mode) then add_below(files, path .. "/", depth + 1) end
  end)
end

local magic = "[*?%[]"

-- The Lua pattern of one part of a glob: * any text, ? one character, [a-c] one of these, [!a-c] none of these.
local function pattern_of(part)
  local pattern, i = "^", 1
  while i <= #part do
    local char = part:sub(i, i)
    local set = char == "[" and part:match("^%[[!^]?%]?[^%]]*%]", i)
    if set then
      local inner = set:sub(2, -2):gsub("^!", "^"):gsub("[%%%]%[]", "%%%0")
      pattern = pattern .. "[" .. inner .. "]"
    else
      pattern = pattern .. (char == "*" and ".*" or char == "?" and utf8.charpattern or char:gsub("%W", "%%%0"))
    end
    i = i + (set and #set or 1)
  end
  return pattern .. "$"
end

local function parts_of(glob)
  local parts = {}
  for part in glob:gmatch "[^/]+" do parts[#parts + 1] = part end
  return parts
end

-- Adds the files that parts[i], parts[i + 1], ... of a glob match in a folder.
local function add_matches(files, folder, parts, i, depth)
  local part, is_last = parts[i], i == #parts
  if part == "**" then
    if is_too_much(files, folder, depth) then return end
    if is_last then return add_below(files, folder, depth) end
    add_matches(files, folder, parts, i + 1, depth)
    return each_entry(files, folder, function(_, path, mode)
      if is_own_folder(path, mode) then add_matches(files, path .. "/", parts, i, depth + 1) end
    end)
  end
  if not part:find(magic) then
    local path = folder .. part
    if not is_last then return add_matches(files, path .. "/", parts, i + 1, depth) end
    if mode_of(path) == "file" then files[#files + 1] = path end
    return
  end
  local pattern = pattern_of(part)
  each_entry(files, folder, function(name, path, mode)
    if not name:find(pattern) then return end
    if is_last and mode == "file" then files[#files + 1] = path end
    if not is_last and mode == "directory" then add_matches(files, path .. "/", parts, i + 1, depth) end
  end)
end

local function of_glob(glob)
  local files = {}
  add_matches(files, glob:match "^/+" and "/" or "", parts_of(glob), 1, 0)
  if files.failure then return nil, check.printable(files.failure) end
  if #files == 0 then return nil, check.printable(glob) .. ": no file matches" end
  return sort(files)
end

local function of_folder(path)
  local files = {}
  add_below(files, (path:gsub("/*$", "/")), 0)
  if files.failure then return nil, check.printable(files.failure) end
  if #files == 0 then return nil, check.printable(path) .. ": no files are in this folder" end
  return sort(files)
end

-- A path that exists is never a glob, since names may hold brackets.
local function of_one(path)
  local mode = mode_of(path)
  if mode == "directory" then return of_folder(path) end
  if not mode and path:find(magic) then return of_glob(path) end
  return { path }
end

-- The same path for "a//b" and "./a/b".
local function plain(path) return (path:gsub("/+", "/"):gsub("^%./", "")) end

--- Returns the list of files that a path, a folder, a glob, or a list of these names, each once; or nil and a message.
-- Files of folders and globs are sorted by names and numbers.
-- @param except path of a file that is left out, or anything else
function find.files(given, except)
  local files, seen = {}, {}
  if type(except) == "string" then seen[plain(except)] = true end
  for _, path in ipairs(type(given) == "table" and given or { given }) do
    local some, err = of_one(path)
    if not some then return nil, err end
    for _, file in ipairs(some) do
      if not seen[plain(file)] then files[#files + 1], seen[plain(file)] = file, true end
    end
  end
  return files
end

return find
