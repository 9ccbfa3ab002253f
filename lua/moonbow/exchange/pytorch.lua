--- mb.export_pytorch and mb.import_pytorch: weights as PyTorch has them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local safetensors = require "moonbow.io.safetensors"
local writer = require "moonbow.io.safetensors_writer"
local networks = require "moonbow.exchange.networks"
local shown = require "moonbow.shown"
local Layer = require "moonbow.nn.layer"

local pytorch = {}

local function module_of(operation, network)
  local ok, module = pcall(require "moonbow.exchange.pytorch.network", network) -- rarely needed
  if ok then return module end
  if type(module) == "table" then check.fail(operation, "%s", module.refused) end
  error(module, 0)
end

-- ---- writing ----

local function add_classes(module, classes, found)
  if classes[module.class] then found[module.class] = true end
  for _, part in ipairs(module.parts or {}) do
    if part.module then add_classes(part.module, classes, found) end
  end
  return found
end

local function python_of(module)
  local classes = require "moonbow.exchange.pytorch.classes"
  local names, parts = {}, { "import torch\nfrom torch import nn\n" }
  for name in pairs(add_classes(module, classes, {})) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = classes[name] end
  parts[#parts + 1] = ("network = %s\n"):format(module.code)
  local python = table.concat(parts, "\n\n")
  if not utf8.len(python) then check.fail("export_pytorch", "a name in the network is not valid UTF-8") end
  return python
end

local known = { python = check.optional "string" }

--- Writes the weights of a network as a safetensors file with PyTorch's names and order, as load_state_dict takes them:
-- see docs/exchange.md. With the option python, also a file of Python that makes the network itself, under the name
-- network. Raises for layers that are functions in Lua, with their place.
-- @param network layer built
-- @param path string of the file
-- @option python path of the file that makes the network
-- @return boolean true; or nil and a message
-- @return string what the option python writes
-- @usage assert(mb.export_pytorch(model, "weights.safetensors", { python = "network.py" }))
function pytorch.export_pytorch(network, path, options)
  networks.check("export_pytorch", network, "PyTorch")
  check.kind("export_pytorch", "path", path, "string")
  options = check.options("export_pytorch", options, known)
  local module = module_of("export_pytorch", network)
  local tensors, counts = {}, {}
  for _, entry in ipairs(module.tensors) do
    tensors[entry.name] = entry.counts and core.full(0, { 1 }) or entry.to(entry.value)
    counts[entry.name] = entry.counts
  end
  local python = python_of(module)
  local ok, err = writer.write(path, tensors, { format = "pt" }, counts)
  if ok and options.python then ok, err = files.write(options.python, python) end
  if not ok then return nil, err end
  return true, python
end

check.takes(pytorch.export_pytorch, 3, known)

-- ---- reading ----

-- The message of a file that is no safetensors file.
local function refusal_of(path, message)
  local is_other = message:find("not a safetensors file", 1, true)
  local other = is_other and require "moonbow.exchange.kinds"(files.read(path) or "")
  if not other then return message end
  local how = other:find "torch" and "; in Python, safetensors.torch.save_file(model.state_dict(), "
    .. "\"weights.safetensors\") writes what is read here" or ""
  return ("%s: it is no safetensors file, but %s%s"):format(path, other, how)
end

-- The name that a tensor has in the file: names gives what stands there instead of a name or its beginning, and "" what
-- stands before all names.
local function name_in_file(name, names)
  local start, prefix, found = name, names[""] and names[""]:gsub("%.?$", ".", 1) or "", name
  while start and start ~= "" do
    if names[start] then
      found = names[start] .. name:sub(#start + 1)
      break
    end
    start = start:match "^(.*)%.[^.]*$"
  end
  return ((prefix .. found):gsub("^%.+", ""))
end

-- Raises for what is no name of a module or tensor, which would change nothing.
local function check_names(module, names)
  local is_name, list = { [""] = true }, {}
  for _, entry in ipairs(module.tensors) do
    local start = entry.name
    while start and not is_name[start] do
      is_name[start], list[#list + 1] = true, start
      start = start:match "^(.*)%.[^.]*$"
    end
  end
  for name, other in pairs(names) do
    check.kind("import_pytorch", "names", name, "string")
    check.kind("import_pytorch", ("names[%s]"):format(check.show(name)), other, "string")
    if not is_name[name] then
      local nearest = check.nearest(name, list)
      check.fail("import_pytorch", "names: the network has no weights under %s%s", check.show(name),
        nearest and (" (did you mean '%s'?)"):format(nearest) or "")
    end
  end
end

-- The names of tensors, of which a few are enough to see how a file calls them.
local function some_names(tensors)
  local list = check.sorted_keys(tensors)
  for i, name in ipairs(list) do list[i] = check.show(name) end
  return #list == 0 and "no tensors" or shown.list(list, 4)
end

-- The tensor of the file for one of a module; or nil and a message.
local function tensor_for(entry, name, tensors, skipped)
  local tensor, expected = tensors[name], check.show_shape(core.shape(entry.to(entry.value)))
  local what = ("%s of %s, in PyTorch %s of shape %s"):format(entry.own, entry.place, check.show(name), expected)
  if not tensor then
    local why = skipped[name] and ": it " .. skipped[name] or "; the file has " .. some_names(tensors)
    return nil, ("there is no %s%s"):format(what, why)
  end
  local got = check.show_shape(core.shape(tensor))
  if got ~= expected then return nil, ("expected %s, got shape %s"):format(what, got) end
  return tensor
end

-- The tensors of the file by the names of the module; or nil and a message.
local function matching(module, tensors, skipped, names)
  local found, used = {}, {}
  for _, entry in ipairs(module.tensors) do
    local name = name_in_file(entry.name, names)
    used[name] = true
    if not entry.counts then
      local tensor, err = tensor_for(entry, name, tensors, skipped)
      if not tensor then return nil, err end
      found[entry.name] = tensor
    end
  end
  for name in pairs(tensors) do
    if not used[name] then return nil, "the network has no " .. check.show(name) end
  end
  return found
end

-- Returns the values for the weights of a network, { { value, new } }; or nil and a message.
local function match(module, tensors, skipped, names)
  local matched, err = matching(module, tensors, skipped, names)
  if not matched then return nil, err end
  local found, by_identity = {}, {}
  for _, entry in ipairs(module.tensors) do
    if entry.from then
      local name = check.show(name_in_file(entry.name, names))
      local new, identity = entry.from(matched[entry.name], matched[entry.beside]), Layer.identity(entry.value)
      local before = by_identity[identity]
      if before and core.digest(before.new, 0) ~= core.digest(new, 0) then
        return nil, ("%s and %s differ, but are one weight of the network"):format(before.name, name)
      end
      by_identity[identity] = before or { name = name, new = new }
      found[#found + 1] = { value = entry.value, new = new }
    end
  end
  return found
end

local known_import = { names = check.optional "table" }

--- Reads the weights of a network from a safetensors file that PyTorch wrote, or mb.export_pytorch. Its tensors have
-- the names that mb.export_pytorch gives, or those of the option names. A name or a shape that does not fit, and a
-- tensor that is missing or left over, are refused, and then nothing is changed.
-- @param path string of the file
-- @param network layer built, with the shapes of the file
-- @option names what stands in the file instead of a name or its beginning: { ["0"] = "conv1", ["5"] = "fc" }; [""] is
--   what stands before all names: { [""] = "module" }. Raises for names that the network does not have
-- @return layer the network; or nil and a message
-- @usage
-- assert(mb.export_pytorch(model, "weights.safetensors"))
-- assert(mb.import_pytorch("weights.safetensors", model))
function pytorch.import_pytorch(path, network, options)
  check.kind("import_pytorch", "path", path, "string")
  networks.check("import_pytorch", network, "PyTorch")
  options = check.options("import_pytorch", options, known_import)
  local names = options.names or {}
  local module = module_of("import_pytorch", network)
  check_names(module, names)
  local tensors, metadata, skipped = safetensors.read(path)
  if not tensors then return nil, refusal_of(path, metadata) end
  local found, err = match(module, tensors, skipped, names)
  if not found then return nil, ("%s: %s"):format(path, err) end
  for _, entry in ipairs(found) do core.copy_from(entry.value, entry.new) end
  return network
end

check.takes(pytorch.import_pytorch, 3, known_import)

return pytorch
