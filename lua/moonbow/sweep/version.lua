--- The version of a sweep: a digest of all on which its results depend besides configuration and seed.
--
-- The parts are the text of run and of the functions that it refers to, the values that these hold (constants, tables,
-- tensors), the globals that the sweep file sets, the files that it requires, and moonbow's version. Space, seeds and
-- strategy are not parts: adding values or seeds keeps existing results.
local core = require "moonbow.core"
local check = require "moonbow.check"
local made = require "moonbow.made"
local random = require "moonbow.random"

-- Modules whose functions count by their names, since many of them are written in C, or made in one line.
local NAMED = { "_G", "coroutine", "debug", "io", "math", "os", "package", "string", "table", "utf8", "moonbow.core",
  "moonbow" }

local version = {}

local function digest_text(text) return ("%016x"):format(core.digest(text)) end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

-- Returns lines first to last of a text.
local function lines_of(text, first, last)
  local found, number = {}, 0
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    if number >= first and number <= last then found[#found + 1] = line end
  end
  return table.concat(found, "\n")
end

-- Returns a value as text. Tables and functions without a name get a number, by which they are described later, once.
local function describe_value(state, value)
  local kind = type(value)
  if core.is_tensor(value) then
    return ("tensor {%s} %016x"):format(table.concat(core.shape(value), ","), core.digest(value))
  elseif kind == "table" or kind == "function" then
    if not state.names[value] then
      state.list[#state.list + 1] = value
      state.names[value] = ("%s %d"):format(kind, #state.list)
    end
    return state.names[value]
  elseif kind == "thread" then
    check.fail("run", "expected values that a version can tell, got a coroutine; make it in run")
  elseif kind == "userdata" then
    local is_generator, generator = pcall(core.rng_state, value)
    return is_generator and not random.is_unseeded(value) and generator or kind
  elseif kind == "number" then
    return math.type(value) == "integer" and ("%d"):format(value) or ("%a"):format(value)
  end
  return kind == "string" and ("%q"):format(value) or tostring(value)
end

-- Returns a table as text. Entries are described in the order of their keys' text, since pairs has another order in
-- each process. Keys that are tables or functions, and not met before, have no such order, and are left out.
local function describe_table(state, value)
  local keys, parts = {}, {}
  for key in next, value do
    if state.names[key] or type(key) ~= "table" and type(key) ~= "function" then
      keys[#keys + 1] = { key = key, text = describe_value(state, key) }
    end
  end
  table.sort(keys, function(a, b) return a.text < b.text end)
  for i, entry in ipairs(keys) do parts[i] = entry.text .. "=" .. describe_value(state, rawget(value, entry.key)) end
  return ("{%s}%s"):format(table.concat(parts, ";"), describe_value(state, debug.getmetatable(value)))
end

-- Returns the text of the file or of load's argument in which a function was made; nil for one of a library.
local function text_around(state, f)
  local source = debug.getinfo(f, "S").source
  return source == "@" .. state.path and state.text or source:match "^[^@=].*"
end

-- Adds the globals that the file sets and whose names are in a function's text.
local function add_globals(state, text, parts)
  local seen = {}
  for name in text:gmatch "[%a_][%w_]*" do
    if state.globals[name] and not seen[name] then
      seen[name], parts[#parts + 1] = true, name .. "=" .. describe_value(state, rawget(_G, name))
    end
  end
end

-- Describes a function by its text and the values to which it refers, or by what its maker was given. Functions of
-- libraries count by the name of their file, without folders, which depend on how the process was started; its text is
-- another part.
local function describe_function(state, f)
  if made[f] then return describe_value(state, made[f]) end
  local info, text = debug.getinfo(f, "S"), text_around(state, f)
  local parts = { ("function %s:%d"):format(info.source:match "[^/]*$", info.linedefined) }
  if text then
    parts[1] = lines_of(text, info.linedefined, info.what == "main" and math.huge or info.lastlinedefined)
  elseif info.what ~= "C" then
    return parts[1]
  end
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    parts[#parts + 1] = name .. "=" .. describe_value(state, value)
    if name == "_ENV" then add_globals(state, parts[1], parts) end
  end
  return table.concat(parts, "\n")
end

-- Names the functions in a module, and in the tables in moonbow. Of two names of a function the greatest counts.
local function name_functions(state, prefix, functions)
  for key, value in next, functions do
    local name = prefix .. tostring(key)
    if type(value) == "table" and prefix == "moonbow." then name_functions(state, name .. ".", value) end
    if type(value) == "function" and not made[value] and not text_around(state, value) then
      local other = state.names[value]
      state.names[value] = other and other > name and other or name
    end
  end
end

-- Names loaded modules, whose files count, not their content, and functions of libraries.
local function add_names(state)
  for name, module in pairs(package.loaded) do
    if type(module) == "table" then state.names[module] = "module " .. name end
  end
  for _, name in ipairs(NAMED) do name_functions(state, name .. ".", package.loaded[name]) end
end

--- Returns the parts of a sweep's version with digests: { ["run"] = digest, ["module x"] = digest, moonbow = "0.2.0" }.
-- @param path, text of the sweep file
-- @param run its function
-- @param required set of the modules that the file required
-- @param globals set of the names of globals that the file set
function version.parts(path, text, run, required, globals)
  local state = { path = path, text = text, globals = globals, names = {}, list = { run } }
  add_names(state)
  local told = {}
  for i, value in ipairs(state.list) do
    told[i] = type(value) == "table" and describe_table(state, value) or describe_function(state, value)
  end
  local parts = { run = digest_text(table.concat(told, "\n")), moonbow = core.version }
  for name in pairs(required) do
    local file = package.searchpath(name, package.path)
    if file and not name:find "^moonbow%f[%z.]" then
      parts["module " .. name] = digest_text(read_file(file) or "")
    end
  end
  return parts
end

--- Returns one digest of all parts, 16 hexadecimal digits: equal for equal parts.
function version.digest(parts)
  local lines = {}
  for name, digest in pairs(parts) do lines[#lines + 1] = name .. " " .. digest end
  table.sort(lines)
  return digest_text(table.concat(lines, "\n"))
end

--- Returns the names of the parts in which two versions differ, sorted.
function version.differences(a, b)
  local names = {}
  for name, digest in pairs(a) do
    if b[name] ~= digest then names[#names + 1] = name end
  end
  for name in pairs(b) do
    if a[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

return version
