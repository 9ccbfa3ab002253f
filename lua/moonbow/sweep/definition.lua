--- Reads the definition of a sweep from a file or a table, and checks it as a whole.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local space = require "moonbow.sweep.space"
local version = require "moonbow.sweep.version"

local definition = {}

local STRATEGIES = { "grid", "random", "latin_hypercube", "tpe", "asha" }

local strategy_options = {
  check.one_of("grid", STRATEGIES), trials = check.optional "positive integer",
  seed = check.default(1, "non-negative integer"),
  steps = check.optional "positive integer", reduction = check.default(3, "positive integer"),
  first = check.default(1, "positive integer"), lag = check.default(4, "positive integer"),
}

local known = {
  name = check.optional "string", space = check.required "table", run = check.required "function",
  seeds = check.default(3, "positive integer|table"), strategy = check.default("grid", "string|table"),
  objective = check.required "string|table", timeout = check.optional "positive", memory = check.optional "positive",
  retries = check.default(0, "non-negative integer"),
}

local objective_options = { check.required "string", minimize = check.default(false, "boolean") }

local function read_seeds(given)
  if type(given) == "number" then
    local seeds = {}
    for i = 1, given do seeds[i] = i end
    return seeds
  end
  check.list("sweep", "seeds", given)
  if #given == 0 then check.fail("sweep", "seeds: expected a number of seeds or a list, got an empty list") end
  local seen, seeds = {}, {}
  for i, seed in ipairs(given) do
    seeds[i] = check.kind("sweep", ("seeds[%d]"):format(i), seed, "non-negative integer")
    if seen[seeds[i]] then check.fail("sweep", "seeds: %d comes twice", seed) end
    seen[seeds[i]] = true
  end
  return seeds
end

local function read_strategy(given)
  local strategy = check.options("strategy", type(given) == "string" and { given } or given, strategy_options)
  local name = strategy[1]
  if name ~= "grid" and not strategy.trials then
    check.fail("sweep", "strategy: %s needs trials, the number of configurations to try", name)
  elseif name == "grid" and strategy.trials then
    check.fail("sweep", "strategy: a grid takes every point; trials = %d belongs to another strategy", strategy.trials)
  elseif name == "asha" and not strategy.steps then
    check.fail("sweep", "strategy: asha needs steps, the last step that a trial reports")
  elseif strategy.reduction < 2 then
    check.fail("sweep", "strategy: reduction: expected at least 2, got %d: one in so many goes on", strategy.reduction)
  end
  return strategy
end

--- Checks the table that a sweep file returns.
-- @return { name, space, run, seeds (list), strategy, objective { name, minimize }, timeout, memory, retries }
function definition.read(given, default_name)
  local sweep = check.options("sweep", given, known)
  local objective = sweep.objective
  if type(objective) == "string" then objective = { objective } end
  objective = check.options("objective", objective, objective_options)
  local name = sweep.name or default_name
  if name:find "[%c/]" or name:find "^%.*$" then
    check.fail("sweep", "name: expected one that a folder can have, got %s", check.show(name))
  end
  local strategy, given_space = read_strategy(sweep.strategy), space.parse(sweep.space)
  if strategy[1] == "grid" then given_space:check_grid() end
  return {
    name = name, space = given_space, run = sweep.run, seeds = read_seeds(sweep.seeds), strategy = strategy,
    objective = { name = objective[1], minimize = objective.minimize },
    timeout = sweep.timeout, memory = sweep.memory, retries = sweep.retries,
  }
end

local required_by = {} -- module to the set of modules that it required when it was loaded, which happens only once

local function add_closure(names, set)
  for name in pairs(set) do
    if not names[name] then
      names[name] = true
      add_closure(names, required_by[name] or {})
    end
  end
  return names
end

-- Calls f and returns the set of all modules that it requires, directly or by other modules.
local function recording_requires(f)
  require "moonbow" -- required first, since its modules do not belong to the file
  local top, require_of_lua = {}, require
  local current = top
  function _G.require(name)
    local outer = current
    outer[name], current = true, {}
    local results = table.pack(pcall(require_of_lua, name))
    required_by[name], current = required_by[name] or current, outer
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end
  local ok, result = pcall(f)
  _G.require = require_of_lua
  return ok, ok and result or tostring(result), add_closure({}, top)
end

-- Returns an environment for a file, which notes in a set the names of the globals that the file sets.
local function noting_globals(set)
  return setmetatable({}, { __index = _G, __newindex = function(_, name, value) set[name], _G[name] = true, value end })
end

-- Lets require find modules beside the sweep file, from any folder, now and when the trials run.
local function search_beside(path)
  local template = path:match "^(.*)/" .. "/?.lua"
  if not (";" .. package.path .. ";"):find(";" .. template .. ";", 1, true) then
    package.path = package.path .. ";" .. template
  end
end

-- Returns the number of the first line, from one on, that gives an entry a value; nil without an entry or such a line.
local function line_of(text, entry, from)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if entry and number >= from and line:find("%f[%w_]" .. entry .. "%s*=") then return number end
  end
end

-- Returns a message about the table of a sweep file, with the line of the entry that it names, if the file has one.
local function locate(path, text, message)
  local where = core.call_site()
  if message:sub(1, #where) == where then message = message:sub(#where + 1) end
  local number = line_of(text, message:match "space%.([%w_]+)", line_of(text, "space", 1) or 1)
    or line_of(text, message:match "^%a+: unknown option '([%w_]+)'", 1)
    or line_of(text, message:match "^%a+: (%a+)", 1) or line_of(text, message:match "^%a+", 1)
  return ("%s:%s %s"):format(path, number and number .. ":" or "", message)
end

--- Loads a sweep file, which is called with { quick = true or false }.
-- @param path string
-- @param quick boolean, for a smaller sweep; its name then ends with _quick
-- @return the sweep, with path (absolute), parts and version; or nil and a message that names file and line
function definition.load(path, quick)
  check.kind("sweep", "path", path, "string")
  local text, err = files.read(path)
  if not text then return nil, err end
  local globals = {}
  local chunk, fault = load(text, "@" .. path, "t", noting_globals(globals))
  if not chunk then return nil, fault end
  local absolute = files.absolute(path)
  search_beside(absolute)
  local ok, given, required = recording_requires(function() return chunk { quick = quick or false } end)
  if not ok then return nil, given end
  if type(given) ~= "table" then
    return nil, ("%s: expected the file to return a table { space, run, ... }, it returns %s"):format(path,
      check.show(given))
  end
  local read, sweep = pcall(definition.read, given, path:match "([^/]*)%.lua$" or path:match "[^/]*$")
  if not read then return nil, locate(path, text, sweep) end
  sweep.path, sweep.quick = absolute, quick or false
  if quick then sweep.name = sweep.name .. "_quick" end
  local told, parts = pcall(version.parts, path, text, given.run, required, globals)
  if not told then return nil, locate(path, text, parts) end
  sweep.parts = parts
  sweep.version = version.digest(sweep.parts)
  return sweep
end

return definition
