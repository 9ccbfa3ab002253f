--- The messages of ONNX that moonbow writes and reads, as moonbow.exchange.protobuf takes them.
-- Source: onnx.ai/onnx/repo-docs/IR.html.
return {
  Model = {
    { 1, "ir_version", "int" }, { 2, "producer_name", "bytes" }, { 3, "producer_version", "bytes" },
    { 7, "graph", "Graph" }, { 8, "opset_import", "OperatorSet", "repeated" },
    { 14, "metadata_props", "Property", "repeated" },
  },
  -- A model, with the place of its graph.
  Outline = { { 7, "graph", "place" }, { 8, "opset_import", "OperatorSet", "repeated" },
    { 14, "metadata_props", "Property", "repeated" } },
  OperatorSet = { { 1, "domain", "bytes" }, { 2, "version", "int" } },
  Property = { { 1, "key", "bytes" }, { 2, "value", "bytes" } },
  Graph = {
    { 1, "node", "Node", "repeated" }, { 2, "name", "bytes" }, { 5, "initializer", "Tensor", "repeated" },
    { 11, "input", "Value", "repeated" }, { 12, "output", "Value", "repeated" },
  },
  Node = {
    { 1, "input", "bytes", "repeated" }, { 2, "output", "bytes", "repeated" }, { 3, "name", "bytes" },
    { 4, "op_type", "bytes" }, { 5, "attribute", "Attribute", "repeated" }, { 7, "domain", "bytes" },
  },
  Attribute = {
    { 1, "name", "bytes" }, { 2, "f", "float" }, { 3, "i", "int" }, { 4, "s", "bytes" }, { 5, "t", "Tensor" },
    { 7, "floats", "float", "repeated" }, { 8, "ints", "int", "repeated" }, { 9, "strings", "bytes", "repeated" },
    { 20, "type", "int" },
  },
  Tensor = {
    { 1, "dims", "int", "repeated" }, { 2, "data_type", "int" }, { 4, "float_data", "place" },
    { 5, "int32_data", "int", "repeated" }, { 7, "int64_data", "int", "repeated" }, { 8, "name", "bytes" },
    { 9, "raw_data", "place" }, { 10, "double_data", "place" }, { 14, "data_location", "int" },
  },
  Value = { { 1, "name", "bytes" }, { 2, "type", "Type" } },
  Type = { { 1, "tensor_type", "TensorType" } },
  TensorType = { { 1, "elem_type", "int" }, { 2, "shape", "Shape" } },
  Shape = { { 1, "dim", "Dimension", "repeated" } },
  Dimension = { { 1, "dim_value", "int" }, { 2, "dim_param", "bytes" } },
}
