--- The doc comments of the source: what each stands on, and its parts.
--
-- A doc comment begins with three dashes and is on the statement right below it. Its text, in paragraphs, with code
-- indented by four blanks, comes first. Then tags, whose text may go on in further lines:
--
--     @param name type text    an argument; name? if it may be left out; types as in LuaCATS, without blanks
--     @option name text        what is in the table of options; kind and default come from check.takes
--     @field name type text    what objects of a class hold
--     @return type text        a result
--     @usage code
--     @see path                what is related; its options hold here, too
--     @name name, name         what it is on, if no statement below says so
--     @class name              on the objects of a class
local lfs = require "lfs"

local source = {}

--- The folder of the module, as in the name of its chunks without the @.
source.root = debug.getinfo(1, "S").source:match "^@(.*)help/source%.lua$"

local function add_lua_files(folder, files)
  for entry in lfs.dir(folder) do
    local path = folder .. entry
    if entry:sub(1, 1) ~= "." then
      if lfs.attributes(path, "mode") == "directory" then add_lua_files(path .. "/", files) end
      if entry:find "%.lua$" then files[#files + 1] = path end
    end
  end
  return files
end

local patterns = {
  "^%s*function [%w_.]+[.:]([%w_]+)%s*%(", "^local function ([%w_]+)%s*%(", "^[%w_]+%.([%w_]+) = ",
  '^[%w_]+ ?%(?"([%w_]+)"', "^  ([%w_]+) = ",
}

-- The name that a statement defines, by its first line.
local function name_in(statement)
  for _, pattern in ipairs(patterns) do
    local name = statement:match(pattern)
    if name then return name end
  end
end

local readers = {}

local function read_typed(list, text, parts)
  local name, mark, kind, more = text:match "^([%w_.]+)(%??)%s+(%S+)%s*(.*)$"
  parts[list] = parts[list] or {}
  table.insert(parts[list], { name = name or text, optional = mark == "?", type = kind or "any", text = more or "" })
end

function readers.param(text, parts) read_typed("params", text, parts) end
function readers.field(text, parts) read_typed("fields", text, parts) end
readers["return"] = function(text, parts)
  local kind, more = text:match "^(%S+)%s*(.*)$"
  table.insert(parts.returns, { type = kind, text = more })
end
function readers.option(text, parts)
  local name, more = text:match "^([%w_.]+)%s*(.*)$"
  if name then parts.options[name] = more end
end
function readers.see(text, parts)
  for path in text:gmatch "[^%s,]+" do table.insert(parts.see, path) end
end
function readers.usage(text, parts) parts.usage = text:gsub("^\n", "") end

--- The parts of a comment, given as a list of lines without dashes: { text, params, fields, options (text by name),
-- returns, usage, see }.
function source.parts(lines)
  local parts, text, tag, words = { options = {}, returns = {}, params = {}, see = {} }, {}, nil, nil
  local function finish()
    if tag and readers[tag] then readers[tag](table.concat(words, tag == "usage" and "\n" or " "), parts) end
  end
  for _, line in ipairs(lines) do
    local next_tag, rest = line:match "^@(%a+)%s*(.*)$"
    if next_tag then
      finish()
      tag, words = next_tag, { rest }
    elseif tag then
      words[#words + 1] = tag == "usage" and line or line:match "^%s*(.*)$"
    else
      text[#text + 1] = line
    end
  end
  finish()
  parts.text = table.concat(text, "\n"):gsub("%s+$", "")
  return parts
end

-- What a comment is on: the names of a tag, else that of the statement below.
local function names_of(lines, statement)
  local names = {}
  for _, line in ipairs(lines) do
    for name in (line:match "^@name (.*)" or ""):gmatch "[%w_]+" do names[name] = true end
    names[line:match "^@(class %w+)" or 0] = true
  end
  names[0] = nil
  if not next(names) then names[name_in(statement) or false] = true end
  return names
end

-- Lists the comments of a file.
local function read_file(path, found)
  local file, lines, number, first = path:sub(#source.root + 1), nil, 0, nil
  for line in io.lines(path) do
    number = number + 1
    if line:find "^%s*%-%-%-" then lines, first = {}, number end
    if lines and line:find "^%s*%-%-" then
      lines[#lines + 1] = line:gsub("^%s*%-%-%-? ?", "")
    elseif lines then
      found[#found + 1] = { lines = lines, names = names_of(lines, line), line = number, file = file,
        is_header = first == 1 }
      lines = nil
    end
  end
end

--- All comments of the module, in the order of files and lines: { lines, names (of what it is on, as a set), line (of
-- the statement below), file (within the module), is_header (true if it is on the file) }.
function source.read()
  local files, found = add_lua_files(source.root, {}), {}
  table.sort(files)
  for _, path in ipairs(files) do read_file(path, found) end
  return found
end

return source
