--- The version of a sweep: a digest of all on which its results depend besides configuration and seed.
--
-- The parts are the text of run and of the functions that it refers to, the values that these hold (constants, tables,
-- tensors), the files that the sweep file requires, and moonbow's version. Space, seeds and strategy are not parts:
-- adding values or seeds keeps existing results.
local core = require "moonbow.core"

local MOST_DEPTH = 20 -- levels of tables in tables

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

local describe_value

-- Returns a table as text; a table inside itself is only named. Entries are described in the order of their keys' text,
-- since a function's text appears only at its first place, and pairs has another order in each process.
local function describe_table(state, value, depth)
  if state.open[value] or depth > MOST_DEPTH then return "table" end
  state.open[value] = true
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = { key = key, text = describe_value(state, key, depth + 1) } end
  table.sort(keys, function(a, b) return a.text < b.text end)
  for i, entry in ipairs(keys) do
    parts[i] = entry.text .. "=" .. describe_value(state, value[entry.key], depth + 1)
  end
  state.open[value] = nil
  return "{" .. table.concat(parts, ";") .. "}"
end

-- Describes a function by its text and the values to which it refers. Functions of libraries count by the name of their
-- file, without folders, which depend on how the process was started; its text is another part.
local function describe_function(state, f, depth)
  if state.functions[f] then return "function" end
  state.functions[f] = true
  local info = debug.getinfo(f, "S")
  local text = info.source == "@" .. state.path and state.text
  if not text then return ("function %s:%d"):format(info.source:match "[^/]*$", info.linedefined) end
  local parts = { lines_of(text, info.linedefined, info.lastlinedefined) }
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    if name ~= "_ENV" then parts[#parts + 1] = name .. "=" .. describe_value(state, value, depth + 1) end
  end
  return table.concat(parts, "\n")
end

function describe_value(state, value, depth)
  if core.is_tensor(value) then
    return ("tensor {%s} %016x"):format(table.concat(core.shape(value), ","), core.digest(value))
  elseif type(value) == "table" then
    return state.modules[value] or describe_table(state, value, depth)
  elseif type(value) == "function" then
    return describe_function(state, value, depth)
  elseif type(value) == "number" then
    return math.type(value) == "integer" and ("%d"):format(value) or ("%a"):format(value)
  end
  return type(value) == "string" and ("%q"):format(value) or type(value) == "boolean" and tostring(value) or type(value)
end

-- Returns the loaded modules, by value: their files count, not their content.
local function loaded_modules()
  local modules = {}
  for name, module in pairs(package.loaded) do
    if type(module) == "table" then modules[module] = "module " .. name end
  end
  return modules
end

--- Returns the parts of a sweep's version with digests: { ["run"] = digest, ["module x"] = digest, moonbow = "0.2.0" }.
-- @param path, text of the sweep file
-- @param run its function
-- @param required set of the modules that the file required
function version.parts(path, text, run, required)
  local state = { path = path, text = text, functions = {}, open = {}, modules = loaded_modules() }
  local parts = { run = digest_text(describe_function(state, run, 0)), moonbow = core.version }
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
