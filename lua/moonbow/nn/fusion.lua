--- Fusion: the layers that run as one pass over memory, and the conditions for it, in one table.
--
-- A kernel has a map in registers or cache before it is written. What follows the layer, if the kernel does it there,
-- does not read the map again, and of several maps only the last is written: fused, lee2020_cnn3 trains 1.31 times as
-- fast. Results are those of the layers one by one, up to rounding: a folded batch norm has other weights (1e-6), and
-- transforms of a convolution have other tiles with pooling behind it.
--
-- Two kinds of work are fused: an activation of a layer's own (fusion.slope), and layers behind it in a Sequential
-- (rules). A layer that shall show its own output, as for trace_on, is never fused with others.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local fold_norm = require "moonbow.nn.fold_norm"
local Layer = require "moonbow.nn.layer"

local fusion = {}

-- ---- ReLU and leaky ReLU, which multiply what is negative by a slope ----

-- The slopes that the kernel under a layer takes, by its type; others run behind it.
local takes_slope = {
  BatchNorm1d = function() return true end,
  -- For backward, a byte per result tells what a ReLU let through; it has no room for another slope.
  Conv1d = function(slope) return slope == 0 or not autograd.is_recording() end,
  Residual = function(slope) return slope >= 0 and slope < 1 end,
}

--- The slope of the activation of acting (a layer, or a folded one) that a layer's kernel shall apply in its own pass;
-- nil if there is none, or it is left to acting.activate.
function fusion.slope(layer, acting)
  local slope = acting.slope
  if slope and slope ~= 1 and takes_slope[layer.type](slope) then return slope end
end

-- ---- layers behind a layer ----

-- At inference, batch norm is a scale and a shift of each channel, which filters without an activation can have.
local function folds(conv, norm)
  return norm.made and not norm.training and not autograd.is_recording() and conv.slope == 1
end

-- The largest value of a window is the same before and after an activation that never falls.
local function commutes(pool, acting)
  local options = pool.options
  return acting.is_rising and options.padding == "valid" and options.size <= core.pool_most
end

-- True if x, or the map that a convolution makes of it, is as long as a window of the pooling. What is too short is
-- left to the pooling, so that it raises the error.
local function fits(pool, x, conv)
  if core.rank(x) ~= 3 then return false end
  local length, size = core.size(x, 2), pool.options.size
  if not conv then return size <= length end
  local options = conv.options
  if length >= (size - 1) * options.stride + (options.kernel - 1) * options.dilation + 1 then return true end
  local ok, made = pcall(core.window, length, options.kernel, options.stride, options.dilation, options.padding)
  return ok and size <= made
end

-- A rule: the types of two or three neighbouring layers; when(x, layer, ...): true if they are fused for the input x;
-- run(x, layer, ...): the output of the last of them. The longest rule that holds is taken.
local rules = {
  {
    "Conv1d", "BatchNorm1d",
    when = function(_, conv, norm) return folds(conv, norm) end,
    run = function(x, conv, norm) return conv:convolve(x, nil, fold_norm(conv, norm)) end,
  },
  {
    "Conv1d", "BatchNorm1d", "MaxPool1d",
    when = function(x, conv, norm, pool)
      return folds(conv, norm) and commutes(pool, norm) and fits(pool, x, conv)
    end,
    run = function(x, conv, norm, pool) return conv:convolve(x, pool, fold_norm(conv, norm)) end,
  },
  {
    "Conv1d", "MaxPool1d",
    when = function(x, conv, pool) return commutes(pool, conv) and fits(pool, x, conv) end,
    run = function(x, conv, pool) return conv:convolve(x, pool) end,
  },
  {
    "BatchNorm1d", "MaxPool1d",
    when = function(x, norm, pool) return commutes(pool, norm) and fits(pool, x) end,
    run = function(x, norm, pool) return norm:normalise(x, pool) end,
  },
}

-- The rules by the types of their first two layers, the longest before the others: a look-up tells of most layers that
-- nothing is fused.
local rules_of = {}
for _, rule in ipairs(rules) do
  local followers = rules_of[rule[1]] or {}
  local list = followers[rule[2]] or {}
  rules_of[rule[1]], followers[rule[2]], list[#list + 1] = followers, list, rule
  table.sort(list, function(one, other) return #one > #other end)
end

-- Runs the layers of a rule as Layer.run runs one.
local function run_rule(rule, x, first, second, third)
  if not first.made then first:ensure_made(core.shape(x)) end
  local y = rule.run(x, first, second, third)
  if third then return Layer.report(x, y, first, second, third) end
  return Layer.report(x, y, first, second)
end

--- Runs layer i of a list on x, with the layers behind it that a rule fuses with it.
-- @return the output, and the number of the last layer that has run
function fusion.run(parts, i, x)
  local first, second, third = parts[i], parts[i + 1], parts[i + 2]
  local followers = rules_of[first.type]
  local candidates = followers and second and followers[second.type]
  if candidates and core.is_tensor(x) and not Layer.is_apart() then
    for k = 1, #candidates do
      local rule = candidates[k]
      local is_pair = #rule == 2
      if (is_pair or third and third.type == rule[3]) and rule.when(x, first, second, third) then
        return run_rule(rule, x, first, second, not is_pair and third or nil), i + #rule - 1
      end
    end
  end
  return first:run(x), i
end

return fusion
