-- Writes the files that a page of documentation holds in blocks "```c PATH", and collects its blocks "```diff" in a
-- patch: apply_page.lua PAGE PATCH
package.path = "spec/?.lua;" .. package.path
local examples = require "support.examples"

local page, patch = table.unpack(arg)
local file = assert(io.open(page))
local blocks = examples.blocks(file:read "a")
file:close()

local function write(path, lines)
  local out <close> = assert(io.open(path, "w"))
  out:write(table.concat(lines, "\n"), "\n")
end

local changes = {}
for _, block in ipairs(blocks) do
  if block.language == "diff" then
    table.move(block.lines, 1, #block.lines, #changes + 1, changes)
  elseif block.language == "c" and block.about ~= "" then
    write(block.about, block.lines)
  end
end
write(patch, changes)
