--- LSTM step by step, for the activations that its kernel does not have.
local core = require "moonbow.core"
local ops = require "moonbow.ops"

local steps = {}

-- As the sigmoid, of straight lines: 0.2 x + 0.5 between 0 and 1.
local function hard_sigmoid(x)
  local capped = ops.relu(ops.add(ops.mul(x, -0.2), 0.5)) -- 1 - (0.2 x + 0.5), where that is above 0
  return ops.relu(ops.add(ops.neg(capped), 1))
end

local gates = { sigmoid = ops.sigmoid, hard_sigmoid = hard_sigmoid }

-- One step: from gates (N, 4 U), without their recurrent part, and the state before (nil at the first point).
local function step(z, R, h, c, gate, activate)
  local units = core.size(R, 1)
  if h then z = ops.add(z, ops.matmul(h, R)) end
  local function part(k) return ops.slice(z, 2, k * units + 1, units) end
  local new = ops.mul(gate(part(0)), activate(part(2)))
  c = c and ops.add(ops.mul(gate(part(1)), c), new) or new
  return ops.mul(gate(part(3)), activate(c)), c
end

--- The states (L, N, units) of x (L, N, C), as ops.recurrent gives them. Each point is some operations of its own.
-- @param W, b, R weights of the input, the bias, and weights of the state
-- @param gate_activation "sigmoid" or "hard_sigmoid"
-- @param activate function of a tensor
function steps.run(x, W, b, R, gate_activation, activate)
  local z, states, h, c = ops.dense(x, W, b), {}, nil, nil
  for t = 1, core.size(x, 1) do
    h, c = step(ops.row(z, t), R, h, c, gates[gate_activation], activate)
    states[t] = ops.reshape(h, 1, core.size(h, 1), core.size(h, 2))
  end
  return ops.concat(states, 1)
end

return steps
