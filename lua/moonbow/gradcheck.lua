--- mb.gradcheck: gradients of the tape against central differences.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local is_double = core.real_bytes == 8
local EPSILON = is_double and 2 ^ -52 or 2 ^ -23
local TOLERANCE = is_double and 1e-6 or 1e-2
local LEAST_STEP = EPSILON / TOLERANCE -- as a share of the element: its own rounding stays below the tolerance
local ROUNDINGS = 4 -- of each result; some of those before it are larger than its own

local known = {
  step = check.default(is_double and 1e-5 or 4e-3, "positive"),
  tolerance = check.default(TOLERANCE, "positive"),
  most = check.default(200, "positive integer"), seed = check.seed(0),
}

local function show(report)
  local rows = { { "input", "elements", "error", "at", "tape", "difference", "rounding" } }
  for i, found in ipairs(report.inputs) do
    rows[i + 1] = { found.name, found.checked, ("%.2e"):format(found.error), found.at, ("%.6g"):format(found.tape),
      ("%.6g"):format(found.difference), ("%.1g"):format(found.rounding) }
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

-- Returns by how much the mixture of all results of f changes from put(-1), which moves elements of an input, to
-- put(1), and how much of that may be rounding. put(0) moves them back.
local function change_of(f, inputs, mixture, put)
  local results = {}
  for _, side in ipairs { 1, -1 } do
    put(side)
    results[side] = core.copy(autograd.no_grad(f, table.unpack(inputs)))
  end
  put(0)
  local change = core.sum(core.mul(core.sub(results[1], results[-1]), mixture)):item()
  return change, ROUNDINGS * EPSILON * math.sqrt(core.sum_squares(core.mul(results[1], mixture)))
end

-- Returns the difference quotient for element e of a tensor, and how much of it may be rounding.
local function quotient(change, value, e, step)
  local flat, places = core.reshape(value, -1), {}
  local was = flat[e]
  local size = math.max(step, LEAST_STEP * math.abs(was))
  local difference, rounding = change(function(side)
    core.set(flat, e, was + side * size)
    places[side] = flat[e]
  end)
  local width = places[1] - places[-1] -- of the places as they were rounded
  return difference / width, rounding / width
end

-- Moves all elements together, each to the side to which its gradient points, by about a step. Returns the change that
-- the gradient predicts, the one of the results, and how much of that may be rounding; as quotients.
local function quotient_of_all(change, value, gradient, step, rng)
  local was = core.copy(value)
  local size = core.mul(core.maximum(core.mul(core.abs(was), LEAST_STEP), step),
    core.rng_uniform(rng, 0.5, 1.5, core.shape(was)))
  local move = gradient and core.mul(size, core.sub(core.mul(core.ge(gradient, 0), 2), 1)) or size
  local places = { [-1] = core.sub(was, move), [0] = was, [1] = core.add(was, move) }
  local difference, rounding = change(function(side) core.copy_from(value, places[side]) end)
  local predicted = gradient and core.sum(core.mul(gradient, core.sub(places[1], places[-1]))):item() or 0
  return predicted / (2 * step), difference / (2 * step), rounding / (2 * step)
end

-- Returns how far a gradient is from a difference quotient beyond rounding; infinity if one of them is not finite.
local function distance(gradient, difference, rounding)
  local off = math.abs(gradient - difference) - rounding
  return math.abs(off) < math.huge and math.max(off, 0) or math.huge
end

local function share(off, scale)
  if off == 0 or off == math.huge then return off end
  return off / scale
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

-- Changes add up if all elements move, so that these do so by less; rounding is then a tenth of the tolerance.
local function compare_together(found, gradient, value, options, rng, change)
  local total = gradient and core.sum(core.abs(gradient)):item() or 0
  local step = options.step * math.min(1, 10 * found.rounding / (options.tolerance * total))
  local predicted, difference, rounding = quotient_of_all(change, value, gradient, step, rng)
  local error = share(distance(predicted, difference, rounding), math.abs(difference))
  if error <= found.error then return end
  found.error, found.at, found.tape, found.difference, found.rounding = error, "all", predicted, difference, rounding
end

-- Compares the gradient of one tensor; change is change_of for the function, inputs and mixture.
local function compare(name, gradient, value, options, rng, change)
  local tape = gradient and core.totable(core.reshape(gradient, -1)) or {}
  local found = { name = name, at = 1, tape = tape[1] or 0, difference = 0, rounding = 0 }
  local elements, worst, scale = elements_of(core.count(value), options.most, rng), -1, 0
  for _, e in ipairs(elements) do
    local difference, rounding = quotient(change, value, e, options.step)
    local off = distance(tape[e] or 0, difference, rounding)
    if math.abs(difference) < math.huge then scale = math.max(scale, math.abs(difference)) end
    found.rounding = math.max(found.rounding, rounding)
    if off > worst then worst, found.at, found.tape, found.difference = off, e, tape[e] or 0, difference end
  end
  found.checked, found.error = #elements, share(worst, scale)
  if found.error <= options.tolerance and found.rounding > options.tolerance * scale then
    compare_together(found, gradient, value, options, rng, change)
  end
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
  local function change(put) return change_of(f, inputs, mixture, put) end
  for i, x in ipairs(inputs) do found[i] = compare(("x%d"):format(i), leaves[i].grad, x, options, rng, change) end
  for _, parameter in ipairs(parameters) do
    local value = parameter.value
    if core.is_tracked(value) then
      found[#found + 1] = compare(parameter.name, value.grad, value, options, rng, change)
    end
  end
  return found
end

--- Compares gradients of the tape with central differences: for operations, layers and losses of your own. The result
-- of f may have any shape; its elements are summed with fixed weights. An error is how far a gradient is from its
-- difference quotient, as a share of the largest quotient of the tensor. What the rounding of the results explains,
-- four times the last digit of each, is not counted. If that could hide more than the tolerance, as in the mean of
-- very many elements, all elements are also moved together, and the sums of their changes are compared. In float32
-- errors up to 1e-3 are usual. At a kink, such as that of ReLU at 0, differences are wrong; where f is infinite beside
-- an element, they are infinite, and so is the error. Other inputs avoid both. f must give the same each time.
-- @param f function|layer of the inputs, which returns a tensor; of a layer, its weights are checked, too
-- @param inputs tensor|table the input, or a list of several
-- @option step by which an element x is moved to both sides; at least 1.2e-5 |x|, or 2.2e-10 |x| in float64
-- @option tolerance the largest error that is all right
-- @option most elements of a tensor that are checked, chosen at random of more
-- @option seed an integer, or a table of integers, of the choice and the weights
-- @return table { ok (true if no error is above the tolerance), worst (the largest error), inputs (a list of { name,
--   error, at (the element with the largest error, or "all"), tape, difference, rounding (the most that it may be of a
--   difference quotient), checked }) }; it prints itself
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
