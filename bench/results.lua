-- The file of results: cells by network, section and framework; those of one machine only.
local json = require "cjson"
local files = require "moonbow.io.files"

local results = {}

local function read(path)
  local text = files.read(path)
  return text and json.decode(text)
end

local function is_same(a, b)
  for key, value in pairs(a) do
    if b[key] ~= value then return false end
  end
  return true
end

--- Returns the results in a file; none if there is no file or fresh is set. Raises if they were measured on
-- another machine or with other settings.
function results.open(path, fresh, setting)
  local store = not fresh and read(path) or { setting = setting, networks = {}, versions = {}, cells = {} }
  if not is_same(store.setting, setting) then
    local message = "%s holds results of another machine or setting (%s); name another file, or use --fresh"
    error(message:format(path, store.setting.processor), 0)
  end
  store.path = path
  return store
end

--- Replaces an earlier cell.
function results.put(store, network, section, peer, cell)
  cell.measured = os.date "!%Y-%m-%dT%H:%M:%SZ"
  local sections = store.cells[network] or {}
  store.cells[network] = sections
  sections[section] = sections[section] or {}
  sections[section][peer] = cell
end

--- Writes the file, which appears whole or not at all.
function results.write(store)
  local path = store.path
  local folder = path:match "^(.*)/"
  if folder then assert(files.make_folders(folder)) end
  local kept = {}
  for _, key in ipairs { "setting", "networks", "versions", "cells" } do kept[key] = store[key] end
  assert(files.write(path, json.encode(kept) .. "\n"))
end

--- Reads a file of results.
results.read = read

return results
