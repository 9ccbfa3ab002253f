-- Writes the tables of the results in docs/measurements/speed/ into docs/measurements/speed.md, between their marks.
--   lua bench/render.lua
local here = arg[0]:match "^(.*/)" or "./"
package.path = here .. "?.lua;" .. package.path
local files = require "moonbow.io.files"
local results = require "results"
local sections = require "sections"
local tables = require "tables"

local docs = here .. "../docs/measurements/"

-- The page with text between <!-- mark --> and the <!-- end --> behind it.
local function put(page, mark, text)
  local _, first = page:find("<!-- " .. mark .. " -->", 1, true)
  local last = first and page:find("<!-- end -->", first, true)
  if not last then error("the page has no mark " .. mark, 0) end
  return page:sub(1, first) .. "\n\n" .. text .. "\n\n" .. page:sub(last)
end

local function scaling(store)
  local parts = { ("%s, %d threads"):format(store.setting.processor, store.setting.threads) }
  for _, section in ipairs(sections) do
    local numbers = store.cells[section.name]
    if numbers then parts[#parts + 1] = section.show(numbers) end
  end
  return table.concat(parts, "\n\n")
end

local page = assert(files.read(docs .. "speed.md"))
local shows = {
  frameworks = tables.frameworks, ["frameworks-cascade-lake"] = tables.frameworks, scaling = scaling,
}
for mark, show in pairs(shows) do
  local store = results.read(docs .. "speed/" .. mark .. ".json")
  if store then page = put(page, mark, show(store)) end
end
assert(files.write(docs .. "speed.md", page))
