--- mb.import_onnx: networks from files of ONNX.
local check = require "moonbow.check"
local expected = require "moonbow.data.expected"
local files = require "moonbow.io.files"

local known_options = { length = check.optional "positive integer", layout = check.optional "string" }

--- Reads a network from a file of ONNX, as PyTorch, tf2onnx and others write them: see docs/exchange.md. It is a
-- network like any other, in evaluation mode; its inputs are (N, L, C), or (N, C), whatever the order in the file.
-- Several inputs or outputs, and branches that cross, make an nn.Graph of the file's names. Operators that are no
-- layers of moonbow are refused, with their node. One that mb.export_onnx wrote comes back as it was, without the
-- softmax and the steps of preprocessing, which are then in the second result. Everything in the file is checked: see
-- mb.limits.
-- @param path string of the file
-- @option length points of the spectra, if the file leaves them open
-- @option layout "NCL" or "NLC": the dimensions of spectra in the file; needed where both are possible, as with a
--   Flatten first
-- @return layer the network; or nil and a message
-- @return table classes, axis, unit, quantity, preprocessing, note, as given to mb.export_onnx
-- @usage
-- assert(mb.export_onnx(model, "model.onnx"))
-- local network = assert(mb.import_onnx "model.onnx")
local function import_onnx(path, options)
  check.kind("import_onnx", "path", path, "string")
  options = check.options("import_onnx", options, known_options)
  if options.layout then check.name("import_onnx", "layout", options.layout, { "NCL", "NLC" }) end
  local text, err = files.read(path)
  if not text then return nil, err end
  local read = require "moonbow.exchange.import.network" -- rarely needed
  local ok, network, info = check.refusal(read, text, options.length, options.layout)
  local other = not ok and require "moonbow.exchange.kinds"(text)
  if other then return nil, ("%s: it is no file of ONNX, but %s"):format(path, other) end
  if not ok then return nil, ("%s: %s"):format(path, check.printable(check.reason(network))) end
  return expected.remember(network, info), info
end

check.takes(import_onnx, 2, known_options)

return import_onnx
