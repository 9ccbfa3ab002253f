--- Fusion: the layers that run as one pass over memory, and the conditions for it, in one table.
--
-- A kernel has a map in registers or cache before it is written. What follows the layer, if the kernel does it there,
-- does not read the map again, and of several maps only the last is written: fused, lee2020_cnn3 trains 1.31 times as
-- fast. Results are those of the layers one by one, bit for bit; only a folded batch norm rounds otherwise (1e-6).
--
-- Two kinds of work are fused: an activation of a layer's own (fusion.slope), and layers behind it in a Sequential
-- (rules). A layer that shall show its own output, as for trace_on, is never fused with others.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local activations = require "moonbow.nn.activations"
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
  local options = acting.options
  return pool.options.padding == "valid" and pool.options.size <= core.pool_most
    and activations.is_rising(options.activation, options.alpha)
end

-- Pooling of a map that is too short is left to the pooling, so that it raises the error.
local function fits(pool, length) return pool.options.size <= length end

-- The length of the map of a convolution, 0 if x does not fit.
local function map_length(conv, x)
  if core.rank(x) ~= 3 then return 0 end
  local options = conv.options
  local ok, length = pcall(core.window, core.size(x, 2), options.kernel, options.stride, options.dilation,
    options.padding)
  return ok and length or 0
end

-- A rule: the types of neighbouring layers; when(x, layer, ...): true if they are fused for the input x; run(x, layer,
-- ...): the output of the last of them. The longest rule that holds is taken.
local rules = {
  {
    "Conv1d", "BatchNorm1d",
    when = function(_, conv, norm) return folds(conv, norm) end,
    run = function(x, conv, norm) return conv:convolve(x, nil, fold_norm(conv, norm)) end,
  },
  {
    "Conv1d", "BatchNorm1d", "MaxPool1d",
    when = function(x, conv, norm, pool)
      return folds(conv, norm) and commutes(pool, norm) and fits(pool, map_length(conv, x))
    end,
    run = function(x, conv, norm, pool) return conv:convolve(x, pool, fold_norm(conv, norm)) end,
  },
  {
    "Conv1d", "MaxPool1d",
    when = function(x, conv, pool) return commutes(pool, conv) and fits(pool, map_length(conv, x)) end,
    run = function(x, conv, pool) return conv:convolve(x, pool) end,
  },
  {
    "BatchNorm1d", "MaxPool1d",
    when = function(x, norm, pool)
      return core.rank(x) == 3 and commutes(pool, norm) and fits(pool, core.size(x, 2))
    end,
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

-- True if the layers from i on have the types of a rule; the first two have.
local function has_types(rule, parts, i)
  for k = 3, #rule do
    local part = parts[i + k - 1]
    if not part or part.type ~= rule[k] then return false end
  end
  return true
end

-- Runs the layers of a rule as Layer.run runs one.
local function run_rule(rule, x, first, ...)
  if not first.made then first:ensure_made(core.shape(x)) end
  return Layer.report(x, rule.run(x, first, ...), first, ...)
end

--- Runs layer i of a list on x, with the layers behind it that a rule fuses with it.
-- @return the output, and the number of the last layer that has run
function fusion.run(parts, i, x)
  local first, second = parts[i], parts[i + 1]
  local followers = rules_of[first.type]
  local candidates = followers and second and followers[second.type]
  if candidates and core.is_tensor(x) and not Layer.is_apart() then
    for _, rule in ipairs(candidates) do
      local last = i + #rule - 1
      if has_types(rule, parts, i) and rule.when(x, table.unpack(parts, i, last)) then
        return run_rule(rule, x, table.unpack(parts, i, last)), last
      end
    end
  end
  return first:run(x), i
end

return fusion
