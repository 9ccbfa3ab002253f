-- Times functions: a warm-up, then at least a given number of runs.
local mb = require "moonbow"
local clock = require "moonbow.clock"
local progress = require "moonbow.progress"

local measure = {}

--- Returns the seconds of each run of f: options.warm_up (1) runs that are not counted, then at least options.least
-- (3), and as many more as fit into options.seconds (0).
function measure.runs(f, options)
  options = options or {}
  for _ = 1, options.warm_up or 1 do f() end
  local times, sum = {}, 0
  repeat
    local begin = clock()
    f()
    local seconds = clock() - begin
    times[#times + 1], sum = seconds, sum + seconds
  until #times >= (options.least or 3) and sum >= (options.seconds or 0)
  return times
end

local began = clock()

--- Writes on standard error what is being measured, with the seconds so far; arguments as for string.format.
function measure.progress(...) progress.line(clock() - began, ...) end

--- Returns the median of a list.
function measure.median(values)
  local sorted = { table.unpack(values) }
  table.sort(sorted)
  local half = #sorted // 2
  return #sorted % 2 == 1 and sorted[half + 1] or (sorted[half] + sorted[half + 1]) / 2
end

--- Measures the machine's rate in large matrix products, in GFLOP/s: the best of a few.
function measure.product_rate()
  local n = 3000
  local a, b = mb.rand(n, n), mb.rand(n, n)
  local best = math.min(table.unpack(measure.runs(function() a:matmul(b):close() end, { least = 4 })))
  a:close()
  b:close()
  return 2 * n ^ 3 / best / 1e9
end

-- Returns the numbers that a C program beside this file prints; nil if the program or its compiler fails.
local function run_c(name, ...)
  local here, program = arg[0]:match "^(.*/)" or "./", os.tmpname()
  local command = "cc -O3 -march=native -fopenmp '%s%s.c' -o %s 2>/dev/null && %s %s"
  local pipe = assert(io.popen(command:format(here, name, program, program, table.concat({ ... }, " "))))
  local first, second = pipe:read("n", "n")
  pipe:close()
  os.remove(program)
  return first, second
end

--- Measures the least seconds in which this many threads read this many bytes from memory, and again, partly from the
-- caches, with bench/read_rate.c; nil if there is no C compiler.
function measure.read_seconds(bytes, threads) return run_c("read_rate", bytes, threads) end

--- Measures the seconds in which a cache line goes from one core to another and back (bench/round_trip.c); nil if
-- there is one core or no C compiler.
function measure.round_trip() return (run_c "round_trip") end

--- Returns a line of /proc/self/status in MB, e.g. "VmHWM", the peak of resident memory; nil on other systems.
function measure.resident(key)
  local file = io.open "/proc/self/status"
  local kilobytes = file and file:read("a"):match("\n" .. key .. ":%s*(%d+) kB")
  if file then file:close() end
  return kilobytes and kilobytes / 1024
end

--- Returns the name of the processor.
function measure.processor()
  local file = io.open "/proc/cpuinfo"
  if not file then return "unknown processor" end
  local text = file:read "a"
  file:close()
  local name = text:match "model name%s*:%s*([^\n]+)" or "unknown processor"
  local vectors = text:find "avx512f" and "AVX-512" or text:find "avx2" and "AVX2" or "no AVX2"
  return ("%s (%s)"):format(name, vectors)
end

return measure
