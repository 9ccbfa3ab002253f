--- The space of a sweep: named choices, ranges and integers, some of which exist only under a condition.
--
--     space = {
--       pool = { 1, 2, 4 },                                              -- choices
--       lr = sweep.range(1e-4, 1e-1, { scale = "log", points = 4 }),
--       filters = sweep.integer(8, 64, { scale = "log" }),
--       momentum = sweep.when({ norm = "batch" }, sweep.range(0.5, 0.999)),
--       norm = { "none", "batch" },
--     }
--
-- A configuration is a table { name = value }, without the names whose condition does not hold.
local check = require "moonbow.check"
local json = require "moonbow.io.json"

local MOST_GRID_INTEGERS = 1000 -- an integer range with more values needs the option points in a grid

local Entry = { __name = "entry of a space" }
Entry.__index = Entry

local Space = { __name = "space" }
Space.__index = Space

local space = {}

-- ---- entries ----

local range_options = {
  scale = check.one_of("linear", { "linear", "log" }), points = check.optional "positive integer",
}

local function new_range(kind, low, high, options)
  local number = kind == "range" and "finite" or "integer"
  low, high = check.kind(kind, "low", low, number), check.kind(kind, "high", high, number)
  options = check.options(kind, options, range_options)
  if low >= high then check.fail(kind, "expected low below high, got %s and %s", low, high) end
  if options.scale == "log" and low <= 0 then
    check.fail(kind, "low: expected a positive number on a log scale, got %s", low)
  end
  if options.points == 1 then check.fail(kind, "points: expected at least 2, got 1") end
  return setmetatable({ kind = kind, low = low, high = high, log = options.scale == "log", points = options.points },
    Entry)
end

--- Makes an entry of real numbers from low to high.
-- @param low number
-- @param high number above low
-- @option scale "log" for values that differ by factors; low is then above 0
-- @option points number of values in a grid, at equal distances on the scale; without it a grid refuses the
--   range
-- @return table an entry of a space
function space.range(low, high, options) return new_range("range", low, high, options) end

check.takes(space.range, 3, range_options)

--- Makes an entry of integers from low to high.
-- @param low integer
-- @param high integer above low
-- @option scale "log" for values that differ by factors; low is then above 0
-- @option points number of values in a grid, at equal distances on the scale (up to 1000: all of them)
-- @return table an entry of a space
function space.integer(low, high, options) return new_range("integer", low, high, options) end

check.takes(space.integer, 3, range_options)

local function is_scalar(value)
  return type(value) == "string" or type(value) == "boolean" or type(value) == "number" and value == value
    and math.abs(value) < math.huge
end

local function new_choice(where, values)
  check.list("sweep", where, values)
  if #values == 0 then check.fail("sweep", "%s: expected choices, got an empty list", where) end
  local seen = {}
  for i, value in ipairs(values) do
    if not is_scalar(value) then
      check.fail("sweep", "%s[%d]: expected a string, a finite number or a boolean, got %s", where, i,
        check.show(value))
    end
    if seen[value] then check.fail("sweep", "%s: %s comes twice", where, check.show(value)) end
    seen[value] = true
  end
  return setmetatable({ kind = "choice", values = table.move(values, 1, #values, 1, {}) }, Entry)
end

--- Makes an entry that exists only if other entries have certain values: when({ norm = "batch" }, entry), or
-- when({ norm = { "batch", "layer" } }, entry) for any of several.
-- @param condition table { name = value or list of values }; all of them have to hold
-- @param entry table a list of choices, or an entry from range or integer
-- @return table an entry of a space
function space.when(condition, entry)
  check.kind("when", "condition", condition, "table")
  if next(condition) == nil then check.fail("when", "condition: expected { name = value }, got an empty table") end
  if type(entry) == "table" and getmetatable(entry) ~= Entry then entry = new_choice("when", entry) end
  if getmetatable(entry) ~= Entry then
    check.fail("when", "entry: expected choices, a range or integers, got %s", check.show(entry))
  end
  local copy = setmetatable({}, Entry)
  for key, value in pairs(entry) do copy[key] = value end
  if copy.condition then check.fail("when", "entry: has a condition already; put all of them into one table") end
  copy.condition = condition
  return copy
end

-- Returns the values of an entry in a grid; raises for a range without points.
local function grid_values(name, entry)
  if entry.kind == "choice" then return entry.values end
  local count = entry.points
  if not count and entry.kind == "integer" and entry.high - entry.low < MOST_GRID_INTEGERS then
    count = entry.high - entry.low + 1
  end
  if not count then
    check.fail("sweep", "space.%s: a grid needs to know how many points to take; give points = N, or another strategy",
      name)
  end
  local values = {}
  for i = 1, count do
    local value = entry:at((i - 1) / (count - 1))
    if value ~= values[#values] then values[#values + 1] = value end
  end
  return values
end

--- Returns the value at a fraction of the distance from low to high, both included.
function Entry.at(entry, share)
  local low, high = entry.low, entry.high
  local value = entry.log and low * (high / low) ^ share or low + (high - low) * share
  if entry.kind == "integer" then value = math.floor(value + 0.5) end
  return math.min(math.max(value, low), high)
end

--- Returns the value for u in [0, 1): choices and integers are equally likely on their scale.
function Entry.from_unit(entry, u)
  if entry.kind == "choice" then return entry.values[math.min(math.floor(u * #entry.values) + 1, #entry.values)] end
  if entry.kind == "range" then return entry:at(u) end
  local low, high = entry.low - 0.5, entry.high + 0.5
  local value = entry.log and low * (high / low) ^ u or low + (high - low) * u
  return math.min(math.max(math.floor(value + 0.5), entry.low), entry.high)
end

--- Returns the u in [0, 1] of a number of a range or of integers, for which from_unit returns the number.
function Entry.to_unit(entry, value)
  local half = entry.kind == "integer" and 0.5 or 0
  local low, high = entry.low - half, entry.high + half
  return entry.log and math.log(value / low) / math.log(high / low) or (value - low) / (high - low)
end

--- True if a value is a value of the entry.
function Entry.has(entry, value)
  if entry.kind == "choice" then
    for _, one in ipairs(entry.values) do
      if one == value and math.type(one) == math.type(value) then return true end
    end
    return false
  end
  return type(value) == "number" and value >= entry.low and value <= entry.high
    and (entry.kind == "range" or math.type(value) == "integer")
end

-- ---- the space ----

local function holds(condition, config)
  for name, expected in pairs(condition) do
    local value, any = config[name], false
    for _, one in ipairs(type(expected) == "table" and expected or { expected }) do any = any or one == value end
    if not any then return false end
  end
  return true
end

local function check_condition(name, entry, entries)
  for other, expected in pairs(entry.condition or {}) do
    local where = ("space.%s: the condition on %s"):format(name, check.show(other))
    if not entries[other] then
      local names = check.sorted_keys(entries)
      check.fail("sweep", "%s: no such entry; the space has %s", where, table.concat(names, ", "))
    end
    for _, value in ipairs(type(expected) == "table" and expected or { expected }) do
      if not entries[other]:has(value) then
        check.fail("sweep", "%s: %s never has the value %s", where, other, check.show(value))
      end
    end
  end
end

-- Returns the names, sorted, but after the names in their conditions.
local function order_of(entries)
  local sorted, order, states = {}, {}, {}
  for name in pairs(entries) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  local function add(name)
    if states[name] == "done" then return end
    if states[name] then check.fail("sweep", "space.%s: its condition depends on itself", name) end
    states[name] = "open"
    local others = check.sorted_keys(entries[name].condition or {})
    for _, other in ipairs(others) do add(other) end
    states[name] = "done"
    order[#order + 1] = name
  end
  for _, name in ipairs(sorted) do add(name) end
  return order
end

-- Columns of trials.csv and trials.sqlite, whose names have no case, beside the entries.
local columns = { id = true, seed = true, status = true, seconds = true, memory = true, host = true, reason = true }

-- Raises unless the names of entries can be columns, beside those of the results.
local function check_columns(given)
  local seen = {}
  for _, name in ipairs(check.sorted_keys(given)) do
    local lower = name:lower()
    if columns[lower] then
      check.fail("sweep", "space.%s: this is a column of the results; give the entry another name", name)
    elseif seen[lower] then
      check.fail("sweep", "space.%s: expected a name that differs from %s in more than its case; both are columns of "
        .. "the results", name, seen[lower])
    end
    seen[lower] = name
  end
end

--- Reads the space of a sweep file. Raises, and names the entry, if it is empty, unknown or depends on itself.
function space.parse(given)
  check.kind("sweep", "space", given, "table")
  local entries = {}
  for name, entry in pairs(given) do
    if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
      check.fail("sweep", "space: expected names such as lr or filters as keys, got %s", check.show(name))
    end
    local is_list = type(entry) == "table" and getmetatable(entry) ~= Entry
    entries[name] = is_list and new_choice("space." .. name, entry) or entry
    if getmetatable(entries[name]) ~= Entry then
      check.fail("sweep", "space.%s: expected a list of choices, a range or integers, got %s", name, check.show(entry))
    end
  end
  check_columns(entries)
  if next(entries) == nil then check.fail("sweep", "space: expected at least one entry, got none") end
  for name, entry in pairs(entries) do check_condition(name, entry, entries) end
  return setmetatable({ entries = entries, names = order_of(entries) }, Space)
end

-- Calls visit(config) for every point of the grid, from name number i on.
local function each_point(self, i, config, values, visit)
  local name = self.names[i]
  if not name then return visit(config) end
  local condition = self.entries[name].condition
  if condition and not holds(condition, config) then return each_point(self, i + 1, config, values, visit) end
  for _, value in ipairs(values[name]) do
    config[name] = value
    each_point(self, i + 1, config, values, visit)
  end
  config[name] = nil
end

--- Raises for a range without points, of which there is no grid.
function Space.check_grid(self)
  for _, name in ipairs(self.names) do grid_values(name, self.entries[name]) end
end

--- Returns all configurations of the grid, in a fixed order: the last name varies fastest. Raises for a range without
-- points.
function Space.grid(self)
  local values, found = {}, {}
  for _, name in ipairs(self.names) do values[name] = grid_values(name, self.entries[name]) end
  each_point(self, 1, {}, values, function(config)
    local copy = {}
    for name, value in pairs(config) do copy[name] = value end
    found[#found + 1] = copy
  end)
  return found
end

--- Returns the configuration for a list of numbers in [0, 1), one per name in the order of Space.names.
function Space.from_unit(self, u)
  local config = {}
  for i, name in ipairs(self.names) do
    local entry = self.entries[name]
    if not entry.condition or holds(entry.condition, config) then config[name] = entry:from_unit(u[i]) end
  end
  return config
end

--- True if a configuration is in the space: each active name has one of its values, and no other name is set.
function Space.has(self, config)
  local count = 0
  for _, name in ipairs(self.names) do
    local entry, value = self.entries[name], config[name]
    local active = not entry.condition or holds(entry.condition, config)
    if active ~= (value ~= nil) or active and not entry:has(value) then return false end
    count = count + (active and 1 or 0)
  end
  for _ in pairs(config) do count = count - 1 end
  return count == 0
end

--- Returns a configuration as text: equal for equal configurations, whatever the order of their names.
function space.canonical(config) return assert(json.encode(config)) end

return space
