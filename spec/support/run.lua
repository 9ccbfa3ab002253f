-- Runs busted under the Lua that runs this file; the `busted` command starts whichever Lua the system prefers.
require "busted.runner" { standalone = false }
