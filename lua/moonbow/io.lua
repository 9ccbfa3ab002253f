--- Files: models, safetensors, NumPy's arrays, and limits on the memory that a file may take.
local store = require "moonbow.io.store"

local io = {
  save = store.save, load = store.load, card = require "moonbow.io.card",
  safetensors = require "moonbow.io.safetensors",
  limits = require "moonbow.io.limits",
}
for name, f in pairs(require "moonbow.io.npy") do io[name] = f end

return io
