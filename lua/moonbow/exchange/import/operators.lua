--- The operators of ONNX that are layers of networks on spectra: an operator(import, node, ...) for each, which gets
-- the values of its inputs (nil where one is left out) and returns those of its outputs. Values are those of
-- moonbow.exchange.import.values, or constants { dims, tensor or integers }.
--
-- import:layer(node, type, options, tensors, x, changed) adds a layer behind x and returns its output.
local operators = {}
for _, part in ipairs { "affine", "arithmetic", "norms", "pooling", "shapes", "activations" } do
  for name, operator in pairs(require("moonbow.exchange.import." .. part)) do operators[name] = operator end
end
for _, part in ipairs { "recurrent", "upsampling" } do
  for name, operator in pairs(require("moonbow.exchange.import." .. part).operators) do operators[name] = operator end
end

return operators
