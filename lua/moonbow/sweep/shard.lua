--- Determines this process's share of a sweep's trials, the given one or the one from a launcher's environment, and of
-- the machine's cores.
local uv = require "luv"
local check = require "moonbow.check"

local shard = {}

-- Variables of the environment with the number of this process and the number of processes, the first number, and the
-- step from one to the next.
local launchers = {
  { "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", first = "SLURM_ARRAY_TASK_MIN", step = "SLURM_ARRAY_TASK_STEP" },
  { "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE" },
  { "PMI_RANK", "PMI_SIZE" },
  { "PMIX_RANK", "PMIX_SIZE" },
  { "SLURM_PROCID", "SLURM_NTASKS" },
}

local function number_of(name)
  local text = os.getenv(name)
  return text and math.tointeger(tonumber(text))
end

-- Returns the share that the environment names; nil for a single process.
local function from_environment()
  for _, names in ipairs(launchers) do
    local index, count = number_of(names[1]), number_of(names[2])
    if index and count and count > 1 then
      local after = index - (names.first and number_of(names.first) or 0)
      local step = names.step and number_of(names.step) or 1
      if after % step ~= 0 or after // step >= count then
        check.fail("sweep", "%s = %d is not one of %d numbers with a step of %d: give every process its share with "
          .. "--shard I/N", names[1], index, count, step)
      end
      return { after // step + 1, count }
    end
  end
end

--- Raises unless a share is { index, count } with index from 1 to count.
function shard.check(operation, share)
  check.each(operation, "shard", check.list(operation, "shard", share), "positive integer")
  if #share ~= 2 or share[1] > share[2] then
    check.fail(operation, "shard: expected { index, count } with index from 1 to count, got { %s }",
      table.concat(share, ", "))
  end
end

--- Reads the share { index, count } from a text "I/N", or from the environment; nil for all trials.
-- @param text string "2/8", or nil
function shard.find(text)
  if not text then return from_environment() end
  local index, count = text:match "^(%d+)/(%d+)$"
  index, count = math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
  if not index or index < 1 or index > count then
    check.fail("sweep", "shard: expected I/N with I from 1 to N, got %s", check.show(text))
  end
  return { index, count }
end

-- Variables of launchers with the number of their processes on this machine; Slurm's is such as "4(x2),3".
local neighbours = { "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE" }

--- Returns how many cores this process may use: those on which the system lets it run, divided among the processes that
-- a launcher started on this machine. GNU parallel starts one for each core unless it is told otherwise.
function shard.cores()
  local allowed, all = uv.available_parallelism(), #uv.cpu_info()
  if os.getenv "PARALLEL_SEQ" then return 1 end
  if number_of "SLURM_CPUS_PER_TASK" then return math.min(allowed, number_of "SLURM_CPUS_PER_TASK") end
  all = number_of "SLURM_CPUS_ON_NODE" or all
  for _, name in ipairs(neighbours) do
    local count = math.tointeger(tonumber((os.getenv(name) or ""):match "^%d+"))
    if count then return math.max(1, math.min(allowed, all // count)) end
  end
  return math.min(allowed, all)
end

return shard
