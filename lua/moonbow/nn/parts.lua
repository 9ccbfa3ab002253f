--- Shared by containers, layers made of layers: their constructor, calls of parts whose errors name the path, shapes.
local core = require "moonbow.core"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"
local fusion = require "moonbow.nn.fusion"

local parts = {}

local function is_path(message) return message:find "^layer %d+ [(']" ~= nil end

-- Raises the error of part i again, with the part's place before the message.
local function raise_at(container, i, err)
  if type(err) ~= "string" then error(err, 0) end
  local part, where = container.layers[i], core.call_site()
  local message = where ~= "" and err:sub(1, #where) == where and err:sub(#where + 1) or err
  local own = part.type .. ": "
  if message:sub(1, #own) == own then message = message:sub(#own + 1) end
  local name = container.name and container.name .. " > " or ""
  local label = container.labels and (" '%s'"):format(check.printable(container.labels[i])) or ""
  check.rethrow(("%slayer %d%s (%s)%s"):format(name, i, label, part.type, is_path(message) and " > " or ": "), message)
end

local run_fused = fusion.run

--- Runs part i of a container on x.
function parts.call(container, i, x)
  local part = container.layers[i]
  local ok, y = pcall(part.run, part, x)
  return ok and y or raise_at(container, i, y)
end

--- Runs part i and what is fused with it. Returns the output and the number of the last part that has run.
function parts.call_fused(container, i, x)
  local ok, y, last = pcall(run_fused, container.layers, i, x)
  if ok then return y, last end
  raise_at(container, i, y)
end

--- The shape that part i makes of a shape; infer is what output_shape got.
function parts.shape_after(container, i, shape, infer)
  local ok, output = pcall(infer, container.layers[i], i, shape)
  return ok and output or raise_at(container, i, output)
end

--- A new class of containers, as Layer.class makes one of layers. Their option tables hold layers at 1, 2, ...: these
-- move to layer.layers.
function parts.container(type_name, known, class, init)
  known.name = check.optional "string"
  class.make = function(layer) layer:visit(function() end) end -- no weights, but raises if it contains itself
  local construct = Layer.class(type_name, known, class, function(layer, options)
    layer.name = options.name
    if init then init(layer, options) end
  end)
  local function with_parts(given)
    check.kind(type_name, "layers", given, "table")
    local options, list = {}, {}
    for key, value in pairs(given) do
      if math.type(key) == "integer" then list[key] = value else options[key] = value end
    end
    if #list == 0 and not class.may_be_empty then check.fail(type_name, "expected a list of layers, got none") end
    for i, part in pairs(list) do
      if i < 1 or i > #list then check.fail(type_name, "there is no layer before layer %d", i) end
      if not Layer.is_layer(part) then
        check.fail(type_name, "layer %d: expected a layer, got %s", i, check.show(part))
      end
    end
    if #list > (class.most_parts or math.huge) then
      check.fail(type_name, "expected at most %d layers, got %d", class.most_parts, #list)
    end
    local layer = construct(options)
    layer.layers = list
    return layer
  end
  Layer.register(type_name, with_parts)
  check.takes(with_parts, 1, known)
  return with_parts
end

--- The shape of a concatenation: the sum of the last dimensions; the others have to agree.
-- @param what name of the shapes in messages: "branch "
function parts.concatenated_shape(operation, what, shapes)
  local first, sum = shapes[1], 0
  local outer = check.show_shape { table.unpack(first, 1, #first - 1) }
  for i, shape in ipairs(shapes) do
    if check.show_shape { table.unpack(shape, 1, #shape - 1) } ~= outer then
      check.fail(operation, "%s%d gives shape %s, which does not fit beside %s", what, i, check.show_shape(shape),
        check.show_shape(first))
    end
    sum = sum + shape[#shape]
  end
  local output = { table.unpack(first) }
  output[#output] = sum
  return output
end

return parts
