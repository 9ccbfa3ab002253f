--- Tab completion inside quotes: names of values, topics of help, keys, steps, and files.
local lfs = require "lfs"
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local members = require "moonbow.prompt.members"
local options = require "moonbow.prompt.options"
local scan = require "moonbow.prompt.scan"
local estimators = require "moonbow.pipeline.estimators"

local MOST_FILES = 2000 -- entries of a folder that are looked at
local MOST_TOLD = 100 -- paths that are told apart as files and folders
local UNSAFE = "[%c\"'\\]" -- needs an escape between quotes

local models = check.sorted_keys(estimators)

local strings = {}

--- Files and folders whose paths begin so; a folder ends in "/".
local function files(prefix)
  local folder, name = prefix:match "^(.*/)([^/]*)$"
  folder, name = folder or "", name or prefix
  local found, count = {}, 0
  local ok, next_entry, entries = pcall(lfs.dir, folder == "" and "." or folder)
  if not ok then return found end
  for entry in next_entry, entries do
    count = count + 1
    if count > MOST_FILES then break end
    local is_shown = name ~= "" or entry:sub(1, 1) ~= "."
    if is_shown and entry ~= "." and entry ~= ".." and entry:sub(1, #name) == name and not entry:find(UNSAFE) then
      found[#found + 1] = folder .. entry
    end
  end
  if #found > MOST_TOLD then return found end
  for i, path in ipairs(found) do
    if lfs.attributes(path, "mode") == "directory" then found[i] = path .. "/" end
  end
  return found
end

local function keys_of(value)
  local keys = {}
  members.each(type(value) == "table" and value or {}, function(key)
    if type(key) == "string" and not key:find(UNSAFE) then keys[#keys + 1] = key end
  end)
  return keys
end

-- Names of functions, also behind that of the table in which they are: "fit" and "xrd.fit".
local function add_names(names, functions, depth, table_name)
  for key, value in next, functions do
    if type(key) == "string" and key:sub(1, 1) ~= "_" then
      names[key] = true
      if table_name then names[table_name .. "." .. key] = true end
      if depth > 0 and type(value) == "table" then add_names(names, value, depth - 1, key) end
    end
  end
end

-- The names that mb.help takes.
local function topics(mb)
  local names = {}
  add_names(names, mb, 1)
  add_names(names, core.tensor_methods, 0)
  add_names(names, core.rng_methods, 0)
  return keys_of(names)
end

-- The names of steps, and of models behind them, in the list that a function takes first; nil in other brackets.
local function steps(open, mb)
  for _, bracket in ipairs(open) do
    local is_first = bracket.byte == "{" or bracket.argument == 1
    local f = bracket.callee and is_first and options.callee(bracket.callee)
    if f == counted.original(mb.preprocess.fit) then return mb.preprocess.names end
    if f == counted.original(mb.pipeline) or f == counted.original(mb.cross_validate)
      or f == counted.original(mb.compare) then
      return table.move(mb.preprocess.names, 1, #mb.preprocess.names, #models + 1, { table.unpack(models) })
    end
  end
end

-- The names that can stand in a string that begins behind `text`; nil if nothing is known of it.
local function known(text, open, mb)
  local bracket = open[#open]
  local chain = scan.chain(text) or bracket and bracket.callee
  local f = chain and options.callee(chain)
  if f == counted.original(mb.help) then return topics(mb) end
  if bracket and bracket.byte == "[" then return keys_of((members.resolve(bracket.callee))) end
  local name, option = options.of_value(text, open)
  if name then return options.values(name, option) end
  local entries = options.entries(text, open)
  if entries then return entries end
  return steps(open, mb)
end

--- The completions of a string that begins with `prefix`.
-- @param text before the quote
-- @return list of strings, and true if they are paths
function strings.candidates(text, prefix, open, mb)
  local names = known(text, open, mb)
  if not names then return files(prefix), true end
  local found = {}
  for _, name in ipairs(names) do
    if name:sub(1, #prefix) == prefix then found[#found + 1] = name end
  end
  return found, false
end

return strings
