--- Models for other programs, and those of others.
local pytorch = require "moonbow.exchange.pytorch"

return {
  export_onnx = require "moonbow.exchange.export",
  export_pytorch = pytorch.export_pytorch, import_pytorch = pytorch.import_pytorch,
}
