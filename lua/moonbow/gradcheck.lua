--- mb.gradcheck: gradients of the tape against central differences.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local is_double = core.real_bytes == 8

local known = {
  step = check.default(is_double and 1e-5 or 4e-3, "positive"),
  tolerance = check.default(is_double and 1e-6 or 1e-2, "positive"),
  most = check.default(200, "positive integer"), seed = check.default(0, "integer|table"),
}

local function show(report)
  local rows = { { "input", "elements", "error", "at", "tape", "difference" } }
  for i, found in ipairs(report.inputs) do
    rows[i + 1] = { found.name, found.checked, ("%.2e"):format(found.error), found.at, ("%.6g"):format(found.tape),
      ("%.6g"):format(found.difference) }
  end
  return ("%s: the largest error is %.2e, with a tolerance of %g\n%s"):format(report.ok and "gradients agree"
    or "gradients DO NOT agree", report.worst, report.tolerance, text_table.format(rows))
end

local make = shown.kind("gradient check", show)

-- Calls f with copies of the inputs that the tape follows; returns them and the result.
local function run(f, inputs)
  local leaves = {}
  for i, x in ipairs(inputs) do leaves[i] = autograd.param(core.copy(x)) end
  local y = f(table.unpack(leaves))
  check.kind("gradcheck", "result of f", y, "tensor")
  return leaves, y
end

-- The difference quotient of the mixture of all results for element e of a tensor.
local function quotient(f, inputs, value, e, mixture, step)
  local flat = core.reshape(value, -1)
  local was, results, places = flat[e], {}, {}
  for k, sign in ipairs { 1, -1 } do
    core.set(flat, e, was + sign * step)
    places[k] = flat[e]
    results[k] = core.copy(autograd.no_grad(f, table.unpack(inputs)))
  end
  core.set(flat, e, was)
  local difference = core.sum(core.mul(core.sub(results[1], results[2]), mixture)):item()
  return difference / (places[1] - places[2]) -- the places as they were rounded
end

local function elements_of(count, most, rng)
  local list = {}
  for e = 1, math.min(count, most) do list[e] = e end
  if count <= most then return list end
  for e, chosen in ipairs(core.totable(core.narrow(core.rng_permutation(rng, count), 1, most))) do
    list[e] = chosen // 1 | 0
  end
  return list
end

-- Compares the gradient of one tensor; quotient_of(e) is its difference quotient for element e.
local function compare(name, gradient, count, options, rng, quotient_of)
  local tape = gradient and core.totable(core.reshape(gradient, -1)) or {}
  local found, scale = { name = name, error = 0, at = 1, tape = tape[1] or 0, difference = 0 }, 1e-3
  local elements, worst = elements_of(count, options.most, rng), -1
  for _, e in ipairs(elements) do
    local difference = quotient_of(e)
    local off = math.abs((tape[e] or 0) - difference)
    scale = math.max(scale, math.abs(difference))
    if off > worst or off ~= off then
      worst, found.at, found.tape, found.difference = off == off and off or math.huge, e, tape[e] or 0, difference
    end
  end
  found.checked, found.error = #elements, worst / scale
  return found
end

local function parameters_of(f)
  return type(f) == "table" and type(f.parameters) == "function" and f:parameters() or {}
end

-- The gradients that parameters have, and none for the check; closing it puts them back.
local function keep_gradients(parameters)
  local kept = {}
  for i, parameter in ipairs(parameters) do
    kept[i], parameter.value.grad = parameter.value.grad, nil
  end
  return setmetatable({}, { __close = function()
    for i, parameter in ipairs(parameters) do parameter.value.grad = kept[i] end
  end })
end

local function compare_all(f, inputs, options)
  if type(f) == "table" then autograd.no_grad(f, table.unpack(inputs)) end -- makes the weights of a new layer
  local parameters, found, rng = parameters_of(f), {}, core.rng(options.seed)
  local _ <close> = keep_gradients(parameters)
  local leaves, y = run(f, inputs)
  local mixture = core.rng_uniform(rng, 0.5, 1.5, core.shape(y))
  autograd.backward(ops.sum(ops.mul(y, mixture)))
  for i, x in ipairs(inputs) do
    found[i] = compare(("x%d"):format(i), leaves[i].grad, core.count(x), options, rng, function(e)
      return quotient(f, inputs, x, e, mixture, options.step)
    end)
  end
  for _, parameter in ipairs(parameters) do
    local value = parameter.value
    if core.is_tracked(value) then
      found[#found + 1] = compare(parameter.name, value.grad, core.count(value), options, rng, function(e)
        return quotient(f, inputs, value, e, mixture, options.step)
      end)
    end
  end
  return found
end

--- Compares gradients of the tape with central differences: for operations, layers and losses of your own. The result
-- of f may have any shape; its elements are summed with fixed weights. An error is a share of the largest difference
-- quotient of the tensor. In float32 errors of 1e-3 are usual. At a kink, such as that of ReLU at 0, differences are
-- wrong; other inputs avoid it. f must give the same each time.
-- @param f function|layer of the inputs, which returns a tensor; of a layer, its weights are checked, too
-- @param inputs tensor|table the input, or a list of several
-- @option step by which an element is moved to both sides
-- @option tolerance the largest error that is all right
-- @option most elements of a tensor that are checked, chosen at random of more
-- @option seed an integer, or a table of integers, of the choice and the weights
-- @return table { ok (true if no error is above the tolerance), worst (the largest error), inputs (a list of { name,
--   error, at (the element with the largest error), tape, difference, checked }) }; it prints itself
-- @usage assert(mb.gradcheck(function(a, b) return (a * b):tanh() end, { mb.rand(3, 4), mb.rand(4) }).ok)
local function gradcheck(f, inputs, options)
  options = check.options("gradcheck", options, known)
  check.kind("gradcheck", "f", f, "function|table")
  if core.is_tensor(inputs) then inputs = { inputs } end
  check.list("gradcheck", "inputs", inputs)
  if #inputs == 0 then check.fail("gradcheck", "inputs: expected at least one tensor, got none") end
  local copies = {}
  for i, x in ipairs(inputs) do
    copies[i] = core.copy(check.kind("gradcheck", ("inputs[%d]"):format(i), x, "tensor"))
  end
  local found, worst = compare_all(f, copies, options), 0
  for _, one in ipairs(found) do worst = math.max(worst, one.error) end
  return make { ok = worst <= options.tolerance, worst = worst, tolerance = options.tolerance, inputs = found }
end

return check.takes(gradcheck, 3, known)
