--- Sweep files and folders of results for specs, all below one folder.
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local temporary_folder = require "support.temporary_folder"

local root = temporary_folder()

local sweep_files, count = { root = root }, 0

--- A sweep of six short trials.
sweep_files.SIMPLE = [[
local mb = require "moonbow"
return {
  space = { x = { 1, 2, 3 } }, objective = "score", seeds = 2,
  run = function(config, trial) return { score = config.x + mb.rng(trial.seed):normal() / 100 } end,
}
]]

function sweep_files.write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

function sweep_files.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

--- Writes a sweep file; returns its path, and options with a folder of its own.
function sweep_files.new(text, name)
  count = count + 1
  local path = ("%s/%s.lua"):format(root, name or "sweep" .. count)
  sweep_files.write(path, text)
  return path, { out = ("%s/out%d"):format(root, count), workers = 0 }
end

--- Returns the folder of a sweep's results.
function sweep_files.folder(path, options) return folders.open(options.out, assert(definition.load(path))) end

--- Returns the results by id, and the folder.
function sweep_files.results(path, options)
  local folder, found = sweep_files.folder(path, options), {}
  for id in pairs(folder:kept()) do found[id] = assert(folder:result(id)) end
  return found, folder
end

function sweep_files.remove() os.execute("rm -rf " .. root) end

return sweep_files
