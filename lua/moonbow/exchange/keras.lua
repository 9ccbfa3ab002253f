--- mb.import_keras: networks from files of Keras.
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local networks = require "moonbow.exchange.networks"

local keras = {}

-- ---- reading ----

local known = { length = check.optional "positive integer", network = check.optional "table" }

-- A message without position, of what moonbow.exchange.import.tree or a layer raised.
local function text_of(err)
  if type(err) ~= "table" then return check.reason(err) end
  return ("%s: %s"):format(err.node and err.node.where or "the model", text_of(err.message))
end

local function read(bytes, length, network)
  local opened = require("moonbow.exchange.keras.file").open(bytes) -- rarely needed
  if network then return require "moonbow.exchange.keras.fill"(opened, network) end
  if not opened.config then error("it holds weights, but no model; give the option network, too", 0) end
  return require "moonbow.exchange.import.graph"(require "moonbow.exchange.keras.model"(opened, length))
end

--- Reads a network from a file of Keras: see docs/exchange.md. It is a network like any other, in evaluation mode: a
-- Graph if it has several inputs or outputs, or branches that cross, and a Sequential otherwise. With the option
-- network, it reads the weights into that one: they are matched by the kinds of layers, in Keras' order, and by shape;
-- if something does not fit, or fits in several orders that the model may have had, nothing is changed.
-- @param path string of the file: .keras, .weights.h5, or the HDF5 of Keras 1 and 2
-- @option length points of the spectra, if the file leaves them open
-- @option network built, of the layers in the file; needed for files with weights only
-- @return layer the network; or nil and a message
-- @usage
-- assert(mb.export_keras(model, "model.keras"))
-- local network = assert(mb.import_keras "model.keras")
function keras.import_keras(path, options)
  check.kind("import_keras", "path", path, "string")
  options = check.options("import_keras", options, known)
  if options.network then networks.check("import_keras", options.network, "Keras") end
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  local ok, result = check.refusal(read, bytes, options.length, options.network)
  if ok then return result end
  return nil, ("%s: %s"):format(path, check.printable(text_of(result)))
end

check.takes(keras.import_keras, 2, known)

-- ---- writing ----

--- Writes a network as a file of Keras, by the end of its path: .keras and .weights.h5 of Keras 3 (the latter with
-- weights only), .h5 of Keras 2.9. Raises for layers that Keras does not have, with their place. See docs/exchange.md.
-- @param network layer built
-- @param path string of the file
-- @return boolean true; or nil and a message
-- @usage assert(mb.export_keras(model, "model.keras"))
function keras.export_keras(network, path)
  networks.check("export_keras", network, "Keras")
  check.kind("export_keras", "path", path, "string")
  local kind = path:match "%.(keras)$" or path:match "%.(weights%.h5)$" or path:match "%.(h5)$"
  if not kind then
    check.fail("export_keras", "path: expected one that ends in .keras, .weights.h5 or .h5, got %s", check.show(path))
  end
  local ok, bytes = pcall(require "moonbow.exchange.keras.write", network, kind) -- rarely needed
  if not ok then
    if type(bytes) ~= "table" then error(bytes, 0) end
    if bytes.node then check.fail("export_keras", "%s", text_of(bytes)) end
    return nil, bytes.refused
  end
  return files.write(path, bytes)
end

return keras
