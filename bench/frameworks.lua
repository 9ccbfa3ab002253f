-- Compares moonbow with other frameworks, and with this machine's own matrix product: docs/measurements/speed.md.
--   lua bench/frameworks.lua [--networks cnn3,vgg] [--peers moonbow,pytorch] [--sections training,latency]
-- Peers that are not found are left out. Cells go to a JSON file, which keeps those of earlier runs on the same
-- machine until they are measured again; the tables are printed from that file.
local here = arg[0]:match "^(.*/)" or "./"
package.path = here .. "?.lua;" .. package.path
local argparse = require "argparse"
local mb = require "moonbow"
local measure = require "measure"
local networks = require "networks"
local peers = require "peers"
local results = require "results"
local tables = require "tables"

local LENGTH, CLASSES, BATCH = 5000, 500, 128

local function list(text)
  local parts = {}
  for part in text:gmatch "[^,%s]+" do parts[#parts + 1] = part end
  return parts
end

local function has(parts, name)
  for _, part in ipairs(parts) do
    if part == name then return true end
  end
  return false
end

local function read_arguments()
  local parser = argparse("lua bench/frameworks.lua", "moonbow beside other frameworks: docs/measurements/speed.md")
  local names = {}
  for i, peer in ipairs(peers.all) do names[i] = peer.name end
  parser:option("--networks", "which, with commas", table.concat(networks.names, ",")):convert(list)
  parser:option("--peers", "which frameworks, with commas", table.concat(names, ",")):convert(list)
  parser:option("--sections", "which of training, inference, latency", peers.all[1].sections):convert(list)
  parser:option("--threads", "threads of every framework", "2"):convert(math.tointeger)
  parser:option("--seconds", "least time of a measurement, beside at least 3 runs", "2"):convert(tonumber)
  parser:option("--limit", "most seconds of one framework with one network", "240"):convert(math.tointeger)
  parser:option("--json", "file of results", "results/frameworks.json")
  parser:flag("--fresh", "forget earlier results")
  parser:flag("--check", "instead of timing: do all frameworks compute the same?")
  return parser:parse()
end

local function check_names(kind, given, known)
  for _, name in ipairs(given) do
    if not has(known, name) then
      local names = table.concat(known, ", ")
      io.stderr:write(("frameworks: no %s '%s'; known are %s\n"):format(kind, name, names))
      os.exit(1, true)
    end
  end
end

-- Returns the sections of a peer that were asked for.
local function sections_of(peer, wanted)
  local sections = {}
  for section in peer.sections:gmatch "[^,]+" do
    if has(wanted, section) then sections[#sections + 1] = section end
  end
  return sections
end

local function run_cell(store, peer, name, job, sections, limit)
  measure.progress("%-7s %-17s begins", name, peer.name)
  local found, reason = peers.run(peer, job, sections, limit)
  local network = store.networks[name] or {}
  store.networks[name] = network
  local done = {}
  for _, result in ipairs(found) do
    if result.section then
      done[result.section] = result
    else
      store.versions[peer.name] = result.version
      network.macs = result.macs or network.macs
      network.parameters = network.parameters or result.parameters
      if result.parameters ~= network.parameters then
        reason = ("%d parameters, expected %d"):format(result.parameters, network.parameters)
        break
      end
    end
  end
  for _, section in ipairs(sections) do
    local result, why = done[section], reason or "no result"
    results.put(store, name, section, peer.name, not result and { not_run = why }
      or { seconds = result.seconds, peak_mb = result.peak_mb, product_rate = store.product_rate })
    measure.progress("%-7s %-17s %s %s", name, peer.name, section,
      result and ("%.1f ms"):format(measure.median(result.seconds) * 1e3) or "not run: " .. why)
  end
  results.write(store)
end

-- Measures the time to read a network's weights once, a lower bound for the inference of one spectrum, and the time
-- from one core to another, which changes on virtual machines.
local function measure_reading(store, name, threads)
  local network = store.networks[name]
  if not network or not network.parameters then return end
  network.weight_bytes = 4 * network.parameters
  network.trip_seconds = measure.round_trip()
  network.memory_seconds, network.again_seconds = measure.read_seconds(network.weight_bytes, threads)
  measure.progress("%-7s %.0f MB of weights are read in %s", name, network.weight_bytes / 1e6, network.memory_seconds
    and ("%.2f ms, and again in %.2f ms"):format(network.memory_seconds * 1e3, network.again_seconds * 1e3)
    or "an unknown time: no C compiler")
  results.write(store)
end

local function run(args, found)
  local store = results.open(args.json, args.fresh, { processor = measure.processor(), threads = args.threads,
    length = LENGTH, classes = CLASSES, batch = BATCH })
  for _, name in ipairs(args.networks) do
    store.product_rate = measure.product_rate()
    mb.release_memory()
    measure.progress("%-7s matrix product %.0f GFLOP/s", name, store.product_rate)
    local job = { config = networks.make(name, { classes = CLASSES }):config(), length = LENGTH,
      classes = CLASSES, batch = BATCH, threads = args.threads, seconds = args.seconds }
    for _, peer in ipairs(found) do
      local sections = sections_of(peer, args.sections)
      if #sections > 0 then run_cell(store, peer, name, job, sections, args.limit) end
      if peer.name == "moonbow" and has(sections, "latency") then measure_reading(store, name, args.threads) end
    end
  end
  io.write(tables.frameworks(store), "\n")
end

local args = read_arguments()
local peer_names = {}
for i, peer in ipairs(peers.all) do peer_names[i] = peer.name end
check_names("network", args.networks, networks.names)
check_names("peer", args.peers, peer_names)
check_names("section", args.sections, { "training", "inference", "latency" })
mb.threads(args.threads)
local run_all = args.check and require "agreement" or run
run_all(args, peers.among(args.peers))
