--- Combines the results of a sweep: summary, CSV, SQLite, page, and the best configuration as Lua.
local files = require "moonbow.io.files"
local check = require "moonbow.check"
local optional = require "moonbow.io.optional"
local folders = require "moonbow.sweep.folder"
local page = require "moonbow.sweep.page"
local plans = require "moonbow.sweep.plan"
local halving = require "moonbow.sweep.halving"
local space = require "moonbow.sweep.space"
local statistics = require "moonbow.sweep.statistics"

local collect = {}

--- Reads all results of a folder that belong to its sweep, also those that its strategy or grid no longer plans;
-- configurations that are no longer in the space are left out.
-- @param read Folder.result, or Folder.outcome where that is enough
-- @return list of results; list of messages about files that could not be read
function collect.read(folder, read)
  local results, faults, ids = {}, {}, {}
  for id in pairs(folder:kept()) do ids[#ids + 1] = id end
  table.sort(ids)
  local seeds, is_in_space = {}, {}
  for _, seed in ipairs(folder.sweep.seeds) do seeds[seed] = true end
  for _, id in ipairs(ids) do
    local result, err = read(folder, id)
    if err then faults[#faults + 1] = err end
    local config = result and result.config
    if result and is_in_space[config] == nil then is_in_space[config] = folder.sweep.space:has(config) end
    if result and seeds[result.seed] and is_in_space[config] then results[#results + 1] = result end
  end
  return results, faults
end

--- Counts results by status: { [status] = number }.
function collect.counts(results)
  local counts = {}
  for _, result in ipairs(results) do counts[result.status] = (counts[result.status] or 0) + 1 end
  return counts
end

--- Ranks the configurations, which is what status and the best need.
-- @return { sweep, results, configurations, counts { [status] = number } }
function collect.ranking(sweep, results)
  return { sweep = sweep, results = results, counts = collect.counts(results),
    configurations = statistics.configurations(results, sweep.objective, #sweep.seeds) }
end

--- Computes all that the page shows: the ranking, and with it
-- @param planned those of the results that are in the plan (nil: all)
-- @return { variance (or nil), importance (or nil), unplanned (results that are not in the plan), stopped (trials),
--   flat (stopped trials that had not begun to improve) }
function collect.summary(sweep, results, planned)
  local summary = collect.ranking(sweep, results)
  summary.unplanned = #results - #(planned or results)
  statistics.compare(summary.configurations)
  summary.stopped, summary.flat = halving.late_starters(results, sweep.objective)
  summary.variance = statistics.variance(summary.configurations, sweep.space.names)
  summary.importance = sweep.strategy[1] ~= "grid" and statistics.importance(summary.configurations, sweep.space) or nil
  return summary
end

-- ---- tables ----

-- Returns the names of metrics of all results, sorted.
local function metric_names(results)
  local seen, names = {}, {}
  for _, result in ipairs(results) do
    for name in pairs(result.metrics or {}) do
      if not seen[name] then seen[name], names[#names + 1] = true, name end
    end
  end
  table.sort(names)
  return names
end

-- Returns the columns of metrics. One whose name is taken, in any case, as by an entry of the space, gets a number.
local function metric_columns(metrics, entries)
  local taken, columns = {}, {}
  for _, name in ipairs(entries) do taken[name:lower()] = true end
  for i, name in ipairs(metrics) do
    local column, number = "metric_" .. name, 1
    while taken[column:lower()] do
      number = number + 1
      column = ("metric_%s_%d"):format(name, number)
    end
    taken[column:lower()], columns[i] = true, column
  end
  return columns
end

-- Returns heading and rows, one per trial: cells are numbers, strings, booleans or nil.
local function trial_table(sweep, results)
  local metrics, heading, rows = metric_names(results), { "id" }, {}
  for _, name in ipairs(sweep.space.names) do heading[#heading + 1] = name end
  for _, name in ipairs { "seed", "status" } do heading[#heading + 1] = name end
  for _, name in ipairs(metric_columns(metrics, sweep.space.names)) do heading[#heading + 1] = name end
  for _, name in ipairs { "seconds", "memory", "host", "reason" } do heading[#heading + 1] = name end
  for i, result in ipairs(results) do
    local row = { result.id }
    for c, name in ipairs(sweep.space.names) do row[1 + c] = result.config[name] end
    local at = 1 + #sweep.space.names
    row[at + 1], row[at + 2] = result.seed, result.status
    for c, name in ipairs(metrics) do row[at + 2 + c] = (result.metrics or {})[name] end
    at = at + 2 + #metrics
    row[at + 1], row[at + 2], row[at + 3], row[at + 4] = result.seconds, result.memory, result.host, result.reason
    rows[i] = row
  end
  return heading, rows
end

local function csv_cell(value)
  if value == nil then return "" end
  local text = math.type(value) == "float" and ("%.17g"):format(value) or tostring(value)
  if not text:find '[",\r\n]' then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function csv_of(heading, rows)
  local lines = {}
  local function add(row)
    local cells = {}
    for c = 1, #heading do cells[c] = csv_cell(row[c]) end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  add(heading)
  for _, row in ipairs(rows) do add(row) end
  return table.concat(lines, "\n") .. "\n"
end

local function sql_value(connection, value)
  if value == nil then return "NULL" end
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) == "number" then return ("%.17g"):format(value) end
  return "'" .. connection:escape(tostring(value)) .. "'"
end

-- Writes a database with a table `trials`: made elsewhere, so that two processes may do so at the same time.
local function write_sqlite(path, heading, rows)
  local sqlite, missing = optional("luasql.sqlite3", "lua-sql-sqlite3 is not installed")
  if not sqlite then return nil, missing end
  local partial = os.tmpname()
  local _ <close> = setmetatable({}, { __close = function() os.remove(partial) end })
  local driver = sqlite.sqlite3()
  local connection, reason = driver:connect(partial)
  if not connection then return nil, reason end
  local names = {}
  for c, name in ipairs(heading) do names[c] = '"' .. name:gsub('"', '""') .. '"' end
  connection:setautocommit(false)
  local ok, why = connection:execute(("CREATE TABLE trials (%s)"):format(table.concat(names, ", ")))
  for _, row in ipairs(rows) do
    local values = {}
    for c = 1, #heading do values[c] = sql_value(connection, row[c]) end
    if ok then ok, why = connection:execute(("INSERT INTO trials VALUES (%s)"):format(table.concat(values, ", "))) end
  end
  if ok then ok, why = connection:commit() end
  connection:close()
  driver:close()
  if not ok then return nil, why end
  local content, err = files.read(partial)
  if not content then return nil, err end
  return files.write(path, content)
end

-- ---- the best ----

-- Returns a value as Lua. A float stays a float: run may depend on it.
local function lua_value(value)
  if math.type(value) ~= "float" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local text = ("%.17g"):format(value)
  return text:find "[.e]" and text or text .. ".0"
end

-- Returns the first seed of the sweep with which a configuration has a result.
local function first_seed(sweep, item)
  for _, seed in ipairs(sweep.seeds) do
    if item.values[seed] then return seed end
  end
end

--- Returns the best configuration as runnable Lua: its figures as a comment, and a call of the sweep's run with the
-- first of its seeds, which runs that trial again.
function collect.best(sweep, summary)
  local best = summary.configurations[1]
  if not best or not best.mean then return nil, "no trial has ended with a result yet" end
  local seed = first_seed(sweep, best)
  local lines = { ("-- %s: %s %.6g%s over %s; this runs seed %d, which gave %.6g"):format(sweep.name,
    sweep.objective.name, best.mean, best.sd and (" ± %.2g"):format(best.sd) or "", check.show_count(best.n, "seed"),
    seed, best.values[seed]) }
  lines[#lines + 1] = ("package.path = package.path .. %q"):format(";" .. sweep.path:match "^(.*)/" .. "/?.lua")
  lines[#lines + 1] = ("local run = assert(loadfile(%q)) { quick = %s }.run"):format(sweep.path, sweep.quick)
  lines[#lines + 1] = "local config = {"
  for _, name in ipairs(sweep.space.names) do
    if best.config[name] ~= nil then
      local key = load("return { " .. name .. " = 1 }") and name or ("[%q]"):format(name) -- Lua reserves some names
      lines[#lines + 1] = ("  %s = %s,"):format(key, lua_value(best.config[name]))
    end
  end
  lines[#lines + 1] = "}"
  lines[#lines + 1] = "local checkpoint = os.tmpname() -- a new folder: the training starts at its beginning"
  lines[#lines + 1] = "assert(os.remove(checkpoint) and require(\"lfs\").mkdir(checkpoint))"
  lines[#lines + 1] = ("local trial = { seed = %d, id = %q, checkpoint = checkpoint, report = function() end }"):format(
    seed, folders.id(space.canonical(best.config), seed))
  lines[#lines + 1] = "require(\"moonbow\").seed(trial.seed)"
  lines[#lines + 1] = ("print(run(config, trial)[%q])"):format(sweep.objective.name)
  return table.concat(lines, "\n") .. "\n"
end

--- Writes the tables, the page, and the best configuration as Lua into the folder.
-- @return list of paths that were written; list of messages
function collect.write(folder)
  local results, messages = collect.read(folder, folder.result)
  local sweep, written = folder.sweep, {}
  if #results == 0 then check.fail("sweep", "no trial has ended yet; run some first") end
  local summary = collect.summary(sweep, results, plans.new(sweep, folder):planned(results))
  local heading, rows = trial_table(sweep, results)
  local function keep(name, ok, err)
    local path = folder.path .. "/" .. name
    if ok then written[#written + 1] = path else messages[#messages + 1] = ("%s: not written: %s"):format(path, err) end
  end
  local function put(name, text) keep(name, files.write(folder.path .. "/" .. name, text)) end
  put("trials.csv", csv_of(heading, rows))
  keep("trials.sqlite", write_sqlite(folder.path .. "/trials.sqlite", heading, rows))
  local best = collect.best(sweep, summary)
  put("page.html", page.html(summary, best))
  if best then put("best.lua", best) end
  return written, messages, summary
end

return collect
