--- Which share of a sweep's trials this process takes: one that is given, or what a launcher's environment says.
local check = require "moonbow.check"

local shard = {}

-- Number of this process and how many there are, by the names of the environment, and what the numbers begin with.
local launchers = {
  { "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", first = "SLURM_ARRAY_TASK_MIN" },
  { "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE" },
  { "PMI_RANK", "PMI_SIZE" },
  { "PMIX_RANK", "PMIX_SIZE" },
  { "SLURM_PROCID", "SLURM_NTASKS" },
}

local function number_of(name)
  local text = os.getenv(name)
  return text and math.tointeger(tonumber(text))
end

-- The share that the environment names; nil for a process alone.
local function from_environment()
  for _, names in ipairs(launchers) do
    local index, count = number_of(names[1]), number_of(names[2])
    if index and count and count > 1 then
      return { index - (names.first and number_of(names.first) or 0) + 1, count }
    end
  end
end

--- The share { index, count } of a text "I/N", or of the environment; nil for all trials.
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

return shard
