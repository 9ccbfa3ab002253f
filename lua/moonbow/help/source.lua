--- The doc comments of the source: the statement below each, and its parts.
--
-- A doc comment begins with three dashes and is on the statement right below it. Its text, in paragraphs, with code
-- indented by four blanks, comes first. Then tags, whose text may go on in further lines:
--
--     @param name type text    an argument; name? if it may be left out; types as in LuaCATS, without blanks
--     @option name text        an option; its kind and default come from check.takes
--     @field name type text    a field of the objects of a class
--     @return type text        a result
--     @usage code
--     @see path                a related entry, whose options apply here, too
--     @name name, name         the names that it documents, if no statement below gives them
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

-- The names that a comment documents: from its tag; otherwise the name of the statement below.
local function names_of(lines, statement)
  local names = {}
  for _, line in ipairs(lines) do
    local given = line:byte() == 64 and (line:match "^@name (.*)" or line:match "^@(class %w+)") -- 64: @
    if given and line:find "^@class" then names[#names + 1] = given end
    for name in (given and line:find "^@name" and given or ""):gmatch "[%w_]+" do names[#names + 1] = name end
  end
  if #names == 0 then names[1] = name_in(statement) end
  return names
end

local function add(found, comment)
  if not comment.is_header then found.at[comment.file .. ":" .. comment.line] = comment end
  for _, name in ipairs(comment.names) do
    found.named[name] = found.named[name] or {}
    table.insert(found.named[name], comment)
  end
  if comment.is_header then found.headers[#found.headers + 1] = comment end
end

-- Adds the comments of a file.
local function read_file(path, found)
  local file, lines, number, first = path:sub(#source.root + 1), nil, 0, nil
  for line in io.lines(path) do
    number = number + 1
    local dashes = (lines or line:find("---", 1, true)) and line:match "^%s*(%-%-%-?)"
    if dashes == "---" then lines, first = {}, number end
    if lines and dashes then
      lines[#lines + 1] = line:gsub("^%s*%-%-%-? ?", "")
    elseif lines then
      local is_header = first == 1 -- on the file, not on the statement below
      add(found, { lines = lines, names = names_of(lines, is_header and "" or line), line = number, file = file,
        is_header = is_header })
      lines = nil
    end
  end
end

--- All comments of the module: { at = by "file:line" of the statement below, named = lists by documented name, headers
-- = list of the comments on files }. A comment is { lines, names, line, file (within the module), is_header }.
function source.read()
  local files, found = add_lua_files(source.root, {}), { at = {}, named = {}, headers = {} }
  table.sort(files)
  for _, path in ipairs(files) do read_file(path, found) end
  return found
end

return source
