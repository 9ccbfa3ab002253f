-- The backend tests of the package onnx: which networks mb.import_onnx reads, and whether they compute what the tests
-- expect.
--   build/lua bench/onnx_backend.lua FOLDER
-- FOLDER holds folders with model.onnx and test_data_set_0, as /usr/share/libonnx-testdata/data of Debian's
-- libonnx-testdata. Inputs but the first become constants with the values of the test. Prints the number of those that
-- agree within 1e-4, that differ, and that are refused, by the reason.
local lfs = require "lfs"
local mb = require "moonbow"
local core = require "moonbow.core"
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"

local TOLERANCE = 1e-4

local function bytes_of(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "a"
  if file then file:close() end
  return bytes
end

-- The tensor of a file; nil if it holds no float32 of 1 to 4 dimensions.
local function tensor_of(path)
  local bytes = bytes_of(path)
  if not bytes then return nil end
  local t = protobuf.decode(schema, "Tensor", bytes)
  local place = t.raw_data or t.float_data
  if t.data_type ~= 1 or not place or #t.dims < 1 or #t.dims > 4 or place[2] < place[1] then return nil end
  return core.decode(bytes, place[1], "f4", false, t.dims)
end

-- ---- the other inputs as constants ----

-- Messages of which only these fields are written; a graph's others stand before, as they are.
local frozen = {
  Model = { { 7, "graph", "bytes" }, { 8, "opset_import", "OperatorSet", "repeated" } },
  OperatorSet = schema.OperatorSet, Tensor = schema.Tensor, Graph = { { 5, "initializer", "Tensor", "repeated" } },
}

-- The bytes of a model whose inputs from the second on have the values of a test.
local function freeze(bytes, data)
  local outline = protobuf.decode(schema, "Outline", bytes)
  local graph = protobuf.decode(schema, "Graph", bytes, table.unpack(outline.graph))
  local constants, own = {}, {}
  for _, tensor in ipairs(graph.initializer) do own[tensor.name or ""] = true end
  for i = 2, #graph.input do
    local text = not own[graph.input[i].name] and bytes_of(("%s/input_%d.pb"):format(data, i - 1))
    local t = text and protobuf.decode(schema, "Tensor", text)
    if t and t.raw_data then
      constants[#constants + 1] = { dims = t.dims, data_type = t.data_type, name = graph.input[i].name,
        raw_data = text:sub(table.unpack(t.raw_data)) }
    end
  end
  local more = table.concat(protobuf.encode(frozen, "Graph", { initializer = constants }))
  return table.concat(protobuf.encode(frozen, "Model", { opset_import = outline.opset_import,
    graph = bytes:sub(table.unpack(outline.graph)) .. more }))
end

-- ---- comparison ----

-- The ways to see a value of the file as maps (N, L, C) or rows.
local function views(x)
  local shape, list = x:shape(), { x }
  local sizes = {}
  for i = 2, #shape do sizes[#sizes + 1] = shape[i] > 1 and shape[i] or nil end
  if #shape == 4 and #sizes <= 2 then x = x:reshape(shape[1], sizes[1] or 1, sizes[2] or 1) end
  if x:rank() == 3 then
    table.move({ x:transpose(2, 3), x, x:transpose(1, 2) }, 1, 3, #list + 1, list) -- the last: points first
  end
  if x:rank() == 2 then list[#list + 1] = x:reshape(shape[1], shape[2], 1) end
  return list
end

local function agree(network, x, y)
  for _, input in ipairs(views(x)) do
    local ok, got = pcall(mb.no_grad, network, input)
    if type(got) == "table" then got = got[network.outputs[1]] end -- the test's output_0
    for _, expected in ipairs(ok and views(y) or {}) do
      if got:count() == expected:count() then
        local off = (got:reshape(-1) - expected:reshape(-1)):abs():max():item()
        if off <= TOLERANCE * math.max(1, expected:abs():max():item()) then return true end
      end
    end
  end
  return false
end

local path = os.tmpname()

local function import(folder)
  local ok, bytes = pcall(freeze, bytes_of(folder .. "/model.onnx"), folder .. "/test_data_set_0")
  if not ok then return nil, tostring(bytes) end
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return mb.import_onnx(path)
end

local function result_of(folder)
  local network, err = import(folder)
  if not network then
    return "refused: " .. err:gsub("^/[^:]*: ", ""):gsub("^node %d+ %(([%w]+)[^)]*%)", "%1"):gsub("%d+", "#")
      :gsub("'[^']*'", "NAME")
  end
  local x, y = tensor_of(folder .. "/test_data_set_0/input_0.pb"), tensor_of(folder .. "/test_data_set_0/output_0.pb")
  if not (x and y) then return "read; its test is not of float32" end
  return agree(network, x, y) and "agrees" or "differs"
end

local counts, differing = {}, {}
local function visit(folder)
  if lfs.attributes(folder .. "/model.onnx") then
    local result = result_of(folder)
    counts[result] = (counts[result] or 0) + 1
    if result == "differs" then differing[#differing + 1] = folder end
    return
  end
  for name in lfs.dir(folder) do
    local inner = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(inner, "mode") == "directory" then visit(inner) end
  end
end

visit(arg[1] or error "usage: build/lua bench/onnx_backend.lua FOLDER")
local list = {}
for result, count in pairs(counts) do list[#list + 1] = { count, result } end
table.sort(list, function(a, b) return a[1] > b[1] or a[1] == b[1] and a[2] < b[2] end)
for _, row in ipairs(list) do print(("%5d  %s"):format(row[1], row[2])) end
os.remove(path)
for _, folder in ipairs(differing) do print("differs: " .. folder) end
