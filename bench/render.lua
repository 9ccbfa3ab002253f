-- Puts the tables of a file of results between their marks in a page: <!-- frameworks --> ... <!-- end -->.
--   lua bench/render.lua [RESULTS.json [PAGE.md]]    default: docs/speed.json docs/speed.md
local here = arg[0]:match "^(.*/)" or "./"
package.path = here .. "?.lua;" .. package.path
local results = require "results"
local tables = require "tables"

local store = assert(results.read(arg[1] or here .. "../docs/speed.json"), "no file of results")
local path = arg[2] or here .. "../docs/speed.md"

local file = assert(io.open(path))
local page = file:read "a"
file:close()
for _, part in ipairs { "frameworks" } do
  local mark = "<!-- " .. part .. " -->"
  local _, first = page:find(mark, 1, true)
  local last = first and page:find("<!-- end -->", first, true)
  if not last then error(("%s has no %s ... <!-- end -->"):format(path, mark), 0) end
  page = page:sub(1, first) .. "\n\n" .. tables[part](store) .. "\n\n" .. page:sub(last)
end
file = assert(io.open(path, "w"))
file:write(page)
file:close()
