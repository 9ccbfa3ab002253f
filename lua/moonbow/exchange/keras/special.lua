--- Layers of Keras that are no layers of moonbow: padding, cropping, and shapes. Each function(layer, input, reader)
-- returns the output. A value { step, rank, pad, is_point } has the padding { left, right } that a convolution behind
-- it takes; is_point: its one point stands for rows, as the gates of a squeeze and excitation.
local check = require "moonbow.check"

local special = {}

local function fail(format, ...) error(format:format(...), 0) end

-- Two numbers of points from on 0, given as one or two.
local function sides(layer, name)
  local value = layer.config[name]
  if type(value) ~= "table" then value = { value, value } end
  local left, right = math.tointeger(value[1]), math.tointeger(value[2])
  if not (left and right) or left < 0 or right < 0 then
    fail("a %s of no points (layer %s)", layer.class, check.show(layer.name))
  end
  return left, right
end

--- The classes that take padding of a layer before them.
special.takes_pad = { ZeroPadding1D = true, Conv1D = true, DepthwiseConv1D = true, SeparableConv1D = true }

function special.ZeroPadding1D(layer, input)
  local left, right = sides(layer, "padding")
  local before = input.pad or { 0, 0 }
  return { step = input.step, rank = input.rank, pad = { left + before[1], right + before[2] } }
end

-- What is cut off behind a transposed convolution is padding of its own.
function special.Cropping1D(layer, input, reader)
  local left, right = sides(layer, "cropping")
  local step = reader.steps[input.step]
  local options = step.options or {}
  local surplus, padding = step.spec and step.spec.surplus, options.padding
  if step.type ~= "Conv1dTranspose" or padding == "same" and not surplus then
    fail("a Cropping1D that stands behind no Conv1DTranspose with padding 'valid' (layer %s)", check.show(layer.name))
  end
  if surplus and right < surplus then
    fail("layer %s: it cuts off %d of %d points beyond the kernels", check.show(layer.name), right, surplus)
  end
  local before = type(padding) == "table" and padding or { 0, 0 }
  local number = reader:add_step(step.spec, step.inputs, layer)
  local copy = reader.steps[number]
  copy.spec = setmetatable({ surplus = false }, { __index = step.spec })
  copy.options.padding = { before[1] + left, before[2] + right - (surplus or 0) }
  return { step = number, rank = input.rank }
end

-- Rows of points as spectra of one channel, at the input; or a gate as one point.
function special.Reshape(layer, input)
  local shape = layer.config.target_shape
  local is_shape = input.rank == 2 and type(shape) == "table" and #shape == 2
  if is_shape and input.shape and shape[2] == 1 then
    input.rows_of = { input.shape[1], 1 }
    return { step = input.step, rank = 3 }
  end
  if is_shape and not input.shape and shape[1] == 1 then return { step = input.step, rank = 3, is_point = true } end
  fail("a Reshape that is not of rows to spectra of one channel, or to one point (layer %s)", check.show(layer.name))
end

--- Gives inputs that a Reshape takes as spectra their shape. Raises if something else takes them, too.
function special.check_rows(inputs)
  for _, input in ipairs(inputs) do
    if input.rows_of and input.is_used then fail("its input %s is rows and spectra", check.show(input.name)) end
    input.shape = input.rows_of or input.shape
  end
end

-- ---- one point ----

--- The classes of which one point is as rows.
special.takes_point = { Dense = true, Activation = true, ReLU = true, Dropout = true, Flatten = true }

function special.refuse_point(layer)
  fail("layer %s (%s): it gets one point that stands for rows, which Dense and Multiply take", check.show(layer.name),
    layer.class)
end

--- True if the output of a layer is one point that stands for rows.
function special.is_point_after(layer, input)
  if layer.class == "Flatten" then return false end
  return input.is_point or layer.class:find "^Global" and layer.config.keepdims == true or false
end

return special
