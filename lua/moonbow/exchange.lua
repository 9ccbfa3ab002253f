--- Models for other programs.
return { export_onnx = require "moonbow.exchange.export" }
