-- Results as tables in Markdown.
local measure = require "measure"
local networks = require "networks"
local text_table = require "moonbow.text_table"

local tables = {}

--- Formats rows of cells, the first of them the heading; columns except the first are right-aligned.
function tables.format(rows) return text_table.format(rows, { markdown = true }) end

--- Formats a number with three significant digits, and without decimals from 100 on.
function tables.digits(value)
  if not value then return "" end
  return ("%%.%df"):format(value >= 100 and 0 or value >= 10 and 1 or 2):format(value)
end

local digits = tables.digits

local function geometric_mean(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + math.log(value) end
  return #values > 0 and math.exp(sum / #values) or nil
end

local all_peers = { "moonbow", "pytorch", "pytorch-compiled", "tensorflow", "tensorflow-xla", "onnxruntime" }

-- Returns the frameworks that have cells in a section, moonbow first.
local function peers_of(store, section)
  local found = {}
  for _, peer in ipairs(all_peers) do
    local has = false
    for _, sections in pairs(store.cells) do has = has or (sections[section] or {})[peer] ~= nil end
    if has then found[#found + 1] = peer end
  end
  return found
end

local function cells_of(store, name, section) return (store.cells[name] or {})[section] or {} end

-- Returns a table with a row for each network: heading and cells(network cells, name) give the columns, and the last
-- row has geometric means of ratios.
local function per_network(store, section, heading, columns)
  local rows, ratios = { heading }, {}
  for _, name in ipairs(networks.names) do
    local cells = cells_of(store, name, section)
    if next(cells) then
      local row = { name }
      for i, column in ipairs(columns) do
        local value, is_ratio = column(cells, store.networks[name])
        row[i + 1] = type(value) == "string" and value or digits(value)
        if is_ratio and value then
          ratios[i] = ratios[i] or {}
          table.insert(ratios[i], value)
        end
      end
      rows[#rows + 1] = row
    end
  end
  local means = { "geometric mean" }
  for i = 1, #columns do means[i + 1] = ratios[i] and digits(geometric_mean(ratios[i])) or "" end
  rows[#rows + 1] = next(ratios) and means or nil
  return tables.format(rows)
end

local function seconds_of(cell) return cell and cell.seconds and measure.median(cell.seconds) end

-- Returns the text of a cell that was not measured, or f of its median seconds.
local function shown(peer, f)
  return function(cells)
    local cell = cells[peer]
    return cell and (cell.not_run and "not run: " .. cell.not_run:sub(1, 40) or f(seconds_of(cell))) or ""
  end
end

local function best_other(cells)
  local best
  for peer, cell in pairs(cells) do
    local seconds = peer ~= "moonbow" and seconds_of(cell)
    if seconds and (not best or seconds < best) then best = seconds end
  end
  return best
end

local function ratio(other)
  return function(cells)
    local own, theirs = seconds_of(cells.moonbow), other(cells)
    return own and theirs and theirs / own or nil, true
  end
end

-- Shows samples per second of all, with moonbow's GFLOP/s and its share of the matrix product.
local function throughput(store, section, flops_per_mac)
  local batch = store.setting.batch
  local function rate(cells, network)
    local seconds = seconds_of(cells.moonbow)
    return seconds and network.macs and flops_per_mac * network.macs * batch / seconds / 1e9
  end
  local function product(cells) return cells.moonbow and cells.moonbow.product_rate end
  local heading = { "network", "sgemm GFLOP/s", "moonbow GFLOP/s", "of sgemm" }
  local columns = { product, rate, function(cells, network)
    local own = rate(cells, network)
    return own and product(cells) and own / product(cells), true
  end }
  for _, peer in ipairs(peers_of(store, section)) do
    heading[#heading + 1] = peer
    columns[#columns + 1] = shown(peer, function(seconds) return batch / seconds end)
  end
  heading[#heading + 1] = "× pytorch"
  columns[#columns + 1] = ratio(function(cells) return seconds_of(cells.pytorch) end)
  heading[#heading + 1] = "× best"
  columns[#columns + 1] = ratio(best_other)
  return per_network(store, section, heading, columns)
end

local function latency(store)
  local heading, columns = { "network" }, {}
  for _, peer in ipairs(peers_of(store, "latency")) do
    heading[#heading + 1] = peer
    columns[#columns + 1] = shown(peer, function(seconds) return seconds * 1e3 end)
  end
  local function scaled(key, factor)
    return function(_, network) return network[key] and network[key] * factor end
  end
  local function times(key)
    return function(cells, network)
      local own = seconds_of(cells.moonbow)
      return own and network[key] and own / network[key], true
    end
  end
  local after = {
    { "× best", ratio(best_other) },
    { "weights, MB", scaled("weight_bytes", 1e-6) },
    { "from memory, ms", scaled("memory_seconds", 1e3) },
    { "moonbow / this", times "memory_seconds" },
    { "again, ms", scaled("again_seconds", 1e3) },
    { "moonbow / this", times "again_seconds" },
    { "core to core, ns", scaled("trip_seconds", 1e9) },
  }
  for _, entry in ipairs(after) do
    heading[#heading + 1], columns[#columns + 1] = entry[1], entry[2]
  end
  return per_network(store, "latency", heading, columns)
end

local function memory(store)
  local heading, columns = { "network" }, {}
  for _, peer in ipairs(peers_of(store, "training")) do
    heading[#heading + 1] = peer
    columns[#columns + 1] = function(cells) return cells[peer] and cells[peer].peak_mb end
  end
  heading[#heading + 1] = "pytorch / moonbow"
  columns[#columns + 1] = function(cells)
    local own, theirs = (cells.moonbow or {}).peak_mb, (cells.pytorch or {}).peak_mb
    return own and theirs and theirs / own, true
  end
  return per_network(store, "training", heading, columns)
end

local function has_section(store, section)
  for _, sections in pairs(store.cells) do
    if sections[section] then return true end
  end
  return false
end

--- Returns all tables of a run of frameworks.lua, with a line on machine and versions.
function tables.frameworks(store)
  local setting, versions = store.setting, {}
  for _, peer in ipairs { "pytorch", "tensorflow", "onnxruntime" } do
    local version = store.versions[peer]
    versions[#versions + 1] = version and peer .. " " .. version
  end
  local parts = { ("%s, %d threads, %d points, %d classes; %s"):format(setting.processor, setting.threads,
    setting.length, setting.classes, table.concat(versions, ", ")) }
  local function add(section, title, format)
    if has_section(store, section) then
      parts[#parts + 1], parts[#parts + 2] = title, format(store)
    end
  end
  local per_second = ("samples per second at batch %d"):format(setting.batch)
  add("training", "Training (forward, backward, Adam), " .. per_second, function()
    return throughput(store, "training", 6)
  end)
  add("training", "Peak resident memory in training, MB", memory)
  add("inference", "Inference, " .. per_second, function() return throughput(store, "inference", 2) end)
  add("latency", "Inference of one spectrum, ms", latency)
  return table.concat(parts, "\n\n")
end

return tables
