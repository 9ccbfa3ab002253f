--- The report of mb.profile: events summed up by layer, operation and pass, and printed.

local text_table = require "moonbow.text_table"

local Report = {}
Report.__index = Report

-- Adds an entry to the row of its key, and makes the row if it is missing.
local function add(rows, key, entry)
  local row = rows[key]
  if not row then
    row = { layer = entry.layer, type = entry.type, operation = entry.operation, pass = entry.pass,
      calls = 0, seconds = 0, flops = 0, bytes = 0 }
    rows[key], rows[#rows + 1] = row, row
  end
  for _, sum in ipairs { "calls", "seconds", "flops", "bytes" } do row[sum] = row[sum] + entry[sum] end
end

-- Sums rows that agree in the named fields, and drops the other fields.
local function group(rows, ...)
  local groups = {}
  for _, row in ipairs(rows) do
    local keys, entry = {}, { calls = row.calls, seconds = row.seconds, flops = row.flops, bytes = row.bytes }
    for i, field in ipairs { ... } do keys[i], entry[field] = row[field] or "", row[field] end
    add(groups, table.concat(keys, "\0"), entry)
  end
  return groups
end

local function add_events(rows, paths, step)
  local rest = { forward = step.phases.forward, backward = step.phases.backward }
  local function put(entry)
    for _, sum in ipairs { "flops", "bytes" } do entry[sum] = entry[sum] or 0 end
    entry.calls = 1
    add(rows, ("%s\0%s\0%s"):format(entry.layer, entry.operation, entry.pass), entry)
  end
  for _, event in ipairs(step.events) do
    local layer = (event.source or event).layer
    put { layer = layer and paths[layer] or "loss", type = layer and layer.type, operation = event.operation,
      pass = event.pass, seconds = event.seconds, flops = 2 * (event.macs or 0), bytes = event.bytes }
    rest[event.pass] = rest[event.pass] - event.seconds
  end
  if step.phases.optimizer then
    put { layer = "optimizer", operation = "step", pass = "optimizer", seconds = step.phases.optimizer,
      flops = 2 * step.macs_later }
  end
  for _, pass in ipairs { "forward", "backward" } do
    if rest[pass] then
      put { layer = "other", operation = "other", pass = pass, seconds = rest[pass] }
    end
  end
end

local function divide(rows, steps, seconds)
  for _, row in ipairs(rows) do
    for _, sum in ipairs { "calls", "seconds", "flops", "bytes" } do row[sum] = row[sum] / steps end
    row.calls = math.tointeger(row.calls) or row.calls
    row.share = row.seconds / seconds
  end
end

local function rate(row)
  return row and row.flops > 0 and ("%.0f"):format(row.flops / row.seconds / 1e9) or ""
end

local function milliseconds(row) return row and ("%.2f"):format(row.seconds * 1e3) or "" end

local function percent(share) return ("%.1f %%"):format(share * 100) end

local function layers_table(report)
  local cells = { { "layer", "type", "ms", "share", "forward ms", "GFLOP/s", "backward ms", "GFLOP/s" } }
  local passes = group(report.rows, "layer", "pass")
  for _, row in ipairs(report.layers) do
    local forward, backward = passes[row.layer .. "\0forward"], passes[row.layer .. "\0backward"]
    cells[#cells + 1] = { row.layer, row.type or "", milliseconds(row), percent(row.share),
      milliseconds(forward), rate(forward), milliseconds(backward), rate(backward) }
  end
  return text_table.format(cells, { left = 2 })
end

local function operations_table(report)
  local cells, rows = { { "operation", "pass", "calls", "ms", "share", "GFLOP/s", "MB", "GB/s" } }, {}
  table.move(report.operations, 1, #report.operations, 1, rows)
  table.sort(rows, function(a, b) return a.seconds > b.seconds end)
  for _, row in ipairs(rows) do
    cells[#cells + 1] = { row.operation, row.pass, row.calls, milliseconds(row), percent(row.share),
      rate(row), row.bytes > 0 and ("%.1f"):format(row.bytes / 1e6) or "",
      row.bytes > 0 and ("%.1f"):format(row.bytes / row.seconds / 1e9) or "" }
  end
  return text_table.format(cells, { left = 2 })
end

--- The report as text: a line for the step, a table by layer in the order of the network, one by operation.
function Report.__tostring(report)
  local phases, shares, flops = report.phases, {}, 0
  for _, row in ipairs(report.rows) do flops = flops + row.flops end
  for _, phase in ipairs { "forward", "backward", "optimizer" } do
    if phases[phase] then shares[#shares + 1] = phase .. " " .. percent(phases[phase] / report.seconds) end
  end
  local lines = {
    ("%s of %s, batch %d, mean of %d: %.2f ms, %.1f samples/s, %.0f GFLOP/s"):format(
      phases.backward and "training step" or "inference", report.name, report.batch, report.steps,
      report.seconds * 1e3, report.samples_per_second, flops / report.seconds / 1e9),
    table.concat(shares, ", "), "", layers_table(report), "", operations_table(report),
  }
  return table.concat(lines, "\n")
end

return function(model, batch, steps)
  local paths = {}
  model:visit(function(part, path) paths[part] = path == "" and "1" or path end)
  local rows, phases, seconds = {}, {}, 0
  for _, step in ipairs(steps) do
    add_events(rows, paths, step)
    for phase, time in pairs(step.phases) do
      phases[phase], seconds = (phases[phase] or 0) + time / #steps, seconds + time / #steps
    end
  end
  divide(rows, #steps, seconds)
  local report = {
    name = model.name or model.type, batch = batch, steps = #steps, seconds = seconds,
    samples_per_second = batch / seconds, phases = phases, rows = rows,
    layers = group(rows, "layer", "type"), operations = group(rows, "operation", "pass"),
  }
  divide(report.layers, 1, seconds)
  divide(report.operations, 1, seconds)
  return setmetatable(report, Report)
end
