--- mb.help: the reference at the prompt, from the doc comments of the source.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local terminal = require "moonbow.terminal"

local function part(name) return require("moonbow.help." .. name) end

local MOST_FOUND = 20

local function say(lines) print(table.concat(lines, "\n")) end

local function add_topic(lines, entries, title)
  lines[#lines + 1] = "\n" .. title
  for _, entry in ipairs(entries) do
    if entry.topic == title then lines[#lines + 1] = part("text").line(entry) end
  end
end

local HEAD = [[
On a name:  mb.help "fit"        on a thing: mb.help(mb.nn.Conv1d)
on words:   mb.help "freeze"     on a topic, with a line for each method: mb.help "tensors"]]

local function print_index(entries)
  local lines = { HEAD }
  for _, title in ipairs(part("topics").titles) do
    lines[#lines + 1] = "\n" .. title
    part("text").add_index(lines, entries, title)
  end
  say(lines)
end

-- The entries of a module, or the methods of a class.
local function add_members(lines, entries, entry)
  local members, module = {}, entry.kind == "class" and entry.name or entry.path
  for _, other in ipairs(entries) do
    if other.module == module and other.kind ~= "class" then members[#members + 1] = part("text").line(other) end
  end
  if #members > 0 then lines[#lines + 1] = "\nIn it:\n" .. table.concat(members, "\n") end
end

local function print_entry(entries, entry)
  local lines = { part("text").of_entry(entry) }
  if entry.kind == "module" or entry.kind == "class" then add_members(lines, entries, entry) end
  lines[#lines + 1] = ""
  say(lines)
end

local function print_list(head, list)
  local lines = { head }
  for i, entry in ipairs(list) do
    if i > MOST_FOUND then
      lines[#lines + 1] = ("  and %d more"):format(#list - MOST_FOUND)
      break
    end
    lines[#lines + 1] = part("text").line(entry)
  end
  say(lines)
end

-- True if a text is the title of a topic.
local function print_topic(entries, asked)
  for _, title in ipairs(part("topics").titles) do
    if title:lower() == asked:lower() then
      local lines = {}
      add_topic(lines, entries, title)
      say(lines)
      return true
    end
  end
end

local function print_found(entries, asked)
  local find = part "find"
  local found = find.by_words(entries, asked)
  if #found > 0 then print_list(("%s is mentioned by:"):format(check.show(asked)), found) return end
  local near = find.nearest(entries, asked)
  print(("no help on %s%s; mb.help() lists all there is"):format(check.printable(asked),
    #near > 0 and "; near are: " .. table.concat(near, ", ") or ""))
end

local function print_name(entries, asked)
  local found, is_path = part("find").named(entries, asked)
  for _, entry in ipairs(found) do print_entry(entries, entry) end
  if #found == 0 and not print_topic(entries, asked) then print_found(entries, asked) end
  local others = #found > 0 and is_path and part("find").named(entries, ":" .. found[1].name) or {}
  for i = #others, 1, -1 do
    if others[i] == found[1] then table.remove(others, i) end
  end
  if #others > 0 then print_list("Others of this name:", others) end
end

-- The entry of a function or table; for an object, the entry of its class or constructor.
local function entry_of(entries, value)
  local class = core.is_tensor(value) and core.tensor_methods or getmetatable(value)
  local type_name = type(class) == "table" and rawget(class, "type")
  for _, entry in ipairs(entries) do
    if rawequal(entry.value, value) or type(value) == "function" and rawequal(counted.original(entry.value), value) then
      return entry
    end
  end
  for _, entry in ipairs(entries) do
    local methods = entry.kind == "class" and entry.value
    if methods and class and (methods == class or methods == class.__index and not type_name)
      or type_name and entry.path == "nn." .. type_name then
      return entry
    end
  end
end

local function print_value(entries, value)
  local entry = entry_of(entries, value)
  if entry then return print_entry(entries, entry) end
  local inner = type(value) == "function" and part("entries").of_inner(counted.original(value))
  if inner then return print(("%s, not public\n\n%s"):format(inner.name, inner.text)) end
  print(("no help on %s; try a function or its name, as in mb.help \"fit\""):format(check.show(value)))
end

return function(mb)
  --- Prints the reference: mb.help() an index by topic, mb.help "fit" the entries of that name, mb.help(mb.fit) the
  -- entry of a function, a module, or the class of an object, mb.help "early stopping" a list of the entries with these
  -- words or their synonyms. Returns nothing. nil raises, since a misspelt name is nil.
  -- @param what? any a name, a topic, words, or a value
  return function(...)
    local what = ...
    if what == nil and select("#", ...) > 0 then
      check.fail("help", "the value is nil, perhaps a misspelt name; mb.help() is the index, mb.help \"name\" searches")
    end
    check.no_more("help", 1, select(2, ...))
    local entries = part("entries").all(mb)
    part("text").width = terminal.line_width(60, 100)
    if what == nil then return print_index(entries) end
    check.kind("help", "what", what, "string|function|table|userdata")
    if type(what) == "string" then print_name(entries, what) else print_value(entries, what) end
  end
end
