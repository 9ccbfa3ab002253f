--- Specs of layers, of moonbow.exchange.import.merged, as a network.
local nn = require "moonbow.nn"

-- Makes the layer of a spec; puts its tensors into a table, by the path.
local function make(spec, tensors, path)
  local options = {}
  for key, value in pairs(spec.options) do options[key] = value end
  for i, part in ipairs(spec.parts or {}) do
    options[i] = make(part, tensors, path == "" and tostring(i) or path .. "." .. i)
  end
  for name, tensor in pairs(spec.tensors) do tensors[path .. "." .. name] = tensor end
  return nn[spec.type](options)
end

--- Makes the network of a spec, a container.
-- @param shape of its input, without the batch, or of several by name
-- @return layer built, in evaluation mode
return function(spec, shape)
  local tensors = {}
  if #spec.parts == 0 then
    spec.parts[1] = { type = "Activation", options = { name = "linear" }, tensors = {} }
  end
  return make(spec, tensors, ""):restore(shape, tensors):eval()
end
