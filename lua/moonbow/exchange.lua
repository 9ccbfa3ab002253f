--- Models for other programs, and those of others.
local export = require "moonbow.exchange.export"
local keras = require "moonbow.exchange.keras"
local pytorch = require "moonbow.exchange.pytorch"

return {
  export_onnx = export.export_onnx, import_onnx = require "moonbow.exchange.import",
  export_keras = keras.export_keras, import_keras = keras.import_keras,
  export_pytorch = pytorch.export_pytorch, import_pytorch = pytorch.import_pytorch,
}
