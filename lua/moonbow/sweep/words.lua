--- Configurations, counts and results of a sweep in words, for the terminal and the page.
local check = require "moonbow.check"

local words = {
  --- How a trial ends, in the order in which counts name it.
  statuses = { "done", "stopped", "failed", "timeout", "memory", "killed" },
}

--- A value for a cell of a table: floats with four digits, nothing for nil.
function words.cell(value)
  if value == nil then return "" end
  return math.type(value) == "float" and ("%.4g"):format(value) or tostring(value)
end

--- A configuration in one line: "depth = 2, pool = 4".
function words.config(config)
  local parts = {}
  for name, value in pairs(config) do
    parts[#parts + 1] = name .. " = " .. (type(value) == "string" and check.show(value) or words.cell(value))
  end
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

--- What results that are not in the plan are: "2 trials are not in the plan, but of an earlier grid or strategy"; nil
-- where there are none.
function words.unplanned(count)
  if count == 0 then return nil end
  return ("%s not in the plan, but of an earlier grid or strategy"):format(check.show_count(count, "trial is",
    "trials are"))
end

--- A configuration's result: "accuracy 0.93 ± 0.01 over 3 seeds: depth = 2, pool = 4".
-- @param item from statistics.configurations, with a mean
function words.result(item, objective)
  return ("%s %.5g%s over %d seed%s: %s"):format(objective.name, item.mean,
    item.sd and (" ± %.2g"):format(item.sd) or "", item.n, item.n == 1 and "" or "s", words.config(item.config))
end

return words
