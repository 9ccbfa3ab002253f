--- Writes the reference from the doc comments of the module that is loaded: DIR/luacats/moonbow.lua, annotations for
-- lua-language-server, and DIR/index.html, a self-contained page.
--
--     build/lua tools/reference.lua DIR
local root = arg[0]:match "^(.*)tools/reference%.lua$"
package.path = package.path .. ";" .. root .. "tools/?.lua"

local mb = require "moonbow"
local files = require "moonbow.io.files"
local entries = require("moonbow.help.entries").all(mb)

local function write(path, text)
  assert(files.make_folders(path:match "^(.*)/"))
  assert(files.write(path, function(put) put(text) end))
end

local folder = arg[1] or error("tools/reference.lua: expected a folder", 0)
write(folder .. "/luacats/moonbow.lua", require("reference.luacats").text(entries))
write(folder .. "/index.html", require("reference.html").page(entries, mb.VERSION))
