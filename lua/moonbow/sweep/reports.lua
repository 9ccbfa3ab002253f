--- The reports of a trial: as lines of its log, and as one curve over all its starts.
--
-- A trial that was killed goes on from its checkpoint, and its log has the reports of all its starts. A report stands
-- for the curve up to its step: what the log has from that step on comes from a start that was not gone on from.
local json = require "moonbow.io.json"

local reports = {}

--- Returns a report { step, metrics, seconds (since the trial began) } as a line of the log.
function reports.line(report)
  return ("step %s %s after %.3f s"):format(json.encode(report.step), json.encode(report.metrics), report.seconds)
end

-- Returns the report in a line of a log; nil for other lines, and for one that a kill cut off.
local function parse(line)
  local step, metrics, rest = line:match "^step (%S+) ({.*})(.*)$"
  local report = { step = tonumber(step), metrics = metrics and json.decode(metrics) }
  report.seconds = tonumber(rest and rest:match "^ after (%S+) s$") or 0
  return report.step and report.metrics and report
end

--- Removes the reports from a step on. Returns the seconds at the last one left, or 0.
function reports.cut(list, step)
  while #list > 0 and list[#list].step >= step do list[#list] = nil end
  return #list > 0 and list[#list].seconds or 0
end

--- Returns the curve in the text of a log.
function reports.read(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    local report = line:sub(1, 5) == "step " and parse(line)
    if report then
      reports.cut(list, report.step)
      list[#list + 1] = report
    end
  end
  return list
end

--- Returns reports as a result holds them: a list of { step, metrics }.
function reports.for_result(list)
  local copy = setmetatable({}, json.list)
  for i, report in ipairs(list) do copy[i] = { step = report.step, metrics = report.metrics } end
  return copy
end

return reports
