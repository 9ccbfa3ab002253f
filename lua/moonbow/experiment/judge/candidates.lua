--- The pipelines that a user names in --model and --preprocess, or the default ones.
local check = require "moonbow.check"
local models = require "moonbow.models"
local pipelines = require "moonbow.pipeline"

local candidates = {}

local SHORTEST_FOR_NETWORKS = 32 -- points

local default_models = {
  class = { full = "plsda logistic neighbours forest one_convolution", quick = "plsda logistic" },
  number = { full = "pls ridge neighbours one_convolution", quick = "pls ridge" },
}
local default_chains = {
  full = "none;snv;savitzky_golay:derivative=1,snv;savitzky_golay:derivative=2,snv", quick = "none;snv",
}
local wants_same_scale = { logistic = true, svm = true, network = true } -- their penalty or start suits points of sd 1

local function value_of(text)
  if text == "true" or text == "false" then return text == "true" end
  return math.tointeger(text) or tonumber(text) or text
end

-- Reads "name" or "name:option=value:option=value".
local function read_entry(text)
  local entry = { text:match "^%s*([^:%s]*)" }
  for part in text:gmatch ":([^:]*)" do
    local key, value = part:match "^%s*([%w_]+)=(.-)%s*$"
    if not key then check.fail("own_spectra", "expected name:option=value, got %s", check.show(text)) end
    entry[key] = value_of(value)
  end
  return entry
end

-- Reads "none;snv;savitzky_golay:derivative=2,snv".
local function read_chains(text)
  local chains = {}
  for chain in text:gmatch "[^;]+" do
    local steps = {}
    for step in chain:gmatch "[^,]+" do
      local entry = read_entry(step)
      if entry[1] ~= "none" then steps[#steps + 1] = entry end
    end
    chains[#chains + 1] = steps
  end
  if #chains == 0 then check.fail("own_spectra", "--preprocess: expected steps, got %s", check.show(text)) end
  return chains
end

local function names_of_models()
  local names = {}
  for name in pairs(models) do names[#names + 1] = name end
  table.move(pipelines.models, 1, #pipelines.models, #names + 1, names)
  table.sort(names)
  return names
end

-- Returns the last entry of a pipeline for a model or network by name.
local function read_model(text, task, epochs)
  local entry = read_entry(text)
  if entry[1] == "pls" and task == "class" then entry[1] = "plsda" end
  check.name("own_spectra", "--model", entry[1], names_of_models())
  if models[entry[1]] then entry.net, entry[1] = entry[1], "network" end
  if entry[1] == "network" then entry.epochs = entry.epochs or epochs end
  return entry
end

local function is_standardized(steps) return steps[#steps] and steps[#steps][1] == "standardize" end

local function pipeline_of(steps, model)
  local list = table.move(steps, 1, #steps, 1, {})
  if wants_same_scale[model[1]] and not is_standardized(steps) then list[#list + 1] = { "standardize" } end
  list[#list + 1] = check.copy(model)
  return pipelines.new(list)
end

local function models_for(task, kind, length)
  local names = {}
  for name in default_models[task][kind]:gmatch "%S+" do
    if length >= SHORTEST_FOR_NETWORKS or not models[name] then names[#names + 1] = name end
  end
  return names
end

--- Returns every named model with every chain of steps as pipelines; each once.
-- @param task "class" or "number"
-- @param length points of a spectrum
-- @param options { models (list of texts), chains (text), quick, epochs (of networks) }
function candidates.pipelines(task, length, options)
  local kind, list, seen = options.quick and "quick" or "full", {}, {}
  for _, name in ipairs(#options.models > 0 and options.models or models_for(task, kind, length)) do
    for _, steps in ipairs(read_chains(options.chains or default_chains[kind])) do
      local pipeline = pipeline_of(steps, read_model(name, task, options.epochs))
      if not seen[tostring(pipeline)] then
        seen[tostring(pipeline)], list[#list + 1] = true, pipeline
      end
    end
  end
  return list
end

return candidates
