--- Configurations, counts and results of a sweep in words, for the terminal and the page.
local check = require "moonbow.check"

local words = {
  --- How a trial ends, in the order in which counts name it.
  statuses = { "done", "stopped", "failed", "timeout", "memory", "killed" },
}

local function value(v)
  if math.type(v) == "float" then return ("%.4g"):format(v) end
  return type(v) == "string" and check.show(v) or tostring(v)
end

--- A configuration in one line: "depth = 2, pool = 4".
function words.config(config)
  local parts = {}
  for name, v in pairs(config) do parts[#parts + 1] = ("%s = %s"):format(name, value(v)) end
  table.sort(parts)
  return table.concat(parts, ", ")
end

--- Counts by status: "10 done, 1 failed"; nil where there are none.
function words.counts(counts)
  local parts = {}
  for _, status in ipairs(words.statuses) do
    if counts[status] then parts[#parts + 1] = ("%d %s"):format(counts[status], status) end
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

--- A configuration's result: "accuracy 0.93 ± 0.01 over 3 seeds: depth = 2, pool = 4".
-- @param item from statistics.configurations, with a mean
function words.result(item, objective)
  return ("%s %.5g%s over %d seed%s: %s"):format(objective.name, item.mean,
    item.sd and (" ± %.2g"):format(item.sd) or "", item.n, item.n == 1 and "" or "s", words.config(item.config))
end

return words
